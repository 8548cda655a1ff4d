import { injectArtifacts } from '../../artifact/inject.ts'
import { checkAgainstSchema } from '../../contract/json-schema.ts'
import type { StepFailure, StoredArtifact } from '../../events.ts'
import type { ArtifactDeclaration, Injection } from '../../pipeline/pipeline.ts'
import type { PlannedStep } from '../../pipeline/plan/plan.ts'
import { renderTemplate } from '../../pipeline/template/template.ts'
import type { InjectedArtifact } from '../../ports.ts'
import { stateOf } from '../frame.ts'
import type { Task } from '../frame.ts'
import { inFileName } from '../ids.ts'
import { parseJson } from '../parse-json.ts'
import { conditionScope } from '../scope.ts'

/** The artifacts that a step injects, read from the store and verified. */
export function loadInputs(task: Task): readonly InjectedArtifact[] {
  const { frame, local } = task
  const { request, facts } = frame.run
  const inputs = local.step.inject.flatMap((injection) => {
    const found = (): StoredArtifact | undefined => injectedArtifact(task, injection)
    return injectArtifacts([injection], found, request.store)
  })
  const wantsFacts = local.step.kind === 'prompt' && local.step.standIn !== undefined
  return facts !== undefined && wantsFacts ? [facts, ...inputs] : inputs
}

/** The recorded artifact behind an injection; of the round before, where that is asked for. */
export function injectedArtifact(
  { frame }: Task,
  { step, artifact, previous }: Injection,
): StoredArtifact | undefined {
  const from = previous === true ? frame.previous : frame
  const state = from && stateOf(from, step)
  return state?.artifacts.find(({ name }) => name === artifact)
}

/** What an injected artifact lacks of the schema that this step demands of it. */
export function checkInputs(
  task: Task,
  inputs: readonly InjectedArtifact[],
): StepFailure | undefined {
  for (const { as, schema } of task.local.step.inject) {
    const input = inputs.find((each) => each.as === as)
    if (schema === undefined || input === undefined) continue
    const parsed = parseJson(new TextDecoder().decode(input.content))
    const problems = parsed.ok ? checkAgainstSchema(schema, parsed.value) : [parsed.message]
    if (problems.length > 0) return { reason: 'artifact-invalid', name: as, problems }
  }
  return undefined
}

/** The step with the places of its artifacts as they are in this attempt. */
export function placeArtifacts(task: Task, attempt: number): PlannedStep {
  const { planned } = task
  const { step } = planned
  if (step.iterate !== undefined) return asWhole(planned)
  if (step.kind === 'loop')
    return { ...planned, step: { ...step, artifacts: step.artifacts.map(maybe) } }
  if (!step.artifacts.some(({ path }) => path.includes('{{'))) return planned
  const scope = { ...conditionScope(task), step: { id: inFileName(step.id), attempt } }
  const artifacts = step.artifacts.map((declared): ArtifactDeclaration => {
    const rendered = renderTemplate({ text: declared.path, location: step.location }, scope)
    // Names and values are trusted ones, and the plan has checked them.
    const path = rendered.ok ? rendered.text : declared.path
    return { ...declared, path }
  })
  return { ...planned, step: { ...step, artifacts } }
}

/** The steps of the last round have answered for what they had to make; one that was skipped made nothing. */
function maybe(declared: ArtifactDeclaration): ArtifactDeclaration {
  return { ...declared, required: false }
}

/** A fan-out hands over lists of what its items made; contracts and retries are those of each item. */
function asWhole(planned: PlannedStep): PlannedStep {
  const { step } = planned
  const artifacts = step.artifacts.map((declared): ArtifactDeclaration => {
    const { extract: _, ...rest } = declared
    const path = declared.path.endsWith('.json') ? declared.path : `${declared.path}.json`
    return { ...rest, path, type: 'json', required: true }
  })
  return { ...planned, step: { ...step, artifacts, contracts: [] } }
}
