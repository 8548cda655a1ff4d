import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A temporary project with the user's own git, and a data directory for wave beside it. */
export interface GitProject extends Disposable {
  readonly root: string
  readonly dataDir: string
  /** The folder that holds both. */
  readonly folder: string
  write(path: string, content: string | Uint8Array): void
  /** Stock git, as the user would run it. Answers what it prints. */
  git(...args: readonly string[]): string
  /** Everything as it is, committed. */
  commit(message: string): string
}

export function createGitProject(options: { readonly git?: boolean } = {}): GitProject {
  const folder = mkdtempSync(join(tmpdir(), 'wave-test-'))
  const root = join(folder, 'project')
  mkdirSync(root)
  const git = (...args: readonly string[]) => stockGit(root, args)
  const project: GitProject = {
    root,
    folder,
    dataDir: join(folder, 'data'),
    write: (path, content) => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), content)
    },
    git,
    commit: (message) => {
      git('add', '--all')
      git('commit', '--quiet', '--allow-empty', '--message', message)
      return git('rev-parse', 'HEAD').trim()
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
  if (options.git !== false) git('init', '--quiet', '--initial-branch=main')
  return project
}

/** The user's git, without the settings of the machine that runs the tests. */
export function stockGit(cwd: string, args: readonly string[]): string {
  const env = {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.org',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.org',
    GIT_ALLOW_PROTOCOL: 'file',
    TZ: 'UTC',
  }
  return execFileSync('git', args, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Every file below a folder with kind, mode, times and digest: equal before and after means untouched. */
export function fingerprint(folder: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    const stats = lstatSync(path, { bigint: true })
    const content = stats.isFile()
      ? readFileSync(path)
      : stats.isSymbolicLink()
        ? readlinkSync(path, 'buffer')
        : ''
    const digest = createHash('sha256').update(content).digest('hex')
    found.set(name, `${stats.mode} ${stats.mtimeNs} ${digest}`)
  }
  return found
}

/** Bytes of every file of a snapshot as text, by path. */
export async function contentsOf(snapshot: {
  readonly files: readonly { readonly path: string }[]
  read(path: string): Promise<Uint8Array | undefined>
}): Promise<Readonly<Record<string, string>>> {
  const contents: Record<string, string> = {}
  for (const { path } of snapshot.files)
    contents[path] = Buffer.from((await snapshot.read(path)) ?? []).toString('latin1')
  return contents
}
