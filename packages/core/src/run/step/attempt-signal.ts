import type { StepFailure } from '../../events.ts'
import type { Clock } from '../../ports.ts'

/** Aborted by its parent or by its own time limit; the reason is a `StepFailure`. */
export interface AttemptSignal extends Disposable {
  readonly signal: AbortSignal
  /** Ends what still listens. */
  abort(): void
}

export function limitTime(clock: Clock, parent: AbortSignal, timeoutMs: number): AttemptSignal {
  const controller = new AbortController()
  const follow = (): void => controller.abort(abortReason(parent))
  const expired: StepFailure = {
    reason: 'limit-reached',
    limit: 'time',
    scope: 'step',
    allowed: timeoutMs,
  }
  const timer = clock.after(timeoutMs, () => controller.abort(expired))
  if (parent.aborted) follow()
  else parent.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    abort: () => controller.abort({ reason: 'cancelled' } satisfies StepFailure),
    [Symbol.dispose]() {
      timer[Symbol.dispose]()
      parent.removeEventListener('abort', follow)
    },
  }
}

/** Why a signal of the engine was aborted. */
export function abortReason(signal: AbortSignal): StepFailure {
  const reason: unknown = signal.reason
  return isFailure(reason) ? reason : { reason: 'cancelled' }
}

function isFailure(value: unknown): value is StepFailure {
  return typeof value === 'object' && value !== null && 'reason' in value
}

/**
 * Waits for the work, but after an abort only a little longer: something that does not listen must not
 * hold up the run.
 */
export function unlessDeaf<T>(work: Promise<T>, signal: AbortSignal, clock: Clock): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  let timer: Disposable | undefined
  const giveUp = (): void => {
    timer = clock.after(GRACE_MS, () => reject(new Error('The attempt did not stop.')))
  }
  const settled = (): void => {
    signal.removeEventListener('abort', giveUp)
    timer?.[Symbol.dispose]()
  }
  if (signal.aborted) giveUp()
  else signal.addEventListener('abort', giveUp, { once: true })
  work.then(resolve, reject).finally(settled)
  return promise
}

const GRACE_MS = 10_000
