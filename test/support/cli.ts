/** `wave` as a stranger runs it: the launcher, in a temporary folder, with an environment of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { lstatSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const LAUNCHER = fileURLToPath(new URL('../../bin/wave', import.meta.url))

export interface CliResult {
  /** Undefined when a signal ended the process. */
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | Uint8Array
  readonly cwd?: string
}

/** A folder for one test, with a user's home beside it. Removed when the test ends. */
export class Sandbox implements Disposable {
  readonly root: string
  /** The project: where `wave` is started. */
  readonly project: string
  /** `WAVE_HOME`. */
  readonly home: string

  /** Below `parent`, which may be a disk of its own. */
  constructor(parent = tmpdir()) {
    this.root = realpathSync(mkdtempSync(join(parent, 'wave-cli-')))
    this.project = join(this.root, 'project')
    this.home = join(this.root, 'home')
    mkdirSync(this.project)
    mkdirSync(this.home)
  }

  [Symbol.dispose](): void {
    makeWritable(this.root)
    rmSync(this.root, { recursive: true, force: true })
  }

  write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(join(this.project, path)), { recursive: true })
    writeFileSync(join(this.project, path), content)
  }

  read(path: string): string {
    return readFileSync(join(this.project, path), 'utf8')
  }

  git(...args: readonly string[]): string {
    return execFileSync('git', ['-C', this.project, ...args], {
      env: this.env({}),
      encoding: 'utf8',
    })
  }

  /** A repository with one commit of whatever is there. */
  initGit(): void {
    this.git('init', '-q', '-b', 'main')
    this.commit('Start')
  }

  commit(message: string): void {
    this.git('add', '-A')
    this.git('commit', '-q', '--allow-empty', '-m', message)
  }

  /** Nothing of the machine's own settings, keys or engine. */
  env(extra: Readonly<Record<string, string>>): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.home,
      WAVE_HOME: this.home,
      TZ: 'UTC',
      LANG: 'C.UTF-8',
      // No engine, unless a test names one.
      DOCKER_HOST: `unix://${this.root}/no-engine.sock`,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
      ...extra,
    }
  }

  async wave(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    const child = this.start(args, options)
    child.stdin?.end(options.stdin ?? '')
    return await resultOf(child)
  }

  /** Starts `wave` without waiting for its end. */
  start(args: readonly string[], options: CliOptions = {}): ChildProcess {
    return spawn(LAUNCHER, args, {
      cwd: options.cwd ?? this.project,
      env: this.env(options.env ?? {}),
      stdio: 'pipe',
    })
  }

  /** Every path below the project except the given ones, with its mode and content. */
  fingerprint(except: readonly string[] = []): Readonly<Record<string, string>> {
    return Object.fromEntries(
      walk(this.project, '')
        .filter((path) => !except.some((left) => path === left || path.startsWith(`${left}/`)))
        .map((path) => [path, describe(join(this.project, path))]),
    )
  }
}

export async function resultOf(child: ChildProcess): Promise<CliResult> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  // A command that ends without reading its input closes the pipe.
  child.stdin?.on('error', () => {})
  const exitCode = await new Promise<number | undefined>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? undefined))
  })
  return {
    exitCode,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  }
}

function walk(root: string, below: string): readonly string[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    return entry.isDirectory() ? [path].concat(walk(root, path)) : [path]
  })
}

function describe(path: string): string {
  const state = lstatSync(path)
  const mode = (state.mode & 0o7777).toString(8)
  if (state.isSymbolicLink()) return `link ${readlinkSync(path)}`
  return state.isFile() ? `${mode} ${readFileSync(path).toString('base64')}` : mode
}

function makeWritable(folder: string): void {
  chmodSync(folder, 0o700)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(folder, entry.name))
  }
}
