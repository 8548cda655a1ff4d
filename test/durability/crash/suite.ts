/**
 * What a suite of `npm run crash` is. Add yours as one line to `SUITES` in main.ts: a module whose export named
 * `suite` is a `CrashSuite`, loaded only when it is asked for.
 */

/** A family of faults, and what tries each of them on a run. */
export interface CrashSuite {
  /** As in `--only <name>`: lower case, no colon. */
  readonly name: string
  /** Ids of the cases that it covers. */
  readonly cases: readonly string[]
  /** Tries every point that `scope` asks for and reports each. Throws only if it could not try at all. */
  run(scope: CrashScope, report: Report): Promise<void>
}

/** Which points to try, and how many beside each other. */
export interface CrashScope {
  /** How many points may run at a time; see `inParallel`. */
  readonly workers: number
  /** Whether this kind of fault is asked for. The names are those of the points' `call` and `fault`. */
  wants(call: string, fault: string): boolean
  /** The only point to try, where one is to be repeated alone: a number of the kind, or a seed. */
  readonly point: number | undefined
}

/** One fault at one moment of one run, and what came of it. */
export interface CrashPoint {
  readonly caseId: string
  /** What was hit: a system call, a moment, a place. No colon and no space, like `fault`. */
  readonly call: string
  /** What was done to it: `KILL`, `EIO-once`, `power-cut`. */
  readonly fault: string
  /** Which one of its kind, so that it can be repeated: a number that counts, or a seed. */
  readonly point: number
  /** What was promised and not kept. Empty: survived. */
  readonly problems: readonly string[]
  /** Model calls over all processes beyond those of a clean run. Undefined: not counted. */
  readonly repeatedCalls?: number
  readonly durationMs: number
}

export type Report = (point: CrashPoint) => void

/** Performs tasks, at most `workers` at a time; the results in their order. The first exception ends it. */
export async function inParallel<T, R>(
  items: readonly T[],
  workers: number,
  task: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  const left = items.entries()
  const work = async (): Promise<void> => {
    for (const [index, item] of left) results[index] = await task(item)
  }
  await Promise.all(Array.from({ length: Math.min(workers, items.length) }, work))
  return results
}
