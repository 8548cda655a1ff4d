import { cutMiddle } from '../agent/truncate.ts'
import type { PlannedStep } from '../pipeline/plan.ts'
import { expressionsOf, templatesOf } from '../pipeline/step-texts.ts'
import type { TemplateScope, TemplateStep } from '../pipeline/template.ts'
import type { InjectedArtifact } from '../ports.ts'
import type { RunContext } from './request.ts'
import { INPUT_PATH } from './step-workspace.ts'
import type { StepState } from './state.ts'

/** What the step's task can name. Artifacts of ancestors are read only when a template uses them. */
export function templateScope(
  run: RunContext,
  planned: PlannedStep,
  attempt: number,
  inputs: readonly InjectedArtifact[],
): TemplateScope {
  const { runId, plan, project } = run.request
  return {
    input: shownInput(run.templateInput, planned),
    run: { id: runId, name: plan.pipeline.name, started_at: run.startedAt },
    step: { id: planned.step.id, attempt },
    artifacts: new Map(inputs.map((input) => [input.as, asTemplateArtifact(input)])),
    steps: ancestorSteps(run, planned),
    project,
  }
}

const MAX_SHOWN_INPUT_BYTES = 64 * 1024

/** A long log would fill the window of a model before its first turn; one that can read files finds the whole. */
function shownInput(input: unknown, planned: PlannedStep): unknown {
  if (typeof input !== 'string' || planned.runner !== 'agent') return input
  if (!planned.tools.includes('read')) return input
  const { text, droppedBytes } = cutMiddle(input, MAX_SHOWN_INPUT_BYTES)
  return droppedBytes === 0 ? input : `${text}\n[All of the input is at ${INPUT_PATH}.]`
}

/** Whether the step's task names an artifact of that step. */
export function namesArtifactsOf(planned: PlannedStep, id: string): boolean {
  const text = textOf(planned)
  if (!text.includes('steps')) return false
  return new RegExp(
    `steps\\s*(\\.\\s*|\\[\\s*["'])${id}(["']\\s*\\])?\\s*[.[]\\s*["']?artifacts`,
  ).test(text)
}

function textOf({ step }: PlannedStep): string {
  return [...templatesOf(step), ...expressionsOf(step)].map(({ text }) => text).join('\n')
}

function asTemplateArtifact(input: InjectedArtifact) {
  const { path, type, content, ref } = input
  return { path, type, sizeBytes: ref.sizeBytes, content }
}

/** Empty when the task names no step: a long chain would make it costly. */
function ancestorSteps(run: RunContext, planned: PlannedStep): ReadonlyMap<string, TemplateStep> {
  if (!textOf(planned).includes('steps')) return new Map()
  const entries = [...planned.ancestors].map((id): [string, TemplateStep] => [
    id,
    ancestorStep(run, run.log.state.steps.get(id)),
  ])
  return new Map(entries)
}

function ancestorStep(run: RunContext, state: StepState | undefined): TemplateStep {
  const artifacts = (state?.artifacts ?? []).map((artifact) => {
    const { name, type, digest, sizeBytes } = artifact
    const lazy = {
      type,
      get content() {
        return run.request.store.get({ digest, sizeBytes })
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
