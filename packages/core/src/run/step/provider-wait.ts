import type { NewRunEvent, StepFailure } from '../../events.ts'
import type { AttemptResult, AttemptScope } from './attempt-result.ts'

/** The provider asks for a longer pause than wave makes. */
export type LongWait = Extract<StepFailure, { readonly reason: 'model-error' }> & {
  readonly waitMs: number
}

/** Thrown where somebody whom a step asks on the way, such as a judge, has to wait: the whole attempt does. */
export class ProviderAsksToWait extends Error {
  override readonly name = 'ProviderAsksToWait'
  readonly failure: LongWait

  constructor(failure: LongWait) {
    super(failure.message)
    this.failure = failure
  }
}

export function isLongWait(failure: StepFailure): failure is LongWait {
  return failure.reason === 'model-error' && failure.waitMs !== undefined
}

/** The attempt stops here and uses up none: resumed, it goes on with the replies that were paid for. */
export function waitForProvider(
  { planned, request }: AttemptScope,
  { model, class: kind, message, waitMs }: LongWait,
): AttemptResult {
  const { clock } = request.task.frame.run.request
  const waiting: NewRunEvent = {
    type: 'run-waiting',
    step: planned.step.id,
    model,
    class: kind,
    message,
    waitMs,
    notBefore: new Date(Date.parse(clock.nowUtc()) + waitMs).toISOString(),
  }
  return { status: 'waiting', events: [waiting] }
}
