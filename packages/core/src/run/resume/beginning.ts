import type { StepFailure } from '../../events.ts'
import type { PreviousAttempt } from '../../ports.ts'

/** How the first attempt of a step begins in this process. */
export interface Beginning {
  readonly attempt: number
  /** It goes on where it was cut off. */
  readonly resumed: boolean
  /** Of the attempts before. */
  readonly failures: readonly StepFailure[]
  readonly previous: PreviousAttempt | undefined
}

/** Of a step that nobody has tried before. */
export const FIRST_ATTEMPT: Beginning = {
  attempt: 1,
  resumed: false,
  failures: [],
  previous: undefined,
}
