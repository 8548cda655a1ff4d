/** One tool call that ran, as the loop detector sees it: equal strings are equal things. */
export interface Observation {
  readonly tool: string
  /** Canonical input. */
  readonly input: string
  readonly result: string
  readonly isError: boolean
}

const SAME_CALLS = 4
const SAME_ERRORS = 3
const ALTERNATIONS = 3

/** Notices an agent that goes in circles. */
export class LoopDetector {
  #seen: Observation[] = []

  /** Adds the calls of one turn, in order; a pattern, if they complete one. A pattern starts the count anew. */
  observe(turn: readonly Observation[]): string | undefined {
    for (const observation of turn) {
      this.#seen.push(observation)
      const pattern = patternOf(this.#seen)
      if (pattern !== undefined) {
        this.#seen = []
        return pattern
      }
    }
    this.#seen = this.#seen.slice(-2 * ALTERNATIONS)
    return undefined
  }
}

function patternOf(seen: readonly Observation[]): string | undefined {
  const last = seen.at(-1)
  if (last === undefined) return undefined
  if (allOfLast(seen, SAME_ERRORS, (one) => sameError(one, last))) {
    return `${last.tool} failed ${SAME_ERRORS} times in a row with the same error`
  }
  if (allOfLast(seen, SAME_CALLS, (one) => same(one, last))) {
    return `the same ${last.tool} call gave the same result ${SAME_CALLS} times in a row`
  }
  const before = seen.at(-2)
  if (before === undefined || same(before, last)) return undefined
  const alternates = allOfLast(seen, 2 * ALTERNATIONS, (one, fromEnd) =>
    same(one, fromEnd % 2 === 0 ? last : before),
  )
  return alternates
    ? `two calls (${before.tool}, ${last.tool}) alternated ${ALTERNATIONS} times with the same results`
    : undefined
}

function allOfLast(
  seen: readonly Observation[],
  count: number,
  holds: (one: Observation, fromEnd: number) => boolean,
): boolean {
  const tail = seen.slice(-count).toReversed()
  return tail.length === count && tail.every(holds)
}

function same(left: Observation, right: Observation): boolean {
  return left.tool === right.tool && left.input === right.input && left.result === right.result
}

function sameError(one: Observation, last: Observation): boolean {
  return one.isError && last.isError && one.tool === last.tool && one.result === last.result
}
