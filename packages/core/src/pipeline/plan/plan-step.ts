import type { Location } from '../../errors.ts'
import type { RunLimits } from '../../events.ts'
import { loadPlanning } from '../../lazy.ts'
import { matchesText } from '../../persona/glob.ts'
import { offeredTools } from '../../persona/permissions.ts'
import type { Persona, ToolName } from '../../persona/persona.ts'
import { suggestionHint } from '../../suggest.ts'
import { StepGraph } from '../graph.ts'
import type { Pipeline, PromptStep, Step } from '../pipeline.ts'
import type { Judge, PlannedStep } from './plan.ts'
import { GraphNames } from './plan-names.ts'
import {
  askingAt,
  findPersona,
  nameOf,
  placeIn,
  reportNoModel,
  resolveModels,
} from './plan-session.ts'
import type { Path, PlacedStep, PlanSession } from './plan-session.ts'
import { checkHooks, checkTexts, renderPersona } from './plan-templates.ts'
import type { TemplateNames } from '../template/template-names.ts'

/** Steps that stand beside each other: those of a pipeline, or of the body of a loop. */
export interface StepList {
  readonly steps: readonly Step[]
  readonly path: Path
  readonly pipeline: Pipeline
}

/** What holds for all of them. */
export interface StepRules {
  /** Keys of `env`. Undefined: any. */
  readonly env: readonly string[] | undefined
  /** What to do about a key that is not among them, where there are none. */
  readonly envHint?: string | undefined
  readonly limits: RunLimits
  /** In the body of a loop: what the loop itself can name. */
  readonly outer?: TemplateNames
}

/** Decides who performs each step, with which tools and models. What is wrong goes to the session. */
export class StepPlanner {
  readonly names: GraphNames
  readonly #list: StepList
  readonly #rules: StepRules
  readonly #session: PlanSession
  readonly #graph: StepGraph

  constructor(list: StepList, rules: StepRules, session: PlanSession) {
    this.#list = list
    this.#rules = rules
    this.#session = session
    this.#graph = new StepGraph(list.steps)
    this.names = new GraphNames(this.#graph, {
      pipeline: list.pipeline,
      project: Object.keys(session.context.project),
      env: rules.env,
      envHint: rules.envHint,
      outer: rules.outer,
    })
  }

  plan(): readonly PlannedStep[] {
    const { steps, path, pipeline } = this.#list
    if (this.#rules.outer === undefined) checkHooks(pipeline, this.names, this.#session)
    const dependents = this.#graph.dependents()
    return steps.map((step, index) =>
      this.#plan({ step, path: [...path, index], pipeline }, dependents.get(step.id) ?? []),
    )
  }

  #plan(placed: PlacedStep, dependents: readonly string[]): PlannedStep {
    const { step } = placed
    checkTexts(placed, this.names, this.#session)
    const performer = this.#performer(placed)
    const parts = this.#parts(placed)
    const judges = this.#judges(placed)
    const graph = this.#graph
    return {
      step,
      ...performer,
      executes: executes(placed, performer, judges) || partsExecute(parts),
      // A getter: kept for every step of a long chain, the sets would fill the memory.
      get ancestors() {
        return graph.ancestorsOf(step)
      },
      dependents,
      message: completionMessage(step, performer.persona),
      ...(judges !== undefined && { judges }),
      ...parts,
    }
  }

  #performer(placed: PlacedStep): Performer {
    const { step } = placed
    if (step.kind === 'command') return { ...NOBODY, runner: 'command' }
    if (step.kind !== 'prompt') return { ...NOBODY, runner: 'engine' }
    const session = this.#session
    const persona = findPersona(step.persona, session, askingAt(placed, ['persona']))
    this.#checkStandIn(step, placed)
    const systemPrompt = persona === undefined ? '' : renderPersona(persona, session)
    if (session.mode === 'evidence') return { ...NOBODY, runner: 'evidence', persona, systemPrompt }
    const tools = persona === undefined ? [] : toolsOf(step, persona)
    return { runner: 'agent', persona, systemPrompt, tools, ...this.#models(placed, persona) }
  }

  #models(
    placed: PlacedStep,
    persona: Persona | undefined,
  ): Pick<PlannedStep, 'models' | 'escalation'> {
    const { step } = placed
    const choice = step.kind === 'prompt' ? step.model : undefined
    const names = [choice?.name ?? persona?.model, ...(choice?.fallbacks ?? [])]
    const models = resolveModels(names, this.#session, askingAt(placed, ['model']))
    if (step.retry.escalate !== true) return { models }
    const escalation = loadPlanning().planEscalation(models, this.#session.context)
    return escalation.length === 0 ? { models } : { models, escalation }
  }

  #checkStandIn(step: PromptStep, placed: PlacedStep): void {
    const { knownStandIns, hasModels } = this.#session.context
    const { standIn } = step
    if (standIn !== undefined && !knownStandIns.has(standIn)) {
      const message = `${nameOf(step)} names the unknown stand-in "evidence/${standIn}".`
      const hint = suggestionHint(standIn, knownStandIns, 'stand-ins')
      const location = placeIn(placed, ['stand_in'])
      this.#session.problems.push({ code: 'pipeline-invalid', message, hint, location })
    }
    if (hasModels || standIn !== undefined) return
    const location = (): Location => step.location
    reportNoModel(this.#session, { subject: nameOf(step), location })
  }

  #parts(placed: PlacedStep): Parts {
    if (!COMPOSED.has(placed.step.kind)) return {}
    const { env, envHint, limits } = this.#rules
    const session = this.#session
    return loadPlanning().planParts({ placed, names: this.names, limits, env, envHint, session })
  }

  #judges(placed: PlacedStep): PlannedStep['judges'] {
    const isJudged = placed.step.contracts.some(({ type }) => JUDGED.has(type))
    return isJudged ? loadPlanning().planJudges(placed, this.#session) : undefined
  }
}

