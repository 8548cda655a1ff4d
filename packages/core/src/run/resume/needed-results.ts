import { stateOf, visibleSteps } from '../frame.ts'
import type { Frame, Task } from '../frame.ts'
import { namedBy } from '../needs.ts'
import type { StepState } from '../state.ts'
import { isAsAt } from './step-result.ts'

/**
 * Whether something that a step sees has become another since it started: a step behind which it stands, or
 * that it injects, names in a text, or goes on from.
 */
export function isStale(task: Task): boolean {
  const { frame, planned } = task
  const since = frame.run.log.state.steps.get(planned.step.id)?.startedSeq
  if (since === undefined) return true
  return neededStates(task).some((state) => !isAsAt(state?.result, since))
}

function neededStates(task: Task): readonly (StepState | undefined)[] {
  const { frame, planned, local } = task
  const { steps } = frame.run.log.state
  const visible = visibleSteps(task)
  const named = [...namesOf(local)].filter((id) => visible.has(id))
  return [
    ...planned.step.dependencies.map((id) => steps.get(id)),
    ...named.map((id) => stateOf(frame, id)),
    ...(frame.previous === undefined ? [] : statesIn(frame.previous)),
    ...itemsBefore(task),
  ]
}

/** Found once: the texts of a step are parsed for it. */
function namesOf(local: Task['local']): ReadonlySet<string> {
  const known = NAMES.get(local)
  if (known !== undefined) return known
  const { step } = local
  const from = step.mount?.from
  const names = new Set([
    ...namedBy(local),
    ...step.inject.filter(({ previous }) => previous !== true).map(({ step: id }) => id),
    ...(from !== undefined && 'ref' in from ? [from.ref] : []),
    ...(step.kind === 'aggregate' ? step.from.map(({ step: id }) => id) : []),
  ])
  NAMES.set(local, names)
  return names
}

const NAMES = new WeakMap<Task['local'], ReadonlySet<string>>()

/** A round builds on all that the one before it left. */
function statesIn({ tasks, run }: Frame): readonly (StepState | undefined)[] {
  return tasks.map(({ planned }) => run.log.state.steps.get(planned.step.id))
}

/** Where items that change files follow each other, each starts from the tree of the one before. */
function itemsBefore({ frame, item, local }: Task): readonly (StepState | undefined)[] {
  if (item === undefined || frame.owner?.local.step.iterate?.mode !== 'sequential') return []
  if (local.step.mount?.mode !== 'readwrite') return []
  return statesIn({ ...frame, tasks: frame.tasks.slice(0, item.iteration - 1) })
}
