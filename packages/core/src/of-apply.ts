import type { NewApplyEvent } from './apply-events.ts'
import type { NewRunEvent } from './events.ts'

/** Whether an event tells of applying the changes of the run: that is no part of it, and changes no state of it. */
export function isOfApply<Event extends Pick<NewRunEvent, 'type'>>(
  event: Event,
): event is Extract<Event, Pick<NewApplyEvent, 'type'>> {
  return event.type === 'apply-started' || event.type === 'apply-ended'
}
