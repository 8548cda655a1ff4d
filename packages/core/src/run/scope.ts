import { cutMiddle } from '../agent/truncate.ts'
import type { PlannedStep } from '../pipeline/plan/plan.ts'
import type { TemplateScope, TemplateStep } from '../pipeline/template/template.ts'
import type { InjectedArtifact } from '../ports.ts'
import { stateOf, visibleSteps } from './frame.ts'
import type { Frame, Task } from './frame.ts'
import { textOf } from './needs.ts'
import { INPUT_PATH } from './step/step-workspace.ts'
import type { StepState } from './state.ts'
import { workflowNames } from './workflow-names.ts'

/** What the texts of a step can name. Artifacts of other steps are read only when a text uses them. */
export function templateScope(
  task: Task,
  attempt: number,
  inputs: readonly InjectedArtifact[],
): TemplateScope {
  // What may be absent shows as nothing.
  const absent = task.local.step.inject.map(({ as }) => [as, undefined] as const)
  const present = inputs.map((input) => [input.as, asTemplateArtifact(input)] as const)
  const artifacts = new Map([...absent, ...present])
  return { ...scopeOf(task, attempt, shownInput(task)), artifacts }
}

/** What the condition of a step can name. */
export function conditionScope(task: Task): TemplateScope {
  return scopeOf(task, 1, task.frame.input.value)
}

/** What the `until` of a loop can name: the steps of the round, and what the loop sees. */
export function roundScope(loop: Task, round: Frame): TemplateScope {
  const outer = scopeOf(loop, 1, loop.frame.input.value)
  const ids = (loop.local.body ?? []).map(({ step }) => step.id)
  const { iteration } = round
  return {
    ...outer,
    steps: new Map([...outer.steps, ...stepsOf(round, ids)]),
    ...(iteration !== undefined && { iteration }),
  }
}

function scopeOf(task: Task, attempt: number, input: unknown): TemplateScope {
  const { frame, planned, local, item } = task
  const { run, pipeline } = frame
  const visible = textOf(local).includes('steps') ? visibleSteps(task) : NONE
  const iteration = item?.iteration ?? frame.iteration
  return {
    input,
    run: { id: run.request.runId, name: pipeline.name, started_at: run.startedAt },
    step: { id: planned.step.id, attempt },
    artifacts: new Map(),
    steps: stepsOf(frame, visible),
    project: run.request.project,
    env: frame.env,
    gates: gatesOf(frame, textOf(local).includes('gate') ? visibleSteps(task) : NONE),
    ...(item && { item: item.value }),
    ...(iteration !== undefined && { iteration }),
    ...(pipeline.dialect === 'workflow/v2.0' && { extra: workflowNames(task) }),
  }
}

const NONE: ReadonlySet<string> = new Set()

const MAX_SHOWN_INPUT_BYTES = 64 * 1024

/** A long log would fill the window of a model before its first turn; one that can read files finds the whole. */
function shownInput({ frame, planned }: Task): unknown {
  const { value } = frame.input
  if (typeof value !== 'string' || !readsFiles(planned)) return value
  const { text, droppedBytes } = cutMiddle(value, MAX_SHOWN_INPUT_BYTES)
  return droppedBytes === 0 ? value : `${text}\n[All of the input is at ${INPUT_PATH}.]`
}

function readsFiles({ runner, tools }: PlannedStep): boolean {
  return runner === 'agent' && tools.includes('read')
}

function asTemplateArtifact(input: InjectedArtifact) {
  const { path, type, content, ref } = input
  return { path, type, sizeBytes: ref.sizeBytes, content }
}

function stepsOf(frame: Frame, ids: Iterable<string>): ReadonlyMap<string, TemplateStep> {
  return new Map([...ids].map((id) => [id, templateStep(frame, stateOf(frame, id))]))
}

function templateStep(frame: Frame, state: StepState | undefined): TemplateStep {
  const { store } = frame.run.request
  const artifacts = (state?.artifacts ?? []).map((artifact) => {
    const { name, type, digest, sizeBytes } = artifact
    const lazy = {
      type,
      get content() {
        return store.get({ digest, sizeBytes })
      },
    }
    return [name, lazy] as const
  })
  return { outcome: outcomeOf(state), artifacts: new Map(artifacts) }
}

function outcomeOf(state: StepState | undefined): TemplateStep['outcome'] {
  if (state?.status === 'succeeded') return 'completed'
  return state?.status === 'failed' ? 'failed' : 'skipped'
}

function gatesOf(frame: Frame, ids: Iterable<string>): NonNullable<TemplateScope['gates']> {
  const answers = [...ids].flatMap((id) => {
    const answer = stateOf(frame, id)?.answer
    return answer === undefined ? [] : [[id, answer] as const]
  })
  return Object.fromEntries(answers)
}
