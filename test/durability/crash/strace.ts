import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'

/** The calls with which files become durable, under the names of any architecture. */
const DURABLE_CALLS = [
  'write',
  'pwrite64',
  'fsync',
  'fdatasync',
  'rename',
  'renameat',
  'renameat2',
  'link',
  'linkat',
  'unlink',
  'unlinkat',
  'ftruncate',
  'mkdir',
  'mkdirat',
  'openat',
  'close',
] as const

/** Stands for the path where the process tells something: `writev` on its standard output. */
export const TOLD = 'told'

/** A fault, as strace takes it, from the given call of its kind: `7` that one only, `7+` all from there on. */
interface Injection {
  readonly call: string
  readonly fault: string
  readonly when: string
}

/** A process to look at. */
export interface Command {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Where the trace is written while it runs. */
  readonly traceFile: string
  /** Only calls on files in these folders are told of. */
  readonly folders: readonly string[]
}

/** One system call of the main thread on a file below one of the folders. */
export interface SystemCall {
  readonly call: string
  /** Counted from 1 among the thread's calls of that name, on whatever file. */
  readonly ordinal: number
  readonly path: string
  /** A folder is opened to read the names in it, not to make them durable. */
  readonly listsFolder: boolean
}

export interface Traced {
  /** Undefined: a signal ended it. */
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
  readonly calls: readonly SystemCall[]
  /** Calls of other threads and processes on files in the folders. */
  readonly elsewhere: number
  /** The first call that was hit; its `path` is empty where that is in none of the folders. */
  readonly hit: SystemCall | undefined
}

/** Runs a command under strace, with a fault in it where one is given. Its files are handled by one thread. */
export async function trace(command: Command, injection?: Injection): Promise<Traced> {
  const { traceFile, argv, cwd, env } = command
  const calls =
    injection?.call ??
    DURABLE_CALLS.map((call) => `?${call}`)
      .concat('writev')
      .join(',')
  // The filter makes it twice as fast, but with it no signal arrives. A signal is for the main thread, and not
  // for a child that makes as many calls.
  const which = injection?.fault.startsWith('signal') === true ? [] : ['-f', '--seccomp-bpf']
  const options = [...which, '-qq', '-y', '-s', '0', '-o', traceFile]
  // The first line tells which thread is the main one.
  const filters = [
    `trace=execve,${calls}`,
    'signal=none',
    ...(injection ? [injectOption(injection)] : []),
  ]
  const child = spawn('strace', [...options, ...filters.flatMap((one) => ['-e', one]), ...argv], {
    cwd,
    env: { ...env, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text))
  }
  const [code]: unknown[] = await once(child, 'close')
  const read = readTrace(readFileSync(traceFile, 'latin1'), command.folders, injection)
  rmSync(traceFile)
  return { ...output, ...read, exitCode: typeof code === 'number' ? code : undefined }
}

function injectOption({ call, fault, when }: Injection): string {
  return `inject=${call}:${fault}:when=${when}`
}

/** The thread stands in front where there can be several. */
const LINE = /^(?:(\d+) +)?([a-z]\w*)\((.*)$/u

function readTrace(
  text: string,
  folders: readonly string[],
  injection: Injection | undefined,
): Pick<Traced, 'calls' | 'elsewhere' | 'hit'> {
  const lines = text.split('\n').flatMap((line) => {
    const [, thread, call, rest = ''] = LINE.exec(line) ?? []
    return call === undefined ? [] : [{ thread, call, rest, path: pathIn(call, rest, folders) }]
  })
  const main = lines[0]?.thread
  const wanted = injection && Number.parseInt(injection.when, 10)
  const counts = new Map<string, number>()
  const made = lines.flatMap(({ thread, call, path, rest }) => {
    if (thread !== main) return []
    const ordinal = (counts.get(call) ?? 0) + 1
    counts.set(call, ordinal)
    const isHit = ordinal === wanted && /INJECTED|unfinished|= \?$/u.test(rest)
    return [{ call, ordinal, path, isHit, listsFolder: rest.includes('O_DIRECTORY') }]
  })
  return {
    calls: made.filter(({ path }) => path !== ''),
    elsewhere: lines.filter(({ thread, path }) => thread !== main && path !== '').length,
    hit: made.find(({ isHit }) => isHit),
  }
}

/** `TOLD`, or the first file below one of the folders that a call names, as a path or behind a descriptor. */
function pathIn(call: string, rest: string, folders: readonly string[]): string {
  if (call === 'writev' && rest.startsWith('1<')) return TOLD
  const named = rest.matchAll(/[<"](\/[^">]*)[">]/gu).map(([, path = '']) => path)
  return (
    named.find((path) => folders.some((one) => path === one || path.startsWith(`${one}/`))) ?? ''
  )
}
