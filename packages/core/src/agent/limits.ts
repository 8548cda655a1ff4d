import type { StepFailure } from '../events.ts'
import type { StepContext } from '../ports.ts'
import type { CallReport } from './toolbox.ts'

const MAX_FORMAT_ERRORS = 3
/** Input that is not JSON gets one turn for repair. */
const MAX_BROKEN_JSON = 2
const WARNING_SHARES = [0.8, 0.95]
const LAST_TURNS_SHARE = 0.05

/** Counts the turns of an attempt, and warns before they run out. */
export class Turns {
  /** The turn under way, from 1. */
  now = 0
  readonly #max: number
  readonly #context: StepContext

  constructor(max: number, context: StepContext) {
    this.#max = max
    this.#context = context
  }

  begin(): StepFailure | undefined {
    const allowed = this.#max
    if (this.now >= allowed) {
      return { reason: 'limit-reached', limit: 'turns', scope: 'step', allowed }
    }
    this.now += 1
    // Of a few turns, one can pass both.
    const share = WARNING_SHARES.findLast((each) => this.now === Math.ceil(allowed * each))
    if (share === undefined) return undefined
    const step = this.#context.planned.step.id
    this.#context.emit({ type: 'limit-warning', step, limit: 'turns', share })
    return undefined
  }

  /** What the model has to know near the end. */
  get notice(): string | undefined {
    const left = this.#max - this.now
    return left <= Math.max(1, Math.floor(this.#max * LAST_TURNS_SHARE))
      ? `Turns left: ${left}. Submit now with what is established.`
      : undefined
  }
}

/** Counts turns in a row in which calls could not even be read. */
export class FormatErrors {
  #malformed = 0
  #broken = 0

  count(reports: readonly CallReport[]): StepFailure | undefined {
    const isBroken = reports.some(({ kind }) => kind === 'not-json')
    const isMalformed = reports.every(({ kind }) => kind !== 'done')
    this.#broken = isBroken ? this.#broken + 1 : 0
    this.#malformed = isMalformed ? this.#malformed + 1 : 0
    const isOver = this.#broken >= MAX_BROKEN_JSON || this.#malformed >= MAX_FORMAT_ERRORS
    return isOver ? { reason: 'limit-reached', limit: 'format-errors', scope: 'step' } : undefined
  }
}
