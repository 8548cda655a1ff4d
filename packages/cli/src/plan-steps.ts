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

/** Whether any step looks at the project, uses a tool or executes something, or a command has to be there. */
export function needsSandbox(plan: Plan): boolean {
  return everyStep(plan).some(({ planned, plan: own }) => {
    const { step, runner, executes, tools, judges } = planned
    const judging = [...(judges?.values() ?? [])].some((judge) => judge.tools.length > 0)
    const isMounted = runner !== 'engine' && (step.mount ?? step.image) !== undefined
    return (
      executes || isMounted || judging || own.pipeline.requiredTools.length > 0 || tools.length > 0
    )
  })
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
