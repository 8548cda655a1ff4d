import type { Pipeline, Step } from '../pipeline/pipeline.ts'

/** Where a value stands in a document. */
export type DocumentPath = readonly (string | number)[]

/** The keys of a pipeline's document whose values no WavePipeline file may have: a workflow was translated. */
export function workflowForms(pipeline: Pipeline): readonly DocumentPath[] {
  return formsOfSteps(pipeline.steps, ['steps'])
}

function formsOfSteps(steps: readonly Step[], path: DocumentPath): readonly DocumentPath[] {
  return steps.flatMap((step, index) => formsOfStep(step, [...path, index]))
}

function formsOfStep(step: Step, path: DocumentPath): readonly DocumentPath[] {
  const { iterate, retry } = step
  const calls = step.kind === 'pipeline' || step.kind === 'branch'
  const hasKeys = calls && step.input !== undefined && 'fields' in step.input
  const isList = iterate === undefined || iterate.items.kind === 'list'
  return [
    ...(hasKeys ? [[...path, 'input']] : []),
    ...(isList ? [] : [[...path, 'iterate', 'over']]),
    ...(retry.onFailure === 'ignore' ? [[...path, 'retry', 'on_failure']] : []),
    ...(step.kind === 'loop' ? formsOfSteps(step.steps, [...path, 'loop', 'steps']) : []),
  ]
}
