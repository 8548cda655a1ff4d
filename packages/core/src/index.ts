export type * from './agent/messages.ts'
export type * from './events.ts'
export type * from './pipeline/pipeline.ts'
export type * from './pipeline/plan/plan.ts'
export type * from './ports.ts'

export { addUsage, NO_USAGE } from './agent/messages.ts'
export { exitCodeOf, ProblemsError, WaveError } from './errors.ts'
export type { Location, Problem, WaveErrorCode } from './errors.ts'
export { ChangesRefused, WorkspaceLost } from './workspace-errors.ts'
export { TOOL_NAMES } from './persona/persona.ts'
export type { Permissions, Persona, ToolName } from './persona/persona.ts'

// The agent loop.
export { AgentRunner } from './agent/agent-runner.ts'

// Pipeline language, personas, contracts.
export { checkArtifacts, runContracts } from './contract/check.ts'
export { checkAgainstSchema } from './contract/json-schema.ts'
export type { ArtifactCheck, ArtifactProblem, ContractReport } from './contract/check.ts'
export { readVerdict } from './contract/verdict.ts'
export { bundledPersonas } from './persona/bundled.ts'
export { isAllowed, offeredTools } from './persona/permissions.ts'
export { loadPersonas } from './persona/registry.ts'
export type { PersonaFile } from './persona/registry.ts'
export { PERSONA as PERSONA_SCHEMA } from './persona/schema.ts'
export { bundledPipelineNames, bundledPipelines } from './pipeline/bundled.ts'
export { findPipeline } from './pipeline/catalog.ts'
export { loadPipeline } from './pipeline/load.ts'
export type { Loaded, PipelineFile, ProjectFiles } from './pipeline/source.ts'
export { BUILT_IN_CAPS, planPipeline } from './pipeline/plan/plan.ts'
export { PIPELINE as PIPELINE_SCHEMA } from './pipeline/schema/schema.ts'
export { readShape } from './pipeline/schema/shape.ts'
export type { Shape, ShapePath, ShapeRules } from './pipeline/schema/shape.ts'
export { checkTemplate, renderTemplate } from './pipeline/template/template.ts'
export type {
  Rendered,
  TemplateArtifact,
  TemplateScope,
  TemplateStep,
} from './pipeline/template/template.ts'
export type { TemplateNames } from './pipeline/template/template-names.ts'
export { parseYaml } from './pipeline/yaml/yaml-file.ts'
export { suggest, suggestionHint } from './suggest.ts'

// The run engine.
export { checkDeliverable, deliveredFiles } from './artifact/deliver.ts'
export type { DeliveredFile } from './artifact/deliver.ts'
export { artifactRef, FileArtifactStore } from './artifact/store.ts'
export { listCacheEntries, openStepCache } from './run/cache/step-cache.ts'
export { systemClock } from './run/clock.ts'
export { commandRunner } from './run/step/command-runner.ts'
export { systemIds } from './run/ids.ts'
export {
  makeDirectory,
  replaceFile,
  storageError,
  syncDirectory,
} from './run/journal/durable-fs.ts'
export { FileJournal, journalPath, openJournal } from './run/journal/journal.ts'
export { readJournal } from './run/journal/journal-scan.ts'
export { cancelRun } from './run/journal/cancel-run.ts'
export type { Cancellation } from './run/journal/cancel-run.ts'
export { freezeFiles, readFrozen } from './run/journal/frozen.ts'
export type { FrozenFile } from './run/journal/frozen.ts'
export { takeLock } from './run/journal/lock.ts'
export type { ResumeRequest, RunRequest, RunResult } from './run/request.ts'
export { findDifferences } from './run/resume/differences.ts'
export type { Circumstances, Difference } from './run/resume/differences.ts'
export { runPipeline } from './run/run.ts'
export { findRun, openRunFolder, runsFolder } from './run/journal/run-folder.ts'
export type { RunFolder } from './run/journal/run-folder.ts'
export { EMPTY_STATE, fold, foldEvent, totalUsage } from './run/state.ts'
export type { RunState, StepState, StepStatus } from './run/state.ts'
