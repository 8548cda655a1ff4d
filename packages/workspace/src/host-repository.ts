import { createHash, randomUUID } from 'node:crypto'
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { devNull, homedir } from 'node:os'
import { dirname, join, relative } from 'node:path'

import { makeDirectory, WaveError } from '@wave/core'

import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'

/** The user's repository, as far as wave looks at it. */
interface UserRepository {
  readonly gitDir: string
  readonly commonDir: string
  readonly head: string | undefined
  readonly branch: string | undefined
  readonly shallow: boolean
}

export interface OpenedRepository {
  readonly host: HostRepository
  /** Undefined for a project without git. */
  readonly user: UserRepository | undefined
}

/**
 * The host-owned git dir for the project at `root`, made on first use below `dataDir`. The work tree is
 * the top level of the repository that holds `root`, or `root` itself without git.
 */
export async function openHostRepository(dataDir: string, root: string): Promise<OpenedRepository> {
  const folder = await existingFolder(root)
  const home = join(dataDir, 'git', 'home')
  makeDirectory(home)
  const shared = { home, excludesFile: await userExcludesFile(home) }
  const found = await findRepository(folder, shared)
  if (found !== undefined) {
    const opened = await openOver(dataDir, found.top, found, shared)
    if (folder === found.top || (await isPartOf(opened.host, folder))) return opened
  }
  return await openOver(dataDir, folder, undefined, shared)
}

type Shared = Pick<HostRepository, 'home' | 'excludesFile'>

interface FoundRepository {
  readonly top: string
  readonly user: UserRepository
  readonly objectFormat: string
}

async function existingFolder(root: string): Promise<string> {
  const folder = await realpath(root).catch(() => undefined)
  if (folder !== undefined && (await stat(folder)).isDirectory()) return folder
  throw new WaveError('not-a-repository', `There is no folder ${root}.`, {
    hint: 'Start wave inside your project, or name its folder with -C.',
  })
}

/** Git's own discovery would refuse a repository of another user; with the path given it only reads. */
async function findRepository(
  folder: string,
  shared: Shared,
): Promise<FoundRepository | undefined> {
  const dotGit = join(folder, '.git')
  if (await looksLikeGit(dotGit)) return await askRepository(folder, dotGit, shared)
  const parent = dirname(folder)
  return parent === folder ? undefined : await findRepository(parent, shared)
}

async function looksLikeGit(dotGit: string): Promise<boolean> {
  const found = await stat(dotGit).catch(() => undefined)
  if (found?.isFile()) return true
  return found?.isDirectory() === true && (await exists(join(dotGit, 'HEAD')))
}

async function askRepository(
  top: string,
  dotGit: string,
  shared: Shared,
): Promise<FoundRepository> {
  const asked = { ...shared, gitDir: dotGit, workTree: top, borrowedObjects: undefined }
  const ask = async (...args: string[]) => {
    const result = await hostGit(asked, ['rev-parse', ...args], { answers: [1] })
    return result.exitCode === 0 ? result.stdout.toString().replace(/\n$/, '') : undefined
  }
  const [gitDir = dotGit, commonDir = gitDir, objectFormat = 'sha1', head] = await Promise.all([
    ask('--absolute-git-dir'),
    ask('--path-format=absolute', '--git-common-dir'),
    ask('--show-object-format'),
    ask('--quiet', '--verify', 'HEAD'),
  ])
  const name = head === undefined ? undefined : await ask('--symbolic-full-name', 'HEAD')
  const branch = name?.startsWith('refs/heads/') ? name.slice('refs/heads/'.length) : undefined
  const shallow = await exists(join(commonDir, 'shallow'))
  return { top, objectFormat, user: { gitDir, commonDir, head, branch, shallow } }
}

/** Of wave's git dir: holds the path of the work tree. */
export const WORK_TREE_FILE = 'work-tree'

async function openOver(
  dataDir: string,
  workTree: string,
  found: FoundRepository | undefined,
  shared: Shared,
): Promise<OpenedRepository> {
  const objectFormat = found?.objectFormat ?? 'sha1'
  const key = createHash('sha256').update(`1\0${objectFormat}\0${workTree}`).digest('hex')
  const gitDir = join(dataDir, 'git', key.slice(0, 32))
  if (!(await exists(join(gitDir, 'HEAD')))) await createGitDir(gitDir, objectFormat)
  // Both may be empty where a power cut followed the first snapshot.
  await replaceFile(join(gitDir, 'HEAD'), Buffer.from(HEAD))
  await replaceFile(join(gitDir, 'config'), Buffer.from(configOf(objectFormat)))
  // For whoever clears up: the name of the folder does not tell.
  await replaceFile(join(gitDir, WORK_TREE_FILE), Buffer.from(workTree))
  await copyRules(gitDir, found?.user.commonDir)
  const borrowedObjects = found === undefined ? undefined : join(found.user.commonDir, 'objects')
  return { host: { ...shared, gitDir, workTree, borrowedObjects }, user: found?.user }
}

