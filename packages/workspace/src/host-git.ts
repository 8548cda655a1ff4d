import { devNull } from 'node:os'
import { isAbsolute } from 'node:path'
import type { Readable, Writable } from 'node:stream'

import { WaveError } from '@wave/core'

import { syncObjects } from './sync-objects.ts'

/**
 * Where git works on the host: a git dir that only wave writes, over the user's files. Git reads its
 * configuration from there, so nothing that a repository or an agent plants can make it run code.
 */
export interface HostRepository {
  /** Wave's own git dir. Never the user's, except to ask `rev-parse` for paths and the tip. */
  readonly gitDir: string
  readonly workTree: string
  /** The user's object folder, read through; undefined without git. */
  readonly borrowedObjects: string | undefined
  /** An empty folder. */
  readonly home: string
  /** The user's own ignore list, or the null device. */
  readonly excludesFile: string
}

export interface GitOptions {
  readonly input?: string | Uint8Array | AsyncIterable<Uint8Array>
  /** Index file to use instead of the git dir's own. */
  readonly index?: string
  /**
   * Whether the user's objects are visible; default true. Commands that write objects say false: git
   * refreshes the timestamp of an object it would have written, and the user's files are not ours to touch.
   */
  readonly borrow?: boolean
  /** New objects are on the disk when git has ended: something durable is going to name them. */
  readonly durable?: boolean
  /** Exit codes that are answers, beside 0. Any other is thrown. */
  readonly answers?: readonly number[]
  readonly maxOutputBytes?: number
  /** Output beyond the limit is cut off instead of being an error. */
  readonly truncate?: boolean
  readonly timeoutMs?: number
}

export interface GitResult {
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: string
  readonly truncated: boolean
}

/** A running git whose output is read piece by piece. */
export interface GitProcess extends AsyncDisposable {
  readonly stdin: Writable
  readonly stdout: Readable
  /** Settles when git has ended; throws what `hostGit` throws. */
  ended(): Promise<void>
}

const DURABLE = ['-c', 'core.fsync=objects', '-c', 'core.fsyncMethod=batch'] as const

const DEFAULT_TIMEOUT_MS = 300_000
const DEFAULT_OUTPUT_BYTES = 512 * 2 ** 20

/**
 * Runs git to its end: the only caller of git on the host, together with `openHostGit`. Plumbing only;
 * never a command that looks at a work tree's submodules or at a remote.
 * Throws `WaveError`: `git-missing`, `git-failed`, `disk-full`.
 */
export async function hostGit(
  repository: HostRepository,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  const { execa } = await import('execa')
  const given = options.durable === true ? [...DURABLE, ...args] : args
  const result = await execa('git', argv(repository, given), {
    ...processOptions(repository, options),
    ...standardInput(options.input),
    maxBuffer: options.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES,
  })
  const stderr = Buffer.from(result.stderr).toString()
  const truncated = result.isMaxBuffer && options.truncate === true
  // A git that was cut off may still have ended by itself, with 0.
  const wasStopped = result.timedOut || (result.isMaxBuffer && !truncated)
  const exitCode = truncated ? 0 : result.exitCode
  if (wasStopped || exitCode === undefined || !isAnswer(exitCode, options))
    throw gitFailure(args, result, stderr)
  if (options.durable === true) syncObjects(repository)
  const { buffer, byteOffset, byteLength } = result.stdout
  return { exitCode, stdout: Buffer.from(buffer, byteOffset, byteLength), stderr, truncated }
}

/** Starts git for streaming. Dispose it, or read it to its end and await `ended`. */
export async function openHostGit(
  repository: HostRepository,
  args: readonly string[],
  options: Pick<GitOptions, 'borrow' | 'index' | 'timeoutMs'> = {},
): Promise<GitProcess> {
  const { execa } = await import('execa')
  const subprocess = execa('git', argv(repository, args), {
    ...processOptions(repository, options),
    buffer: { stdout: false },
  })
  // A git that dies early closes its input under us; how it ended is told by `ended`.
  subprocess.stdin.on('error', () => {})
  return {
    stdin: subprocess.stdin,
    stdout: subprocess.stdout,
    ended: async () => {
      const result = await subprocess
      if (result.exitCode === 0) return
      throw gitFailure(args, result, Buffer.from(result.stderr).toString())
    },
    [Symbol.asyncDispose]: async () => {
      subprocess.kill('SIGKILL')
      await subprocess
    },
  }
}

