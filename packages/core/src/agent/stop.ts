import { WaveError } from '../errors.ts'
import type { StepFailure } from '../events.ts'
import { WorkspaceLost } from '../workspace-errors.ts'

/**
 * The value of a promise, or undefined as soon as the signal fires: what ignores the signal is not
 * waited for.
 */
export async function interruptible<T>(
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const stop = (): void => resolve(undefined)
  signal.addEventListener('abort', stop, { once: true })
  // Left behind on abort, its later rejection is nobody's business.
  work.catch(() => undefined)
  try {
    return signal.aborted ? undefined : await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Why the engine stopped this step. */
export function abortFailure(signal: AbortSignal): StepFailure {
  const reason: unknown = signal.reason
  return isStepFailure(reason) ? reason : { reason: 'cancelled' }
}

/** What an exception of a port means for the step; undefined when it is a bug. */
export function failureOfError(error: unknown): StepFailure | undefined {
  if (error instanceof WorkspaceLost) return { reason: error.reason, message: error.message }
  if (!(error instanceof WaveError)) return undefined
  const { code, message, hint } = error
  return { reason: 'environment', code, message, ...(hint === undefined ? {} : { hint }) }
}

function isStepFailure(value: unknown): value is StepFailure {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Error) &&
    'reason' in value &&
    typeof value.reason === 'string'
  )
}
