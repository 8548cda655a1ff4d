import type { StepFailure } from '../events.ts'
import type { ResolvedModel } from '../ports.ts'
import type { Failed } from './listen.ts'
import { modelName } from './parameters.ts'

const ATTEMPTS = 4
const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 30_000
const MAX_RETRY_AFTER_MS = 60_000
/** Nobody waits longer, and it is still a date. */
const MAX_WAIT_MS = 365 * 24 * 3_600_000
const MAX_MESSAGE_CHARACTERS = 2000

/** The pause before the call is made again. Undefined: not again. `fraction`: uniform in [0, 1). */
export function retryDelayMs(
  failed: Failed,
  attempt: number,
  fraction: number,
): number | undefined {
  if (failed.class !== 'retryable' || attempt >= ATTEMPTS || asksToWait(failed)) return undefined
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1))
  return Math.max(failed.retryAfterMs ?? 0, Math.round(fraction * ceiling))
}

/** What a call that is not made again means for the step. */
export function failureOf(failed: Failed, model: ResolvedModel): StepFailure {
  if (failed.class === 'refusal') return { reason: 'model-refused' }
  if (failed.class === 'overflow') return { reason: 'context-overflow' }
  const message = boundMessage(failed.message)
  const failure = { reason: 'model-error', class: failed.class, model: modelName(model) } as const
  if (failed.class !== 'retryable' || !asksToWait(failed)) return { ...failure, message }
  const waitMs = Math.min(MAX_WAIT_MS, Math.ceil(failed.retryAfterMs))
  const seconds = Math.ceil(waitMs / 1000)
  return { ...failure, message: `${message} It asks to wait ${seconds} s.`, waitMs }
}

/** As much of a provider's words as is kept. */
export function boundMessage(message: string): string {
  return message.slice(0, MAX_MESSAGE_CHARACTERS)
}

/** Another model may do better after these; a refusal or a full window is about the conversation. */
export function isModelFault(failure: StepFailure): boolean {
  return failure.reason === 'model-error' || failure.reason === 'environment'
}

/** Of two models that gave up, what the step ends with: the shorter wait, where one is asked for; else the last. */
export function decisive(before: StepFailure | undefined, last: StepFailure): StepFailure {
  const earlierMs = waitOf(before)
  return before !== undefined && earlierMs < waitOf(last) ? before : last
}

function waitOf(failure: StepFailure | undefined): number {
  return failure?.reason === 'model-error' ? (failure.waitMs ?? Infinity) : Infinity
}

function asksToWait(failed: Failed): failed is Failed & { readonly retryAfterMs: number } {
  return failed.retryAfterMs !== undefined && failed.retryAfterMs > MAX_RETRY_AFTER_MS
}