function isAnswer(exitCode: number, options: GitOptions): boolean {
  return exitCode === 0 || options.answers?.includes(exitCode) === true
}

function argv(repository: HostRepository, args: readonly string[]): string[] {
  const settings = [
    'core.bare=false',
    `core.hooksPath=${devNull}`,
    'core.fsmonitor=false',
    `core.attributesFile=${devNull}`,
    'core.autocrlf=false',
    'core.symlinks=true',
    `core.excludesFile=${repository.excludesFile}`,
    'diff.ignoreSubmodules=all',
    'submodule.recurse=false',
    'safe.bareRepository=explicit',
    'protocol.allow=never',
    'protocol.ext.allow=never',
    'gc.auto=0',
    'maintenance.auto=false',
  ]
  return [
    `--git-dir=${repository.gitDir}`,
    `--work-tree=${repository.workTree}`,
    '--no-pager',
    '--no-optional-locks',
    '--literal-pathspecs',
    '--no-replace-objects',
    ...settings.flatMap((setting) => ['-c', setting]),
    ...args,
  ]
}

function processOptions(repository: HostRepository, options: GitOptions) {
  return {
    cwd: repository.workTree,
    env: environment(repository, options),
    extendEnv: false,
    encoding: 'buffer',
    reject: false,
    stripFinalNewline: false,
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    forceKillAfterDelay: 1_000,
  } as const
}

function environment(repository: HostRepository, options: GitOptions): Record<string, string> {
  const borrowed = options.borrow === false ? undefined : repository.borrowedObjects
  return {
    PATH: absolutePath(process.env['PATH'] ?? ''),
    HOME: repository.home,
    XDG_CONFIG_HOME: repository.home,
    LC_ALL: 'C',
    GIT_CONFIG_GLOBAL: devNull,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'none',
    GIT_AUTHOR_NAME: 'wave',
    GIT_AUTHOR_EMAIL: 'wave@localhost',
    GIT_AUTHOR_DATE: '@0 +0000',
    GIT_COMMITTER_NAME: 'wave',
    GIT_COMMITTER_EMAIL: 'wave@localhost',
    GIT_COMMITTER_DATE: '@0 +0000',
    ...(borrowed === undefined
      ? {}
      : { GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePathList(borrowed) }),
    ...(options.index === undefined ? {} : { GIT_INDEX_FILE: options.index }),
  }
}

/** Git runs with the user's files as its current folder: a relative PATH entry would find a planted `git`. */
function absolutePath(path: string): string {
  return path
    .split(':')
    .filter((folder) => isAbsolute(folder))
    .join(':')
}

/** Git splits the list at `:` unless an entry is quoted. */
function quotePathList(path: string): string {
  const escaped = path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  return `"${escaped}"`
}

function standardInput(input: GitOptions['input']) {
  if (input === undefined) return { stdin: 'ignore' } as const
  if (typeof input === 'string' || input instanceof Uint8Array) return { input } as const
  return { stdin: input } as const
}

interface FailedProcess {
  readonly code?: string | undefined
  readonly timedOut: boolean
  readonly isMaxBuffer: boolean
  readonly exitCode?: number | undefined
}

function gitFailure(args: readonly string[], failed: FailedProcess, stderr: string): WaveError {
  if (failed.code === 'ENOENT' && failed.exitCode === undefined)
    return new WaveError('git-missing', 'git was not found.', {
      hint: 'Install git 2.36 or newer and put it on the PATH.',
    })
  if (stderr.includes('No space left on device'))
    return new WaveError('disk-full', 'The disk with wave’s data directory is full.', {
      hint: 'Free some space and run the command again.',
    })
  return new WaveError('git-failed', `git ${args[0]} ${howItFailed(failed, stderr)}`, {
    hint: 'See what "git status" and "git fsck" say in the repository: it may be damaged.',
  })
}

function howItFailed(failed: FailedProcess, stderr: string): string {
  if (failed.timedOut) return 'did not end in time.'
  if (failed.isMaxBuffer) return 'printed more than wave reads.'
  const reason = stderr.trim().slice(0, 1_000) || (failed.code ?? 'no reason given')
  return `failed${failed.exitCode === undefined ? '' : ` with exit code ${failed.exitCode}`}: ${reason}`
}
