import type { StepFailure } from '../../events.ts'

/**
 * Whether an attempt was cut off by what happened around it: its work so far was sound, and the next
 * one may build on it.
 */
export function isInterruption(failure: StepFailure): boolean {
  if (failure.reason === 'child-failed') return isInterruption(failure.failure)
  if (failure.reason === 'model-error') return OUTAGES.has(failure.class)
  if (failure.reason === 'limit-reached') {
    return failure.limit !== 'turns' && failure.limit !== 'format-errors'
  }
  return CIRCUMSTANCES.has(failure.reason)
}

/** What the provider gives as the reason has nothing to do with what it was asked. */
const OUTAGES: ReadonlySet<string> = new Set(['retryable', 'auth', 'quota'])
const CIRCUMSTANCES: ReadonlySet<string> = new Set(['cancelled', 'environment', 'workspace-lost'])
