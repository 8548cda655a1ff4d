import { BUNDLED_FILES, bundledPipeline } from './bundled.ts'
import { loadPipeline } from './load.ts'
import type { Pipeline, Step } from './pipeline.ts'

/**
 * A copy of a bundled pipeline keeps the bundled stand-ins and verdict where it names none itself, so
 * that it runs without a model as well. A copy has the same name, step ids and artifacts.
 */
export function inheritStandIns(pipeline: Pipeline): Pipeline {
  if (pipeline.origin === 'bundled' || !lacksStandIn(pipeline)) return pipeline
  const file = bundledPipeline(pipeline.name)
  if (file === undefined) return pipeline
  const bundled = loadPipeline(file, BUNDLED_FILES)
  if (!bundled.ok) throw new Error(`Internal error: the bundled ${file.file} does not load`)
  if (!isCopy(pipeline, bundled.value)) return pipeline
  const steps = pipeline.steps.map((step, index) => withStandIn(step, bundled.value.steps[index]))
  return { ...pipeline, steps, verdict: pipeline.verdict ?? bundled.value.verdict }
}

function lacksStandIn(pipeline: Pipeline): boolean {
  return pipeline.steps.some((step) => step.kind === 'prompt' && step.standIn === undefined)
}

function isCopy(pipeline: Pipeline, bundled: Pipeline): boolean {
  if (pipeline.steps.length !== bundled.steps.length) return false
  return pipeline.steps.every((step, index) => {
    const original = bundled.steps[index]
    return original !== undefined && outline(step) === outline(original)
  })
}

/** What a stand-in relies on. */
function outline(step: Step): string {
  const artifacts = step.artifacts.map(({ name, path, type }) => [name, path, type])
  return JSON.stringify([step.id, step.kind, artifacts])
}

function withStandIn(step: Step, original: Step | undefined): Step {
  if (step.kind !== 'prompt' || original?.kind !== 'prompt') return step
  return { ...step, standIn: step.standIn ?? original.standIn }
}
