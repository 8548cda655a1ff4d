import type { Problem } from '../../errors.ts'
import type { RunLimits } from '../../events.ts'
import type { Persona, ToolName } from '../../persona/persona.ts'
import type { ResolvedModel } from '../../ports.ts'
import { loadReading } from '../../lazy.ts'
import { inheritStandIns } from '../inherit.ts'
import { failed } from '../source.ts'
import type { Loaded } from '../source.ts'
import type { Contract, Pipeline, PromptStep, Step } from '../pipeline.ts'
import { checkPrices, planLimits } from './plan-limits.ts'
import { unknownModels } from './plan-session.ts'
import type { PlanSession } from './plan-session.ts'
import { StepPlanner } from './plan-step.ts'

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
  /** What an unknown model would take: `"x/y", whose provider "x" is not configured`, and what to do. */
  explainModel?(name: string): { readonly what: string; readonly hint: string }
  /** Whether the user has any model. Without one, stand-ins take the personas' place. */
  readonly hasModels: boolean
  /** `triage` for `evidence/triage`. */
  readonly knownStandIns: ReadonlySet<string>
  /** `--model`: in place of every persona's and step's choice. */
  readonly modelOverride?: string
  /** Keys of `env` that whoever starts the pipeline sets. Undefined: any. */
  readonly env?: readonly string[]
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
  const mode = modeOf(pipeline, context)
  const session: PlanSession = {
    context,
    mode,
    problems: [],
    missing: [],
    unknownModels: new Map(),
    notices: [],
    prompts: new Map(),
    children: new Map(),
  }
  const plan = planOne(pipeline, { env: envOf(pipeline, context), limits: undefined }, session)
  if (session.problems.length > 0) return failed(withoutRepeats(session.problems))
  // A missing model is told only when nothing is wrong with the files: it is another kind of error.
  const missing = [...session.missing, ...unknownModels(session)]
  if (missing.length > 0) return failed(withoutRepeats(missing))
  const verdict = loaded.verdict ?? (mode === 'evidence' ? pipeline.verdict : undefined)
  const notices = withoutRepeats(session.notices)
  return { ok: true, value: { ...plan, pipeline: { ...pipeline, verdict, notices } } }
}

/** How a pipeline is called. */
export interface Call {
  /** Keys of its `env`. Undefined: any. */
  readonly env: readonly string[] | undefined
  /** What to do about a key that is not among them, where there are none. */
  readonly envHint?: string
  /** What the caller may use up itself. Undefined: it is the pipeline of the run. */
  readonly limits: RunLimits | undefined
}

/** The plan of one pipeline, that of the run or one that is called. What is wrong goes to the session. */
export function planOne(loaded: Pipeline, call: Call, session: PlanSession): Plan {
  const pipeline = inheritStandIns(loaded)
  const { context, mode, problems, missing, notices } = session
  notices.push(...pipeline.notices)
  // What was loaded has been checked, with the positions of its file.
  if (pipeline.locate === undefined) problems.push(...loadReading().checkWiring(pipeline))
  const { limits, problems: widened } = planLimits(
    pipeline,
    context.limits ?? NO_RULES,
    call.limits,
  )
  problems.push(...widened)
  const list = { steps: pipeline.steps, path: ['steps'], pipeline }
  const steps = new StepPlanner(
    list,
    { env: call.env, envHint: call.envHint, limits },
    session,
  ).plan()
  missing.push(...checkPrices(steps, limits))
  return { pipeline, mode, steps, limits }
}

const NO_RULES: LimitRules = { caps: BUILT_IN_CAPS, layers: [] }

/** Without models, stand-ins must be able to take the place of every persona, also in what is called. */
function modeOf(pipeline: Pipeline, context: PlanContext): Plan['mode'] {
  if (context.hasModels) return 'model'
  const prompts = promptsIn(pipeline.steps)
  const hasStandIns = prompts.length > 0 && prompts.every((step) => step.standIn !== undefined)
  return hasStandIns ? 'evidence' : 'model'
}

function promptsIn(steps: readonly Step[]): readonly PromptStep[] {
  return steps.flatMap((step) => {
    if (step.kind === 'prompt') return [step]
    if (step.kind === 'loop') return promptsIn(step.steps)
    return calledBy(step).flatMap((child) => promptsIn(inheritStandIns(child).steps))
  })
}

function calledBy(step: Step): readonly Pipeline[] {
  if (step.kind === 'pipeline') return [step.child]
  if (step.kind !== 'branch') return []
  const called = [...Object.values(step.cases), step.otherwise ?? 'skip']
  return called.filter((child) => child !== 'skip')
}

/** A workflow has only what it sets itself; a pipeline may be made to be called. */
function envOf({ env, dialect }: Pipeline, context: PlanContext): readonly string[] | undefined {
  if (context.env !== undefined) return [...context.env, ...Object.keys(env)]
  return dialect === 'workflow/v2.0' ? Object.keys(env) : undefined
}

/** A file that is called in several ways tells its mistakes once. */
function withoutRepeats(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()]
}
