import type { CallAmount, NewStepEvent, RunLimits, StepFailure } from '../events.ts'
import type { Budget } from '../ports.ts'

/** One step's view of the run's money and tokens. */
export interface StepBudget extends Budget {
  /** Gives an open reservation back when the attempt has ended without settling it. */
  release(): void
}

export interface RunBudget {
  forStep(step: BudgetedStep): StepBudget
}

interface BudgetedStep {
  readonly id: string
  readonly dependents: readonly string[]
  /** Of all attempts of the step together. */
  readonly limits?: Pick<RunLimits, 'tokens' | 'usd'>
  /** The called pipelines that it belongs to and that have limits of their own, by the step that calls. */
  readonly calls?: readonly BudgetedCall[]
}

export interface BudgetedCall {
  readonly id: string
  readonly limits: Pick<RunLimits, 'tokens' | 'usd'>
}

/** What calls have used. */
export interface Amount {
  readonly tokens: number
  readonly usd: number
}

/** What was used before the run was resumed. */
export interface Spent {
  readonly run: Amount
  /** By a step with all its parts. */
  of(step: string): Amount
}

const NOTHING: Amount = { tokens: 0, usd: 0 }
const NOTHING_SPENT: Spent = { run: NOTHING, of: () => NOTHING }

/**
 * Adds up what the steps reserve and use. Steps that others depend on leave a share of the limit to
 * those, so that a report can still be written. Warns once at 80 % and once at 95 %.
 */
export function createRunBudget(
  limits: Pick<RunLimits, 'tokens' | 'usd'>,
  warn: (event: NewStepEvent) => void,
  spent: Spent = NOTHING_SPENT,
): RunBudget {
  const ofRun = potsFor('run', limits, spent.run)
  const ofSteps = new Map<string, readonly Pot[]>()
  return {
    forStep: ({ id, dependents, limits: own, calls = [] }) => {
      const bounds = own === undefined ? calls : [{ id, limits: own }, ...calls]
      const ofStep = bounds.flatMap((bound) => {
        const pots = ofSteps.get(bound.id) ?? potsFor('step', bound.limits, spent.of(bound.id))
        ofSteps.set(bound.id, pots)
        return pots
      })
      const share = dependents.length > 0 ? 1 - RESERVED_SHARE : 1
      return stepBudget([...ofStep, ...ofRun], share, (limit, used) =>
        warn({ type: 'limit-warning', step: id, limit, share: used }),
      )
    },
  }
}

function potsFor(
  scope: Pot['scope'],
  limits: Pick<RunLimits, PotName>,
  spent: Amount,
): readonly Pot[] {
  const pots = [new Pot('tokens', limits.tokens, scope), new Pot('usd', limits.usd, scope)]
  // Marks that were passed before have been told.
  for (const pot of pots) pot.spend(spent[pot.name])
  return pots
}

const RESERVED_SHARE = 0.15
const WARN_AT = [0.8, 0.95]

type PotName = keyof CallAmount

function stepBudget(
  pots: readonly Pot[],
  share: number,
  warn: (limit: PotName, used: number) => void,
): StepBudget {
  let open: CallAmount | undefined
  const release = (): void => {
    for (const pot of pots) pot.reserved -= open?.[pot.name] ?? 0
    open = undefined
  }
  return {
    reserve(worst): StepFailure | undefined {
      release()
      const short = pots.find((pot) => !pot.hasRoom(worst[pot.name] ?? 0, share))
      if (short) return short.failure(worst[short.name] ?? 0, share)
      for (const pot of pots) pot.reserved += worst[pot.name] ?? 0
      open = worst
      return undefined
    },
    settle(used) {
      const worst = open
      release()
      for (const pot of pots) {
        const passed = pot.spend(used[pot.name] ?? 0)
        if (passed !== undefined) warn(pot.name, passed)
      }
      const goesOn = (pot: Pot): boolean =>
        pot.hasRoom((used[pot.name] ?? 0) + (worst?.[pot.name] ?? 0), share)
      return pots.every(goesOn) ? undefined : 'last-call'
    },
    release,
  }
}

class Pot {
  readonly name: PotName
  readonly scope: 'step' | 'run'
  reserved = 0
  #spent = 0
  #warned = 0
  readonly #limit: number

  constructor(name: PotName, limit: number | undefined, scope: Pot['scope']) {
    this.name = name
    this.scope = scope
    this.#limit = limit ?? Infinity
  }

  hasRoom(amount: number, share: number): boolean {
    return this.#with(amount) <= this.#allowed(share)
  }

  failure(amount: number, share: number): StepFailure {
    const { name: limit, scope } = this
    const figures = { allowed: this.#allowed(share), needed: this.#with(amount) }
    return { reason: 'limit-reached', limit, scope, ...figures }
  }

  #with(amount: number): number {
    return this.#spent + this.reserved + amount
  }

  /** Only what the run has is shared with the steps behind. */
  #allowed(share: number): number {
    return this.#limit * (this.scope === 'run' ? share : 1)
  }

  /** The share used so far, when it has just passed a mark. */
  spend(amount: number): number | undefined {
    this.#spent += amount
    const used = this.#spent / this.#limit
    const marks = WARN_AT.filter((mark) => used >= mark).length
    if (marks <= this.#warned) return undefined
    this.#warned = marks
    return Math.round(used * 1000) / 1000
  }
}
