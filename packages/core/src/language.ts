/**
 * The part of core that commands need before anything runs: errors, the pipeline language, personas and the
 * plan. Without the run engine and without reading YAML (`reading`), so that looking at a plan starts quickly.
 */
export { exitCodeOf, ProblemsError, WaveError } from './errors.ts'
export type { Problem } from './errors.ts'
export { bundledPersonas } from './persona/bundled.ts'
export { loadPersonas } from './persona/registry.ts'
export {
  BUNDLED_FILES,
  bundledPipeline,
  bundledPipelineNames,
  bundledPipelines,
} from './pipeline/bundled.ts'
export { findPipeline } from './pipeline/catalog.ts'
export { loadPipeline } from './pipeline/load.ts'
export { expressionsOf, templatesOf } from './pipeline/step-texts.ts'
export { usesInput } from './pipeline/uses-input.ts'
export { BUILT_IN_CAPS, planPipeline } from './pipeline/plan/plan.ts'
export { suggestionHint } from './suggest.ts'
