import { existsSync } from 'node:fs'
import { WaveError } from '../../errors.ts'
import type { NewRunEvent, RunOutcome } from '../../events.ts'
import type { Clock, Journal } from '../../ports.ts'
import { sleep } from '../clock.ts'
import { readWorkingMs } from '../resume/spent.ts'
import { totalCost } from '../call-costs.ts'
import { fold, totalUsage } from '../state.ts'
import type { RunState } from '../state.ts'
import { hasErrorCode, storageError } from './storage-error.ts'
import { journalPath, openJournal } from './journal.ts'
import { lockOwner, takeLock } from './lock.ts'
import { readRunEvents } from './run-events.ts'

/** How a run was ended. */
export type Cancellation =
  /** The process that worked on it was told to stop, and has; `outcome` is what it recorded. */
  | { readonly status: 'stopped'; readonly pid: number; readonly outcome: RunOutcome }
  /** It was told, but has not stopped in time. */
  | { readonly status: 'still-running'; readonly pid: number }
  /** Nobody worked on it any more: that it was cancelled is recorded now. */
  | { readonly status: 'marked'; readonly pid: number | undefined }
  /** It had ended before; nothing was changed. */
  | { readonly status: 'had-ended'; readonly outcome: RunOutcome }

interface CancelOptions {
  readonly clock: Clock
  /** How long to wait for the process to stop. Default: 30 s. */
  readonly patienceMs?: number
  /** Ends the waiting. */
  readonly signal?: AbortSignal
}

/**
 * Ends the run in this folder, also one that another process works on: that gets `SIGINT`, as if Ctrl-C had been
 * pressed there once. Who merely holds the run, as `wave apply` does, is left alone. Throws `run-unknown`,
 * `journal-refused`, `disk-full`, `path-unwritable`, and `run-locked` where it is not certain which process holds the
 * run, or where it does not work on it.
 */
export async function cancelRun(
  directory: string,
  { clock, patienceMs = 30_000, signal = new AbortController().signal }: CancelOptions,
): Promise<Cancellation> {
  if (!existsSync(journalPath(directory))) throw unknownRun(directory)
  using _ = keepAwake()
  const owner = lockOwner(directory)
  const settling = { directory, clock, pid: owner?.pid, signal }
  if (owner === undefined) return await settle(settling)
  if (!owner.isRun || owner.isElsewhere) return recorded(directory) ?? (await settle(settling))
  if (!owner.isCertain) throw uncertain(owner.pid)
  interrupt(owner.pid)
  const hasStopped = await waitFor(owner.pid, settling, patienceMs)
  return hasStopped ? await settle(settling) : { status: 'still-running', pid: owner.pid }
}

const POLL_MS = 50

/** How the run has ended, without its lock; undefined: that cannot be told. */
function recorded(directory: string): Cancellation | undefined {
  try {
    const outcome = fold(readRunEvents(directory).events).finished?.outcome
    return outcome && { status: 'had-ended', outcome }
  } catch (error) {
    if (error instanceof WaveError) return undefined
    throw error
  }
}

/** The timers of a `Clock` do not keep a process alive, and there may be nothing else to wait for. */
function keepAwake(): Disposable {
  const timer = setInterval(() => {}, 2 ** 30)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

interface Settling {
  readonly directory: string
  readonly clock: Clock
  /** The process that was told to stop. */
  readonly pid: number | undefined
  readonly signal: AbortSignal
}

/** Somebody else may be at the same: recording an end takes a moment. */
async function settle({ directory, clock, pid, signal }: Settling): Promise<Cancellation> {
  for (let tries = 1; ; tries += 1) {
    try {
      return settleRun(directory, clock, pid)
    } catch (cause) {
      const error = storageError(cause, directory)
      const isHeld = error instanceof WaveError && error.code === 'run-locked'
      if (!isHeld || tries === MAX_TRIES || signal.aborted) throw error
      await sleep(clock, POLL_MS, signal)
    }
  }
}

const MAX_TRIES = 20

async function waitFor(
  pid: number,
  { directory, clock, signal }: Settling,
  patienceMs: number,
): Promise<boolean> {
  const endMs = clock.monotonicMs() + patienceMs
  while (lockOwner(directory)?.pid === pid) {
    if (clock.monotonicMs() >= endMs || signal.aborted) return false
    await sleep(clock, POLL_MS, signal)
  }
  return true
}

function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT')
  } catch (error) {
    // It has just ended by itself.
    if (hasErrorCode(error, 'ESRCH')) return
    if (hasErrorCode(error, 'EPERM')) throw uncertain(pid)
    throw error
  }
}

function unknownRun(directory: string): WaveError {
  return new WaveError('run-unknown', `No run has begun in ${directory}.`)
}

function uncertain(pid: number): WaveError {
  return new WaveError('run-locked', `This run is in use by process ${pid}.`, {
    hint: `If that is wave, stop it: kill -INT ${pid}`,
  })
}

/** Under the lock: tells how the run has ended, or records that it was cancelled. */
function settleRun(directory: string, clock: Clock, pid: number | undefined): Cancellation {
  using _ = takeLock(directory)
  using journal = openJournal(directory, clock)
  const state = fold(journal.recovered)
  const { finished } = state
  if (finished !== undefined) {
    const { outcome } = finished
    return pid === undefined
      ? { status: 'had-ended', outcome }
      : { status: 'stopped', pid, outcome }
  }
  if (state.started === undefined) throw unknownRun(directory)
  mark(journal, state, readWorkingMs(journal.recovered))
  return { status: 'marked', pid }
}

function mark(journal: Journal, state: RunState, durationMs: number): void {
  const running = state.steps.values().filter(({ status }) => status === 'running')
  const ended = running.map(({ id: step, attempt }): NewRunEvent => ({
    type: 'step-failed',
    step,
    attempt,
    failure: { reason: 'cancelled' },
    willRetry: false,
    durationMs: 0,
    usage: undefined,
  }))
  journal.appendAll([
    ...ended,
    {
      type: 'run-finished',
      outcome: 'cancelled',
      exitCode: 130,
      durationMs,
      usage: totalUsage(state),
      ...totalCost(state),
      delivered: [],
    },
  ])
}
