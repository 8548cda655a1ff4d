import type { StepFailure } from '../events.ts'
import type { StepEnd } from './step/step-end.ts'

/** How the steps of a graph went, apart from what its state tells. */
export interface DispatchEnd {
  /** Why the graph was ended early, from outside or by a limit of its own. */
  readonly stopped: StepFailure | undefined
  /** Steps that failed for good, in the order in which they did. */
  readonly failures: readonly {
    readonly id: string
    readonly effect: StepEnd['effect']
    readonly failure: StepFailure
  }[]
  /** Gates and steps that wait for an answer or for a provider, and steps with such ones in them. */
  readonly waiting: readonly string[]
  /** Whether a step succeeded only in part. */
  readonly partial: boolean
}
