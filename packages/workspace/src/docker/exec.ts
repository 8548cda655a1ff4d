import { WorkspaceLost, type ExecLimits, type ExecResult } from '@wave/core'
import type Docker from 'dockerode'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { TOOL_USER, user } from './container-config.ts'
import { demux } from './demux.ts'
import { Gathered } from './gathered.ts'

export interface ExecCommand {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly limits: ExecLimits
  readonly signal: AbortSignal | undefined
}

export interface CommandRun {
  /** The engine could start it. */
  readonly hasBegun: boolean
  readonly result: ExecResult
}

/**
 * Runs one command as the tool user. When the result says `stopped`, its processes may still run: the
 * caller sweeps. So it does when the command could not begin, as where others left no process to be had: `output`
 * is what the engine said then. Throws only when the engine or the container failed; `WorkspaceLost` when the
 * command may begin at a time that nobody knows.
 */
export async function execCommand(
  container: Docker.Container,
  command: ExecCommand,
): Promise<CommandRun> {
  const exec = await container.exec({
    Cmd: [...BEHIND, ...command.argv],
    User: user(TOOL_USER),
    WorkingDir: command.cwd,
    Env: Object.entries(command.limits.env ?? {}).map(([name, value]) => `${name}=${value}`),
    AttachStdout: true,
    AttachStderr: true,
  })
  using stop = new Stop(command)
  const starting = exec.start({ hijack: true, stdin: false })
  const stream = await Promise.race([starting, stop.asked])
  if (stream === undefined) {
    // What runs already can hold up what is being started for as long as it likes.
    starting.then(
      (late) => late.destroy(),
      () => {},
    )
  }
  const output = stream === undefined ? NOTHING : await collect(exec, stream, command.limits, stop)
  if (stop.reason !== undefined) {
    await begun(exec)
    return { hasBegun: true, result: { exitCode: undefined, stopped: stop.reason, ...output } }
  }
  const { ExitCode: exitCode, Pid: pid } = await exec.inspect()
  // Some engines forget the process of a command that has ended; none says this of one that was there.
  const hasBegun = pid > 0 || !saysNotBegun(output)
  return { hasBegun, result: { exitCode: exitCode ?? undefined, stopped: undefined, ...output } }
}

function saysNotBegun({ output }: Output): boolean {
  return Buffer.compare(output.subarray(0, NOT_BEGUN.length), NOT_BEGUN) === 0
}

const NOT_BEGUN = Buffer.from('OCI runtime exec failed: ')

/**
 * What ends the processes of a command must get its turn among them: 0.1 to 0.3 s beside 256 that do
 * nothing but fork, where it takes 2 to 3 s among equals.
 */
const BEHIND = ['nice', '-n', '19']

type Output = Pick<ExecResult, 'output' | 'stdout'>

const NOTHING: Output = { output: Buffer.alloc(0), stdout: Buffer.alloc(0) }

/** Why a command is ended before its own end: the first reason counts. */
class Stop implements Disposable {
  reason: Exclude<ExecResult['stopped'], 'oom'>
  /** Settles when there is one. */
  readonly asked: Promise<undefined>
  readonly #timer: NodeJS.Timeout
  readonly #signal: AbortSignal | undefined
  readonly #cancel = (): void => this.ask('cancelled')
  #settle: () => void = () => {}

  constructor({ limits, signal }: ExecCommand) {
    this.asked = new Promise((resolve) => {
      this.#settle = () => resolve(undefined)
    })
    this.#timer = setTimeout(() => this.ask('timeout'), limits.timeoutMs)
    this.#signal = signal
    signal?.addEventListener('abort', this.#cancel, { once: true })
    if (signal?.aborted === true) this.#cancel()
  }

  ask(reason: NonNullable<Stop['reason']>): void {
    this.reason ??= reason
    this.#settle()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#cancel)
  }
}

/** The engine answers before the process exists: a sweep right after that would miss it. */
async function begun(exec: Docker.Exec): Promise<void> {
  for (let tries = 0; tries < BEGIN_TRIES; tries++) {
    const state = await exec.inspect()
    if (state.Pid > 0 || state.ExitCode !== null) return
    await delay(BEGIN_POLL_MS)
  }
  throw new WorkspaceLost('workspace-lost', 'A command of the sandbox could not be ended.')
}

const BEGIN_POLL_MS = 10
const BEGIN_TRIES = 500

async function collect(
  exec: Docker.Exec,
  stream: Duplex,
  { maxOutputBytes }: ExecLimits,
  stop: Stop,
): Promise<Output> {
  const release = endWithCommand(exec, stream)
  void stop.asked.then(() => stream.destroy())
  const all = new Gathered()
  const out = new Gathered()
  try {
    for await (const { fd, bytes } of demux(stream)) {
      const kept = bytes.subarray(0, maxOutputBytes - all.sizeBytes)
      all.add(kept)
      if (fd === 1) out.add(kept)
      if (kept.length < bytes.length) stop.ask('output-limit')
    }
  } catch (cause) {
    if (stop.reason === undefined && !release.ended()) throw cause
  } finally {
    release.stop()
    stream.destroy()
  }
  return { output: all.toBuffer(), stdout: out.toBuffer() }
}

/**
 * A process left in the background keeps the stream open after the command itself has ended: ask the
 * engine now and then, and end the stream some time after it says so.
 */
function endWithCommand(exec: Docker.Exec, stream: Duplex) {
  let ended = false
  const timer = setInterval(() => void look(), LOOK_MS)
  timer.unref()

  async function look(): Promise<void> {
    try {
      if ((await exec.inspect()).Running) return
    } catch {
      return
    }
    if (!ended) {
      // One more interval for output that is still on its way.
      ended = true
      return
    }
    stream.destroy()
  }

  return { ended: () => ended, stop: () => clearInterval(timer) }
}

const LOOK_MS = 300