const HEAD = 'ref: refs/heads/main\n'

/** Written by hand: `git init` would consult templates and probe the file system. */
async function createGitDir(gitDir: string, objectFormat: string): Promise<void> {
  const folder = dirname(gitDir)
  const fresh = await mkdtemp(join(folder, 'new-'))
  await Promise.all(
    ['info', 'objects/info', 'objects/pack', 'refs/heads', 'tmp'].map((name) =>
      mkdir(join(fresh, name), { recursive: true }),
    ),
  )
  await writeFile(join(fresh, 'config'), configOf(objectFormat))
  await writeFile(join(fresh, 'HEAD'), HEAD)
  await rename(fresh, gitDir).catch(async (cause: unknown) => {
    // Another wave made it first; both would be equal.
    await rm(fresh, { recursive: true })
    if (!(await exists(join(gitDir, 'HEAD')))) throw cause
  })
}

/** Journals name trees that no ref of git leads to: no git may ever clear them away. */
function configOf(objectFormat: string): string {
  const format = objectFormat === 'sha1' ? '' : `\tobjectformat = ${objectFormat}\n`
  const core = '[core]\n\trepositoryformatversion = 1\n\tbare = false\n\tfilemode = true\n'
  return `${core}[extensions]\n\tpreciousObjects = true\n${format}[gc]\n\tauto = 0\n`
}

/** Outranks every `.gitattributes`: no line-ending, encoding, keyword or filter conversion anywhere. */
const NO_CONVERSION =
  '* !text !crlf !eol !filter !diff !merge !ident !working-tree-encoding !whitespace\n'

async function copyRules(gitDir: string, commonDir: string | undefined): Promise<void> {
  await replaceFile(join(gitDir, 'info', 'attributes'), Buffer.from(NO_CONVERSION))
  await replaceFile(join(gitDir, 'info', 'exclude'), await bytesOf(commonDir, 'info/exclude'))
  await replaceFile(join(gitDir, 'shallow'), await bytesOf(commonDir, 'shallow'))
}

async function bytesOf(folder: string | undefined, name: string): Promise<Buffer | undefined> {
  if (folder === undefined) return undefined
  return await readFile(join(folder, name)).catch(() => undefined)
}

async function replaceFile(path: string, content: Buffer | undefined): Promise<void> {
  if (content === undefined) return await rm(path, { force: true })
  const present = await readFile(path).catch(() => undefined)
  if (present?.equals(content)) return
  const fresh = `${path}.${randomUUID()}`
  await writeFile(fresh, content)
  await rename(fresh, path)
}

/** A folder that an outer repository ignores is a project of its own. */
async function isPartOf(host: HostRepository, folder: string): Promise<boolean> {
  const inside = relative(host.workTree, folder)
  const args = ['ls-files', '-o', '--exclude-standard', '--directory', '-z', '--', inside]
  return (await hostGit(host, args)).stdout.length > 0
}

/** The ignore list that git would use for this user in every repository. */
async function userExcludesFile(home: string): Promise<string> {
  const xdg = process.env['XDG_CONFIG_HOME'] ?? ''
  const config = join(xdg === '' ? join(homedir(), '.config') : xdg, 'git')
  for (const file of [join(homedir(), '.gitconfig'), join(config, 'config')]) {
    const named = (await exists(file)) ? await configuredExcludesFile(home, file) : undefined
    if (named !== undefined) return named
  }
  const fallback = join(config, 'ignore')
  return (await exists(fallback)) ? fallback : devNull
}

async function configuredExcludesFile(home: string, file: string): Promise<string | undefined> {
  const nowhere = { gitDir: devNull, workTree: home, home, borrowedObjects: undefined }
  const args = ['config', '--file', file, '--includes', '--get', 'core.excludesFile']
  const result = await hostGit({ ...nowhere, excludesFile: devNull }, args, { answers: [1] })
  const named = result.stdout.toString().trim()
  if (named === '') return undefined
  return named.startsWith('~/') ? join(homedir(), named.slice(2)) : named
}

/** Copies the user's index byte for byte; false when there is none. A split index has a shared part. */
export async function copyUserIndex(opened: OpenedRepository, to: string): Promise<boolean> {
  const { host, user } = opened
  if (user === undefined || !(await exists(join(user.gitDir, 'index')))) return false
  const names = await readdir(user.gitDir)
  await Promise.all(
    names
      .filter((name) => name.startsWith('sharedindex.'))
      .map((name) => copyFile(join(user.gitDir, name), join(host.gitDir, name))),
  )
  await copyFile(join(user.gitDir, 'index'), to)
  return true
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

/** A private folder in wave's git dir that is gone when it is disposed. */
export async function openScratch(
  host: HostRepository,
): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = join(host.gitDir, 'tmp')
  await mkdir(folder, { recursive: true })
  const path = await mkdtemp(join(folder, 'take-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
