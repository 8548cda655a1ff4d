export type * from './agent/messages.ts'
export type * from './events.ts'
export type * from './pipeline/pipeline.ts'
export type * from './pipeline/plan.ts'
export type * from './ports.ts'

export { addUsage, NO_USAGE } from './agent/messages.ts'
export { exitCodeOf, ProblemsError, WaveError } from './errors.ts'
export type { Location, Problem, WaveErrorCode } from './errors.ts'
export { TOOL_NAMES } from './persona/persona.ts'
export type { Permissions, Persona, ToolName } from './persona/persona.ts'
export { WorkspaceLost } from './ports.ts'

// The agent loop.
export { AgentRunner } from './agent/agent-runner.ts'

// Pipeline language, personas, contracts.
export { checkArtifacts, runContracts } from './contract/check.ts'
export type { ArtifactCheck, ArtifactProblem, ContractReport } from './contract/check.ts'
export { readVerdict } from './contract/verdict.ts'
export { bundledPersonas } from './persona/bundled.ts'
export { isAllowed, offeredTools } from './persona/permissions.ts'
export { loadPersonas } from './persona/registry.ts'
export type { PersonaFile } from './persona/registry.ts'
export { bundledPipelineNames, bundledPipelines } from './pipeline/bundled.ts'
export { findPipeline } from './pipeline/catalog.ts'
export { loadPipeline } from './pipeline/load.ts'
export type { Loaded, PipelineFile, ProjectFiles } from './pipeline/load.ts'
export { BUILT_IN_CAPS, planPipeline } from './pipeline/plan.ts'
export { readShape } from './pipeline/shape.ts'
export type { Shape, ShapePath, ShapeRules } from './pipeline/shape.ts'
export { checkTemplate, renderTemplate } from './pipeline/template.ts'
export type {
  Rendered,
  TemplateArtifact,
  TemplateScope,
  TemplateStep,
} from './pipeline/template.ts'
export type { TemplateNames } from './pipeline/template-names.ts'
export { parseYaml } from './pipeline/yaml-file.ts'
export { suggest, suggestionHint } from './suggest.ts'
