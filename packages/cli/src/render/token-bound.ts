import type { Judge, Plan, PlannedStep, ResolvedModel } from '@wave/core'

/** What `llm_judge` and `agent_review` may take, when no budget is set. */
const JUDGE_TURNS = 2
const REVIEW_TURNS = 20

/** The longest answer the loop asks for: what it raises the cap to after an answer that was cut off. */
const MOST_OUTPUT_TOKENS = 65_536

/**
 * The most tokens that the model calls of a plan can use, limits included. Each call is taken at its worst,
 * as the budget reserves it: a window full of input, and an answer as long as allowed. Counted are all turns
 * of all attempts, the judges of the contracts, items, rounds and repairs; of a branch the dearest case. Not
 * counted are calls that fail half-way and are sent again.
 */
export function tokenBound(plan: Plan): number {
  return Math.min(sumOf(plan.steps), plan.limits.tokens ?? Infinity)
}

/** The same for one step, with everything in it. `repairs`: how often it is run to repair another. */
export function stepTokenBound(planned: PlannedStep, repairs = 1): number {
  const { step } = planned
  const attempts = step.retry.maxAttempts
  const checks = attempts + roundsOf(planned)
  const once = attempts * (ownBound(planned) + insideBound(planned)) + checks * judging(planned)
  const limit = step.kind === 'prompt' ? step.limits?.tokens : undefined
  return Math.min(once * (step.iterate?.maxItems ?? 1), limit ?? Infinity) * repairs
}

/** The most that one call of a step's own can use: its window and its answer. 0: it makes none. */
export function callTokenBound({ step, models, escalation = [] }: PlannedStep): number {
  if (step.kind !== 'prompt') return 0
  return dearestCall([...models, ...escalation.flat()], step.model?.maxOutputTokens)
}

function sumOf(steps: readonly PlannedStep[]): number {
  return steps.reduce((sum, planned) => {
    const { id } = planned.step
    const rounds = steps.map((other) => (repairsBy(other, id) ? roundsOf(other) : 0))
    const repairs = planned.step.reworkOnly === true ? Math.max(1, ...rounds) : 1
    return sum + stepTokenBound(planned, repairs)
  }, 0)
}

function repairsBy({ step }: PlannedStep, id: string): boolean {
  const all = [step.retry.rework, ...step.contracts.map(({ rework }) => rework)]
  return all.some((rework) => rework?.step === id)
}

/** Rounds in which another step repairs its outputs: after each the contracts run again. */
function roundsOf({ step }: PlannedStep): number {
  const all = [step.retry.rework, ...step.contracts.map(({ rework }) => rework)]
  return Math.max(0, ...all.map((rework) => rework?.maxRounds ?? 0))
}

function judging({ judges }: PlannedStep): number {
  return [...(judges ?? [])].reduce((sum, [contract, judge]) => {
    const budget = 'tokenBudget' in contract ? contract.tokenBudget : undefined
    return sum + (budget ?? judgeBound(judge))
  }, 0)
}

function ownBound(planned: PlannedStep): number {
  const { step } = planned
  if (step.kind !== 'prompt') return 0
  // One more call reads fields out of an answer that has them in no known form.
  const repairs = step.artifacts.some(({ extract }) => extract !== undefined) ? 1 : 0
  return callTokenBound(planned) * (step.turns + repairs)
}

function insideBound({ step, child, cases, body = [] }: PlannedStep): number {
  if (child !== undefined) return tokenBound(child)
  if (cases !== undefined) {
    const ways = [...cases.byValue.values(), cases.otherwise ?? 'skip']
    return Math.max(0, ...ways.map((way) => (way === 'skip' ? 0 : tokenBound(way))))
  }
  if (step.kind !== 'loop') return 0
  return step.maxIterations * sumOf(body)
}

function judgeBound({ persona, models }: Judge): number {
  return dearestCall(models, undefined) * (persona === undefined ? JUDGE_TURNS : REVIEW_TURNS)
}

/** Of the model with the largest window and the longest answer, fallbacks included. */
function dearestCall(models: readonly ResolvedModel[], chosen: number | undefined): number {
  return models.reduce((most, { contextTokens, maxOutputTokens }) => {
    const output = Math.min(chosen ?? MOST_OUTPUT_TOKENS, maxOutputTokens)
    return Math.max(most, contextTokens + output)
  }, 0)
}
