import type { NewRunEvent, StepFailure } from '../events.ts'
import type { Task } from './frame.ts'

/** The end of a step that never started, because its condition cannot be decided. */
export function failedCondition(
  { planned: { step } }: Task,
  failure: StepFailure,
): { readonly effect: 'fail'; readonly events: readonly NewRunEvent[] } {
  const event: NewRunEvent = {
    type: 'step-failed',
    step: step.id,
    attempt: 1,
    failure,
    willRetry: false,
    durationMs: 0,
    usage: undefined,
  }
  return { effect: 'fail', events: [event] }
}

/** A step that does not run, and why. */
export function skippedEvent(step: string, because: string): NewRunEvent {
  return { type: 'step-skipped', step, because }
}
