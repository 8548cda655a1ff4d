import type { RunLimits } from '../events.ts'
import type { Persona, ToolName } from '../persona/persona.ts'
import type { ResolvedModel } from '../ports.ts'
import type { Loaded } from './load.ts'
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

/** What a plan needs to know about the user, the machine and the project. */
export interface PlanContext {
  readonly personas: ReadonlyMap<string, Persona>
  /** `project` of `.wave/config.yaml`. */
  readonly project: Readonly<Record<string, string | readonly string[]>>
  /** A tier, alias or `provider/model`; undefined asks for the user's default. */
  resolveModel(name: string | undefined): ResolvedModel | undefined
  /** Whether the user has any model. Without one, stand-ins take the personas' place. */
  readonly hasModels: boolean
  /** `triage` for `evidence/triage`. */
  readonly knownStandIns: ReadonlySet<string>
  /** `--model`: in place of every persona's and step's choice. */
  readonly modelOverride?: string
  readonly limits?: LimitRules
}

/** Who limits the run. Every layer can only narrow what the caps grant. */
export interface LimitRules {
  /** The built-in caps, with the user's config in place of them where it sets a value. */
  readonly caps: LimitCaps
  /** Flags, environment and `.wave/config.yaml`, each with its name for messages. The pipeline's own come on top. */
  readonly layers: readonly { readonly source: string; readonly limits: Partial<RunLimits> }[]
}

export interface LimitCaps extends RunLimits {
  readonly timeoutMs: number
}

export const BUILT_IN_CAPS: LimitCaps = {
  minutes: 1440,
  concurrency: 16,
  usd: undefined,
  tokens: undefined,
  timeoutMs: 4 * 60 * 60 * 1000,
}

/** Decides everything that can be decided before the run: who does what, with which tools, within which limits. */
export function planPipeline(_pipeline: Pipeline, _context: PlanContext): Loaded<Plan> {
  throw new Error('Internal error: not written yet')
}
