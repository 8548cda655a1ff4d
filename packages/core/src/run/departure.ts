import type { Departure } from './schedule.ts'
import type { StepEnd } from './step/step-end.ts'

/** What the end of a step means for those behind it. */
export function departureOf(effect: Exclude<StepEnd['effect'], 'waiting'>): Departure {
  switch (effect) {
    case 'succeeded':
      return 'done'
    case 'fail':
    case 'rework':
    case 'rejected':
      return 'blocked'
    case 'skip':
    case 'continue':
    case 'warn':
    case 'ignore':
      return 'missing'
    default:
      return effect satisfies never
  }
}
