import { connectOwnEngine } from '../../../packages/workspace/src/docker/engine.ts'
import { type Killed, KillPlace } from '../support/kill-place.ts'
import type { CrashScope, CrashSuite, Report } from './suite.ts'

/** Ends real runs with a real engine at any moment: nothing of them is left, and they go on. */
export const suite: CrashSuite = {
  name: 'kills',
  cases: ['DU-09', 'DU-10', 'DU-11'],
  async run(scope, report) {
    const tasks = tasksOf(scope)
    const [seed] = tasks
    if (seed === undefined) return
    process.stderr.write(`kills: seeds from ${seed.seed}\n`)
    const killed: Killed[] = []
    // Each worker has a place of its own: several runs in one project would be told apart by time only.
    const work = async (): Promise<void> => {
      await using place = await KillPlace.open(await connectOwnEngine({}))
      const pace = { runMs: 0 }
      for (let count = 0, task = tasks.shift(); task !== undefined; count += 1) {
        if (count % TRIALS_PER_PACE === 0) pace.runMs = await place.cleanMs()
        killed.push(await tryOne(place, pace, { ...task, report }))
        task = tasks.shift()
      }
    }
    await Promise.all(Array.from({ length: scope.workers }, work))
    process.stderr.write(describeKilled(killed))
  },
}

const WAYS = [
  { fault: 'KILL', times: 100, signal: 'SIGKILL', atOnce: false },
  { fault: 'KILL-resumed-at-once', times: 20, signal: 'SIGKILL', atOnce: true },
  { fault: 'TERM', times: 20, signal: 'SIGTERM', atOnce: false },
  { fault: 'HUP', times: 20, signal: 'SIGHUP', atOnce: false },
] as const

const TRIALS_PER_PACE = 8

/** It says all that there is to say of the place. */
const CALL = 'any-moment'

interface Task {
  readonly way: (typeof WAYS)[number]
  readonly seed: number
}

function tasksOf(scope: CrashScope): Task[] {
  const first = Math.floor(Math.random() * 1e6) * 1000
  return WAYS.filter(({ fault }) => scope.wants(CALL, fault)).flatMap((way) => {
    if (scope.point !== undefined) return [{ way, seed: scope.point }]
    return Array.from({ length: way.times }, (_, index) => ({ way, seed: first + index }))
  })
}

/** How long runs take at present: the machine has other things to do, too. */
interface Pace {
  runMs: number
}

async function tryOne(
  place: KillPlace,
  pace: Pace,
  { way, seed, report }: Task & { readonly report: Report },
): Promise<Killed> {
  const startMs = performance.now()
  const killed = await strike(place, pace, { way, seed })
  const { problems, repeatedCalls } = killed
  const durationMs = performance.now() - startMs
  const kind = { caseId: 'DU-10', call: CALL, fault: way.fault, point: seed }
  report({ ...kind, problems, repeatedCalls, durationMs })
  return killed
}

/** Until it hits a run that is under way. */
async function strike(place: KillPlace, pace: Pace, { way, seed }: Task): Promise<Killed> {
  const { signal, atOnce } = way
  for (;;) {
    const afterMs = fraction(seed) * pace.runMs
    const killed = await place.kill({ signal, atOnce, afterMs, isGroup: seed % 2 === 0 })
    if (killed.endedMs === undefined || killed.problems.length > 0) return killed
    pace.runMs = killed.endedMs
  }
}

/** In [0, 1), spread evenly over consecutive seeds: the golden ratio. */
function fraction(seed: number): number {
  return (seed * 0.618_033_988_749_894_9) % 1
}

function describeKilled(killed: readonly Killed[]): string {
  const busy = killed.filter(({ goneMs }) => goneMs > 0)
  const gone = busy.map(({ goneMs }) => goneMs).toSorted((one, other) => one - other)
  const [p50, max] = [gone[Math.floor(gone.length / 2)] ?? 0, gone.at(-1) ?? 0]
  const moments = Object.groupBy(killed, ({ moment }) => moment ?? 'before the run')
  const counts = Object.entries(moments).map(([moment, { length }]) => `${moment} ${length}`)
  return [
    `kills: ${busy.length} of ${killed.length} left something; gone after p50 ${p50.toFixed(0)} ms, max ${max.toFixed(0)} ms\n`,
    `kills: last recorded: ${counts.join(', ')}\n`,
  ].join('')
}
