import type { StepState } from '@wave/core/runs'
import { describeFailure } from '../render/format.ts'
import { glanceToJson } from './glances.ts'
import type { RunView } from './run-view.ts'

/** As documented in docs/guide/runs.md. What is not known is null. */
export function viewToJson(view: RunView): Readonly<Record<string, unknown>> {
  const { glance, state, waiting, patches, next, tornBytes } = view
  const { started, resumed, finished } = state
  const { steps: counts, ...rest } = glanceToJson(glance)
  return {
    v: 1,
    ...rest,
    counts,
    waveVersion: started?.waveVersion ?? null,
    models: started?.models ?? {},
    snapshot: started === undefined ? null : treeOf(started.snapshot),
    resumedAt: resumed?.at ?? null,
    differences: resumed?.differences ?? [],
    tornBytes,
    steps: state.steps.values().map(stepToJson),
    waiting: waiting.map(({ step, message, choices }) => ({ step, message, choices })),
    delivered: finished?.delivered ?? [],
    patches: patches.map(({ id, patch }) => ({
      step: id,
      files: patch?.files ?? 0,
      added: patch?.added ?? 0,
      deleted: patch?.deleted ?? 0,
    })),
    next,
  }
}

function treeOf({
  tree,
  head,
  dirty,
}: {
  readonly tree: string
  readonly head: string | undefined
  readonly dirty: boolean
}): object {
  return { tree, head: head ?? null, dirty }
}

function stepToJson(step: StepState): object {
  const { usage, artifacts, failure } = step
  return {
    id: step.id,
    role: step.role,
    parent: step.parent ?? null,
    dependencies: step.dependencies,
    status: step.status,
    attempt: step.attempt,
    durationMs: step.durationMs ?? null,
    tokens: usage === undefined ? null : { input: usage.input, output: usage.output },
    message: step.message ?? null,
    verdict: step.verdict ?? null,
    failure: failure === undefined ? null : { text: describeFailure(failure), ...failure },
    skippedBecause: step.skippedBecause ?? null,
    answer: step.answer?.choice ?? null,
    notBefore: step.wait?.notBefore ?? null,
    warnings: step.warnings,
    artifacts: artifacts.map(({ name, path, type, sizeBytes, digest }) => ({
      name,
      path,
      type,
      sizeBytes,
      digest,
    })),
  }
}
