import type { Plan, PlannedStep } from '@wave/core'

/** A step, and the plan of the pipeline that it stands in. */
export interface PlacedStep {
  readonly planned: PlannedStep
  readonly plan: Plan
}

/** Every step that a plan may come to: those of loops, branches and called pipelines included. */
export function everyStep(plan: Plan): readonly PlacedStep[] {
  return plan.steps.flatMap((planned) => withInner(planned, plan))
}

/** Stand-ins read; everything else that executes needs an engine. */
export function needsEngine(planned: PlannedStep): boolean {
  return planned.executes && planned.runner !== 'evidence'
}

function withInner(planned: PlannedStep, plan: Plan): readonly PlacedStep[] {
  const { body = [], child, cases } = planned
  const called = [child, cases?.otherwise, ...(cases?.byValue.values() ?? [])]
  return [
    { planned, plan },
    ...body.flatMap((inner) => withInner(inner, plan)),
    ...called.flatMap((other) => (other === undefined || other === 'skip' ? [] : everyStep(other))),
  ]
}
