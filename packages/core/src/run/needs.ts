import { usedSteps } from '../pipeline/condition/condition.ts'
import type { PlannedStep } from '../pipeline/plan/plan.ts'
import { expressionsOf, templatesOf } from '../pipeline/step-texts.ts'
import { stepsNamedBy } from '../pipeline/template/template.ts'
import { stateOf, visibleSteps } from './frame.ts'
import type { Task } from './frame.ts'

/**
 * The need rule: why a step cannot run although its dependencies have ended. What it injects or names in
 * a template or condition must exist. `missing` are the ids of those of its graph that left nothing,
 * and the keys of the artifacts that others did not make.
 */
export function unmetNeed(task: Task, missing: ReadonlySet<string>): string | undefined {
  const { frame, local } = task
  if (missing.size === 0 && frame.owner === undefined) return undefined
  const isMissing = (id: string): boolean =>
    missing.has(frame.resolve(id)) || leftNothing(stateOf(frame, id)?.status)
  const lacks = ({ step, artifact, isJoined }: Need): boolean =>
    isMissing(step) ||
    (isJoined !== true && missing.has(artifactKey(frame.resolve(step), artifact)))
  const injected = injectedBy(local).find(lacks)
  if (injected !== undefined) return `needs the artifact ${injected.artifact} of ${injected.step}`
  const named = [...namedBy(local)].find((id) => visibleSteps(task).has(id) && isMissing(id))
  return named === undefined ? undefined : `needs artifacts of ${named}`
}

/** Keys of what a step declares, and did not make although it completed. */
export function absentArtifacts(
  { planned: { step } }: Task,
  made: readonly { readonly name: string }[],
): readonly string[] {
  const names = new Set(made.map(({ name }) => name))
  return step.artifacts
    .filter(({ name }) => !names.has(name))
    .map(({ name }) => artifactKey(step.id, name))
}

function artifactKey(step: string, artifact: string): string {
  return `${step}\0${artifact}`
}

/** Steps whose artifacts or answers a text of the step, or of a step in it, names. */
export function namedBy({ step, body = [] }: PlannedStep): ReadonlySet<string> {
  const named = new Set<string>()
  for (const { text } of templatesOf(step)) for (const id of stepsNamedBy(text)) named.add(id)
  for (const expression of expressionsOf(step))
    for (const id of usedSteps(expression)) named.add(id)
  const inner = new Set(body.map((planned) => planned.step.id))
  for (const planned of body) {
    for (const id of namedBy(planned)) if (!inner.has(id)) named.add(id)
  }
  return named
}

/** All that a step says in templates and conditions, with those of a loop's body. */
export function textOf({ step, body = [] }: PlannedStep): string {
  const own = [...templatesOf(step), ...expressionsOf(step)].map(({ text }) => text)
  return [...own, ...body.map(textOf)].join('\n')
}

function injectedBy({ step, body = [] }: PlannedStep): readonly Need[] {
  const own = step.inject.filter(
    ({ optional, previous }) => !(optional === true || previous === true),
  )
  const joined =
    step.kind === 'aggregate' && step.strategy.type !== 'vote' ? step.from.map(joinedOf) : []
  const inner = new Set(body.map((planned) => planned.step.id))
  const below = body.flatMap(injectedBy).filter(({ step: id }) => !inner.has(id))
  return [...own, ...joined, ...below]
}

interface Need {
  readonly step: string
  readonly artifact: string
  /** What a join makes of absent artifacts is up to its strategy. */
  readonly isJoined?: true
}

function joinedOf({ step, artifact }: Need): Need {
  return { step, artifact, isJoined: true }
}

function leftNothing(status: string | undefined): boolean {
  return status === 'failed' || status === 'skipped'
}
