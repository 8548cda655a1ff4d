import type { Problem } from '../../errors.ts'
import type { RunLimits } from '../../events.ts'
import { checkCondition } from '../condition/condition.ts'
import type { BranchStep, LoopStep, Pipeline, PipelineStep } from '../pipeline.ts'
import { planOne } from './plan.ts'
import type { Plan, PlannedStep } from './plan.ts'
import type { GraphNames } from './plan-names.ts'
import { placeIn } from './plan-session.ts'
import type { PlacedStep, PlanSession } from './plan-session.ts'
import { StepPlanner } from './plan-step.ts'
import { isTemplate } from '../template/template.ts'

/** What a step is made of. */
type Parts = Pick<PlannedStep, 'child' | 'cases' | 'body'>

/** Who calls, or repeats. */
interface Caller {
  readonly placed: PlacedStep
  readonly names: GraphNames
  readonly limits: RunLimits
  readonly env: readonly string[] | undefined
  readonly envHint: string | undefined
  readonly session: PlanSession
}

/** Plans the pipelines that a step calls and the steps that it repeats. */
export function planParts(caller: Caller): Parts {
  const { step } = caller.placed
  if (step.kind === 'pipeline') return { child: planChild(step.child, caller, step) }
  if (step.kind === 'branch') return { cases: planCases(step, caller) }
  return step.kind === 'loop' ? { body: planBody(step, caller) } : {}
}

function planCases(step: BranchStep, caller: Caller): NonNullable<PlannedStep['cases']> {
  const plan = (child: Pipeline | 'skip'): Plan | 'skip' =>
    child === 'skip' ? child : planChild(child, caller, step)
  const { cases, otherwise } = step
  return {
    byValue: new Map(Object.entries(cases).map(([value, child]) => [value, plan(child)])),
    otherwise: otherwise === undefined ? undefined : plan(otherwise),
  }
}

/** Calls that agree in what they hand over share one plan, and its problems are told once. */
function planChild(child: Pipeline, caller: Caller, step: PipelineStep | BranchStep): Plan {
  const { session, limits } = caller
  session.problems.push(...checkInput(child, caller, step))
  const given = step.kind === 'pipeline' ? Object.keys(step.env) : []
  const env = [...new Set([...given, ...Object.keys(child.env)])].toSorted()
  const key = JSON.stringify([env, limits])
  const plans = session.children.get(child) ?? new Map<string, Plan>()
  session.children.set(child, plans)
  const known = plans.get(key)
  if (known !== undefined) return known
  const envHint = env.length === 0 ? envHintFor(step, caller) : undefined
  const plan = planOne(child, { env, limits, ...(envHint && { envHint }) }, session)
  plans.set(key, plan)
  return plan
}

/** A branch hands no values over: what it calls cannot ask for them. */
function envHintFor({ kind, id }: PipelineStep | BranchStep, { placed }: Caller): string {
  const who = `step "${id}" of ${placed.pipeline.file}`
  if (kind === 'pipeline') return `Set it under \`config.env\` of ${who}, which calls this file.`
  return `It is called by the branch of ${who}, which gives no \`env\`: give it in \`input\`.`
}

/** A pipeline that wants JSON must get it; the rest of what it wants is asked when it is called. */
function checkInput(
  child: Pipeline,
  { placed }: Caller,
  { input, id }: PipelineStep | BranchStep,
): readonly Problem[] {
  if (child.input.type !== 'json' || (input !== undefined && 'fields' in input)) return []
  const wrong = (what: string): readonly Problem[] => {
    const message = `Step "${id}" calls "${child.name}", which takes JSON, with ${what}.`
    const hint = 'Write JSON, for example with the filter `json`.'
    return [{ code: 'pipeline-invalid', message, location: placeIn(placed, ['input']), hint }]
  }
  if (input === undefined)
    return placed.pipeline.input.type === 'json' ? [] : wrong('the text that it was given itself')
  return isTemplate(input.text.text) || isJson(input.text.text) ? [] : wrong('a text')
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function planBody(step: LoopStep, caller: Caller): readonly PlannedStep[] {
  const { placed, session, limits, env, envHint } = caller
  const { pipeline, path } = placed
  const planner = new StepPlanner(
    { steps: step.steps, path: [...path, 'loop', 'steps'], pipeline },
    { env, envHint, limits, outer: caller.names.of(step) },
    session,
  )
  // An empty one has been told by the loader.
  if (step.until !== undefined && step.until.text !== '') {
    const names = { ...planner.names.ofRound(), iteration: true }
    session.problems.push(...checkCondition(step.until, names, 'bool'))
  }
  return planner.plan()
}
