import type { RunLimits } from '../events.ts'
import type { Persona, ToolName } from '../persona/persona.ts'
import type { ResolvedModel } from '../ports.ts'
import { inheritStandIns } from './inherit.ts'
import { failed } from './source.ts'
import type { Loaded } from './source.ts'
import type { Contract, Pipeline, Step } from './pipeline.ts'
import { checkPrices, planLimits } from './plan-limits.ts'
import { StepPlanner } from './plan-step.ts'
import { checkWiring } from './wiring.ts'

/** Everything that can be known before a token is spent. */
export interface Plan {
  readonly pipeline: Pipeline
  /** `evidence`: no model is configured and every prompt step has a stand-in. */
  readonly mode: 'model' | 'evidence'
  /** In file order, which breaks ties between steps that are ready together. */
  readonly steps: readonly PlannedStep[]
  readonly limits: RunLimits
}

export type RunnerName = 'agent' | 'command' | 'evidence'

export interface PlannedStep {
  readonly step: Step
  /** `engine`: the step is performed by running other steps, waiting, or joining artifacts. */
  readonly runner: RunnerName | 'engine'
  /** Undefined for command steps. */
  readonly persona: Persona | undefined
  /** The persona's prompt with `project.*` filled in. The base rules go before it when a model is called. */
  readonly systemPrompt: string
  /** Tools with at least one permitted call, in the order of TOOL_NAMES. Empty in evidence mode. */
  readonly tools: readonly ToolName[]
  /** First choice and its fallbacks. Empty unless `runner` is `agent`. */
  readonly models: readonly ResolvedModel[]
  /** Whether it needs a workspace that executes: commands, `bash`, read-write mounts, test contracts. */
  readonly executes: boolean
  /** Everything reachable through dependencies. Collected anew on each access: keep it while you use it. */
  readonly ancestors: ReadonlySet<string>
  readonly dependents: readonly string[]
  /** The `completed` message when the runner reports none. */
  readonly message: string
  /** Whom the contracts of the step ask, by contract. */
  readonly judges?: ReadonlyMap<Contract, Judge>
  /** Models of the second and later attempts, with `retry.escalate`; the last ones hold on. */
  readonly escalation?: readonly (readonly ResolvedModel[])[]
  /** Of a step that calls a pipeline. */
  readonly child?: Plan
  /** Of a branch: what each value of `on` calls. `otherwise` undefined: an unknown value fails the step. */
  readonly cases?: {
    readonly byValue: ReadonlyMap<string, Plan | 'skip'>
    readonly otherwise: Plan | 'skip' | undefined
  }
  /** Of a loop. */
  readonly body?: readonly PlannedStep[]
}

/** Who decides a contract: a model alone, or a persona with its tools. */
export interface Judge {
  readonly models: readonly ResolvedModel[]
  readonly persona: Persona | undefined
  readonly systemPrompt: string
  readonly tools: readonly ToolName[]
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
export function planPipeline(loaded: Pipeline, context: PlanContext): Loaded<Plan> {
  const pipeline = inheritStandIns(loaded)
  const wiring = checkWiring(pipeline)
  const { limits, problems: widened } = planLimits(pipeline, context.limits ?? NO_RULES)
  const mode = modeOf(pipeline, context)
  const planner = new StepPlanner(pipeline, { context, mode })
  const steps = pipeline.steps.map((step, index) => planner.plan(step, index))
  const problems = [...wiring, ...widened, ...planner.problems]
  if (problems.length > 0) return failed(problems)
  // A missing model is told only when nothing is wrong with the files: it is another kind of error.
  const missing = [...planner.missing, ...checkPrices(steps, limits)]
  if (missing.length > 0) return failed(missing)
  const verdict = loaded.verdict ?? (mode === 'evidence' ? pipeline.verdict : undefined)
  return { ok: true, value: { pipeline: { ...pipeline, verdict }, mode, steps, limits } }
}

const NO_RULES: LimitRules = { caps: BUILT_IN_CAPS, layers: [] }

function modeOf(pipeline: Pipeline, context: PlanContext): Plan['mode'] {
  if (context.hasModels) return 'model'
  const prompts = pipeline.steps.filter((step) => step.kind === 'prompt')
  const hasStandIns = prompts.length > 0 && prompts.every((step) => step.standIn !== undefined)
  return hasStandIns ? 'evidence' : 'model'
}
