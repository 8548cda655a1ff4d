import type { RunState, StepState } from '@wave/core'

/**
 * The steps whose changes a run hands over: completed, and so is every step that they are a part of. What
 * an attempt did that was made again is not among them.
 */
export function handedOver({ steps }: Pick<RunState, 'steps'>): readonly StepState[] {
  return steps
    .values()
    .filter(
      (step) =>
        step.patch !== undefined &&
        step.patch.files > 0 &&
        [step, ...enclosing(steps, step)].every(({ status }) => status === 'succeeded'),
    )
}

/** The steps that this one is a part of, the closest first. */
export function enclosing(steps: RunState['steps'], { parent }: StepState): readonly StepState[] {
  const around = parent === undefined ? undefined : steps.get(parent)
  return around === undefined ? [] : [around, ...enclosing(steps, around)]
}
