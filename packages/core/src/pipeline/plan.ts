import type { RunLimits } from '../events.ts'
import type { Persona, ToolName } from '../persona/persona.ts'
import type { ResolvedModel } from '../ports.ts'
import type { Pipeline, Step } from './pipeline.ts'

/** Everything that can be known before a token is spent. */
export interface Plan {
  readonly pipeline: Pipeline
  /** `evidence`: no model is configured and every prompt step has a stand-in. */
  readonly mode: 'model' | 'evidence'
  /** In file order, which breaks ties between steps that are ready together. */
  readonly steps: readonly PlannedStep[]
  readonly limits: RunLimits
}

export interface PlannedStep {
  readonly step: Step
  readonly runner: 'agent' | 'command' | 'evidence'
  /** Undefined for command steps. */
  readonly persona: Persona | undefined
  /** Persona and system prompt with `project.*` filled in. */
  readonly systemPrompt: string
  /** Tools with at least one permitted call, in the order of TOOL_NAMES. Empty in evidence mode. */
  readonly tools: readonly ToolName[]
  /** First choice and its fallbacks. Empty unless `runner` is `agent`. */
  readonly models: readonly ResolvedModel[]
  /** Whether it needs a workspace that executes: commands, `bash`, read-write mounts, test contracts. */
  readonly executes: boolean
  /** Everything reachable through dependencies. */
  readonly ancestors: ReadonlySet<string>
  readonly dependents: readonly string[]
  /** The `completed` message when the runner reports none. */
  readonly message: string
}
