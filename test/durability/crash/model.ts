import { randomInt } from 'node:crypto'
import * as fc from 'fast-check'
import { raceForLock } from '../../../packages/core/src/testing/lock-race.ts'
import { inFolder } from '../support/in-folder.ts'
import { journalIsAsModel, runEndsAsCleanOne } from '../support/properties.ts'
import type { CrashScope, CrashSuite, Report } from './suite.ts'

interface Kind {
  readonly call: string
  readonly fault: string
  readonly count: number
  /** Problems with one seed. */
  readonly tryOne: (seed: number) => Promise<readonly string[]>
}

const KINDS: readonly Kind[] = [
  {
    call: 'journal',
    fault: 'schedule',
    count: 10_000,
    tryOne: (seed) => problems(fc.check(journalIsAsModel, { seed, numRuns: 1 })),
  },
  {
    call: 'run',
    fault: 'schedule',
    count: 2_000,
    tryOne: (seed) => problems(fc.check(runEndsAsCleanOne, { seed, numRuns: 1 })),
  },
  {
    call: 'lock',
    fault: 'race',
    count: 20,
    tryOne: () =>
      inFolder(async (directory) => {
        const said = await raceForLock({ directory, rows: 4, each: 3, lifeMs: 2000 })
        return said.split('\n').filter((line) => line !== '')
      }),
  },
]

/** Random schedules of commands and crashes against in-memory models. A point is the seed of one schedule. */
export const suite: CrashSuite = {
  name: 'model',
  cases: ['DU-18'],
  async run(scope, report) {
    for (const kind of KINDS) {
      if (scope.wants(kind.call, kind.fault)) await runKind(kind, scope, report)
    }
  },
}

/** Other seeds each time: what is seen twice teaches nothing. */
async function runKind(
  { call, fault, count, tryOne }: Kind,
  { point }: CrashScope,
  report: Report,
): Promise<void> {
  const first = point ?? randomInt(2 ** 30)
  for (let seed = first; seed < first + (point === undefined ? count : 1); seed += 1) {
    const startMs = performance.now()
    const found = await tryOne(seed)
    const durationMs = performance.now() - startMs
    report({ caseId: 'DU-18', call, fault, point: seed, problems: found, durationMs })
  }
}

async function problems<T>(
  checked: Promise<fc.RunDetails<T>> | fc.RunDetails<T>,
): Promise<readonly string[]> {
  const { failed, counterexample, errorInstance } = await checked
  if (!failed) return []
  const why = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  return [`${why}: ${JSON.stringify(counterexample)}`]
}
