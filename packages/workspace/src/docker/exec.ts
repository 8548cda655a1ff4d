import type { ExecLimits, ExecResult } from '@wave/core'
import type Docker from 'dockerode'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { TOOL_USER, user } from './container-config.ts'
import { demux } from './demux.ts'

export interface ExecCommand {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly limits: ExecLimits
  readonly signal: AbortSignal | undefined
}

/**
 * Runs one command as the tool user. When the result says `stopped`, its processes may still run: the
 * caller sweeps. Throws only when the engine or the container failed.
 */
export async function execCommand(
  container: Docker.Container,
  command: ExecCommand,
): Promise<ExecResult> {
  const exec = await container.exec({
    Cmd: [...command.argv],
    User: user(TOOL_USER),
    WorkingDir: command.cwd,
    Env: Object.entries(command.limits.env ?? {}).map(([name, value]) => `${name}=${value}`),
    AttachStdout: true,
    AttachStderr: true,
  })
  const stream = await exec.start({ hijack: true, stdin: false })
  const output = await collect(exec, stream, command)
  if (output.stopped !== undefined) {
    await begun(exec)
    return { exitCode: undefined, ...output }
  }
  const { ExitCode: exitCode } = await exec.inspect()
  return { exitCode: exitCode ?? undefined, ...output }
}

/**
 * The engine answers before the process exists: a sweep right after that would miss it. Gives up when
 * the container is gone.
 */
async function begun(exec: Docker.Exec): Promise<void> {
  for (let tries = 0; tries < BEGIN_TRIES; tries++) {
    const state = await exec.inspect()
    if (state.Pid > 0 || state.ExitCode !== null) return
    await delay(BEGIN_POLL_MS)
  }
}

const BEGIN_POLL_MS = 10
const BEGIN_TRIES = 500

type Collected = Pick<ExecResult, 'output' | 'stdout' | 'stopped'>

async function collect(
  exec: Docker.Exec,
  stream: Duplex,
  { limits, signal }: ExecCommand,
): Promise<Collected> {
  let stopped: ExecResult['stopped']
  const stop = (reason: 'timeout' | 'output-limit' | 'cancelled') => {
    stopped ??= reason
    stream.destroy()
  }
  const cancel = () => stop('cancelled')
  const timer = setTimeout(() => stop('timeout'), limits.timeoutMs)
  const release = endWithCommand(exec, stream)
  signal?.addEventListener('abort', cancel, { once: true })
  if (signal?.aborted === true) cancel()

  const all: Buffer[] = []
  const out: Buffer[] = []
  let left = limits.maxOutputBytes
  try {
    for await (const { fd, bytes } of demux(stream)) {
      const kept = bytes.subarray(0, left)
      left -= kept.length
      all.push(kept)
      if (fd === 1) out.push(kept)
      if (kept.length < bytes.length) stop('output-limit')
    }
  } catch (cause) {
    if (stopped === undefined && !release.ended()) throw cause
  } finally {
    clearTimeout(timer)
    release.stop()
    signal?.removeEventListener('abort', cancel)
    stream.destroy()
  }
  return { output: Buffer.concat(all), stdout: Buffer.concat(out), stopped }
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