type Performer = Pick<
  PlannedStep,
  'runner' | 'persona' | 'systemPrompt' | 'tools' | 'models' | 'escalation'
>

const NOBODY = { persona: undefined, systemPrompt: '', tools: [], models: [] } as const

const COMPOSED: ReadonlySet<string> = new Set(['pipeline', 'branch', 'loop'])
const JUDGED: ReadonlySet<string> = new Set(['llm_judge', 'agent_review'])
/** They run something over the tree that the step leaves. */
const EXECUTING: ReadonlySet<string> = new Set(['test_suite', 'test_diff', 'test_count_baseline'])

/** What makes sense of what is permitted: a tool without anything to work on is not offered. */
function toolsOf(step: PromptStep, persona: Persona): readonly ToolName[] {
  const permitted = offeredTools([persona.permissions, step.permissions])
  // A repair is given the artifacts of the step that failed.
  const isGiven = step.inject.length > 0 || step.reworkOnly === true
  const hasFiles = step.mount !== undefined || isGiven
  const isWritable = step.mount?.mode === 'readwrite'
  const makesSense: Readonly<Record<ToolName, boolean>> = {
    read: hasFiles,
    grep: hasFiles,
    glob: hasFiles,
    history: step.mount !== undefined,
    bash: true,
    edit: isWritable,
    write: isWritable,
  }
  return permitted.filter((tool) => makesSense[tool])
}

function executes(
  { step, pipeline }: PlacedStep,
  { runner, tools }: Performer,
  judges: ReadonlyMap<unknown, Judge> | undefined,
): boolean {
  if (runner === 'command') return true
  if (runner === 'agent' && (step.mount?.mode === 'readwrite' || tools.includes('bash')))
    return true
  if (step.contracts.some(({ type }) => EXECUTING.has(type))) return true
  if ([...(judges?.values() ?? [])].some((judge) => judge.tools.includes('bash'))) return true
  return runner !== 'engine' && hasCommandHook(step, pipeline)
}

function hasCommandHook({ id }: Step, { hooks }: Pipeline): boolean {
  return hooks.some(({ type, matcher }) => type === 'command' && matchesText(matcher, id))
}

type Parts = Pick<PlannedStep, 'child' | 'cases' | 'body'>

/** Whether anything inside a step needs a workspace that executes. */
function partsExecute({ child, cases, body = [] }: Parts): boolean {
  const called = [child, cases?.otherwise, ...(cases?.byValue.values() ?? [])]
  const steps = called.flatMap((plan) => (plan === undefined || plan === 'skip' ? [] : plan.steps))
  return [...steps, ...body].some((planned) => planned.executes)
}

function completionMessage(step: Step, persona: Persona | undefined): string {
  const said = step.message ?? persona?.message
  if (said !== undefined) return said
  const name = step.artifacts[0]?.name
  if (name === undefined) return 'Step complete'
  return `${name.charAt(0).toUpperCase()}${name.slice(1)} complete`
}
