/**
 * How much longer a run takes than its longest chain of dependent steps, over random graphs, on a
 * virtual clock: what is left over is waiting that the scheduler causes. Beside it, the same graphs
 * under a barrier after each level, as other engines run them. Run: node bench/makespan.ts
 */
import { runPipeline } from '../packages/core/src/index.ts'
import type { StepContext, StepOutcome } from '../packages/core/src/index.ts'
import {
  fixedIds,
  ManualClock,
  MemoryArtifactStore,
  MemoryJournal,
  memorySnapshot,
  settle,
  sketchPlan,
  sketchStep,
} from '../packages/core/src/testing/index.ts'

const GRAPHS = 36
const STEPS = 20

interface Graph {
  readonly dependencies: readonly (readonly number[])[]
  readonly durationsMs: readonly number[]
}

await main()

async function main(): Promise<void> {
  console.log('graph   critical ms   wave ms   ratio   barrier ratio')
  const ratios: number[] = []
  const barriers: number[] = []
  for (let seed = 1; seed <= GRAPHS; seed += 1) {
    const graph = randomGraph(seed)
    const critical = Math.max(...finishTimes(graph))
    const makespan = await runVirtually(graph)
    ratios.push(makespan / critical)
    barriers.push(withBarriers(graph) / critical)
    const cells = [String(seed).padStart(5), critical.toFixed(0).padStart(13)]
    cells.push(makespan.toFixed(0).padStart(9), format(ratios.at(-1)), format(barriers.at(-1)))
    console.log(cells.join(' '))
  }
  console.log(`mean ${format(mean(ratios))}, largest ${format(Math.max(...ratios))}; goal: 1.01.`)
  console.log(`With barriers: mean ${format(mean(barriers))}. Peers, measured: 1.26 to 1.37.`)
}

/** A run whose steps do nothing but wait on a clock that jumps from timer to timer. */
async function runVirtually({ dependencies, durationsMs }: Graph): Promise<number> {
  const clock = new ManualClock()
  const steps = dependencies.map((list, step) =>
    sketchStep({ id: `step-${step}`, dependencies: list.map((other) => `step-${other}`) }),
  )
  const wait = (context: StepContext): Promise<StepOutcome> =>
    new Promise((resolve) => {
      const durationMs = durationsMs[Number(context.planned.step.id.slice(5))] ?? 0
      clock.after(durationMs, () =>
        resolve({ status: 'succeeded', artifacts: new Map(), usage: undefined }),
      )
    })
  const runner = { run: wait }
  const run = runPipeline({
    plan: sketchPlan(steps, { limits: { concurrency: STEPS, minutes: 1440 } }),
    input: 'nothing',
    project: {},
    snapshot: memorySnapshot(),
    projectDigest: '',
    provider: undefined,
    runners: { agent: runner, command: runner, evidence: runner },
    store: new MemoryArtifactStore(),
    journal: new MemoryJournal(clock),
    clock,
    ids: fixedIds(),
    runId: 'bench',
    waveVersion: '0.0.0',
    projectRoot: '/nonexistent',
    signal: new AbortController().signal,
    onEvent: () => {},
  })
  return await untilDone(clock, run)
}

async function untilDone(clock: ManualClock, run: Promise<unknown>): Promise<number> {
  const end = run.then(() => clock.monotonicMs())
  await settle()
  // The run's own time limit is the last timer to go.
  for (let dueMs = clock.nextDueMs; dueMs !== undefined; dueMs = clock.nextDueMs) {
    await clock.advance(dueMs - clock.monotonicMs())
  }
  return await end
}

/** When each step would end if nothing but its dependencies held it up. */
function finishTimes({ dependencies, durationsMs }: Graph): readonly number[] {
  const ends: number[] = []
  for (const [step, list] of dependencies.entries()) {
    ends.push(Math.max(0, ...list.map((other) => ends[other] ?? 0)) + (durationsMs[step] ?? 0))
  }
  return ends
}

/** Level by level: each waits for the slowest step of the one before. */
function withBarriers({ dependencies, durationsMs }: Graph): number {
  const levels: number[] = []
  const slowest: number[] = []
  for (const [step, list] of dependencies.entries()) {
    const level = Math.max(0, ...list.map((other) => (levels[other] ?? 0) + 1))
    levels.push(level)
    slowest[level] = Math.max(slowest[level] ?? 0, durationsMs[step] ?? 0)
  }
  return slowest.reduce((sum, durationMs) => sum + durationMs, 0)
}

/** Up to three dependencies among the steps before; durations from 100 ms to 10 s, many short ones. */
function randomGraph(seed: number): Graph {
  const next = random(seed)
  const dependencies = Array.from({ length: STEPS }, (_, step) => {
    const count = Math.min(step, Math.floor(next() * 4))
    return [...new Set(Array.from({ length: count }, () => Math.floor(next() * step)))]
  })
  const durationsMs = Array.from({ length: STEPS }, () => Math.round(100 * 100 ** next()))
  return { dependencies, durationsMs }
}

/** A small generator with a seed, so that every run of the benchmark sees the same graphs. */
function random(seed: number): () => number {
  let state = seed * 0x9e3779b9
  return () => {
    state = (Math.imul(state ^ (state >>> 15), state | 1) + 0x6d2b79f5) | 0
    const mixed = state ^ (state + Math.imul(state ^ (state >>> 7), state | 61))
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function format(ratio = 0): string {
  return ratio.toFixed(3).padStart(7)
}
