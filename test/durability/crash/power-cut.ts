/**
 * DU-04: the power is cut while the reference run writes to a disk of its own, at moments after acknowledged
 * events. What was acknowledged must be there, and a resume there must finish. The same without fsync must lose
 * events: otherwise the trial proves nothing.
 */
import { mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mountCut, openLoopDisk, whyNoDisks } from './loop-disk.ts'
import { incompleteIn, lostOf, recordedEvents } from './recorded-run.ts'
import { StoppableRun } from './stopped-run.ts'
import type { Heard } from './stopped-run.ts'
import { inParallel } from './suite.ts'
import type { CrashPoint, CrashScope, CrashSuite, Report } from './suite.ts'

export const suite: CrashSuite = { name: 'power-cut', cases: ['DU-04'], run: runSuite }

const RUNS = 10
const CUTS = 10

async function runSuite(scope: CrashScope, report: Report): Promise<void> {
  const why = whyNoDisks()
  if (why !== undefined) throw new Error(`The suite power-cut was not run: ${why}.`)
  const first = scope.point ?? Math.floor(Math.random() * 1_000_000)
  const seeds = Array.from({ length: scope.point === undefined ? RUNS : 1 }, (_, at) => first + at)
  process.stderr.write(`power-cut: seeds ${seeds.join(', ')}\n`)
  const tell = async (seed: number, fault: Fault) => {
    const cuts = fault === 'power-cut' ? CUTS : CUTS / 5
    for (const point of await cutPower({ seed, cuts, fault, resumes: true })) report(point)
  }
  for (const fault of ['power-cut', 'no-fsync'] as const)
    if (scope.wants('run', fault))
      await inParallel(seeds, scope.workers, (seed) => tell(seed, fault))
}

/** `no-fsync`: the calls are skipped, and the cut must show. */
type Fault = 'power-cut' | 'no-fsync'

export interface Trial {
  readonly seed: number
  /** Moments of one run. */
  readonly cuts: number
  readonly fault: Fault
  /** Whether the run is resumed on what a cut left. */
  readonly resumes: boolean
}

/** One reference run on a disk of its own, stopped at some moments; a point for each. */
export async function cutPower(trial: Trial): Promise<readonly CrashPoint[]> {
  using disk = openLoopDisk({ sizeMib: 24 })
  using folder = mkdtempDisposableSync(join(tmpdir(), 'wave-power-cut-'))
  const wrapper = trial.fault === 'no-fsync' ? WITHOUT_FSYNC : []
  const run = new StoppableRun(disk.mount, join(folder.path, 'told'), wrapper)
  const left: { readonly image: string; readonly heard: Heard }[] = []
  try {
    for (const { seq, extraMs } of momentsOf(trial)) {
      if (!(await run.stopAfter(seq, extraMs))) break
      left.push({ image: disk.cut(), heard: run.heard })
      run.goOn()
    }
    const exitCode = await run.end()
    if (exitCode !== 0) throw new Error(`The run ended with ${exitCode}:\n${run.text}`)
  } finally {
    await run.kill()
  }
  if (left.length === 0) throw new Error('The run ended before the power was cut.')
  const points: CrashPoint[] = []
  for (const { image, heard } of left)
    points.push(await lookAfter(trial, { image, heard, cleanCalls: run.heard.calls }))
  return points
}

interface Cut {
  readonly image: string
  readonly heard: Heard
  /** Of a run that nothing disturbed. */
  readonly cleanCalls: number
}

async function lookAfter(trial: Trial, { image, heard, cleanCalls }: Cut): Promise<CrashPoint> {
  const startMs = performance.now()
  const { seed, fault } = trial
  const point = { caseId: 'DU-04', call: 'run', fault, point: seed }
  using after = mountCut(image)
  if (fault === 'no-fsync') {
    const isLost = recordedEvents(after.mount) <= heard.lastSeq
    const problems = isLost ? [] : ['nothing was lost without fsync: this trial proves nothing']
    return { ...point, problems, durationMs: performance.now() - startMs }
  }
  const lost = await lostOf(after.mount, heard.lastSeq)
  if (!trial.resumes) return { ...point, problems: lost, durationMs: performance.now() - startMs }
  const { calls, problems } = await resume(after.mount)
  const repeatedCalls = heard.calls + calls - cleanCalls
  const bought = repeatedCalls > 1 ? [`${repeatedCalls} model calls were repeated`] : []
  const durationMs = performance.now() - startMs
  return { ...point, problems: [...lost, ...problems, ...bought], repeatedCalls, durationMs }
}

async function resume(mount: string) {
  const run = new StoppableRun(mount, `${mount}.told`)
  const exitCode = await run.end()
  const failed = exitCode === 0 ? [] : [`the resume ended with ${exitCode}: ${run.text}`]
  return { calls: run.heard.calls, problems: [...failed, ...(await incompleteIn(mount))] }
}

/** The tracer is a grandchild, so that the process is ours to stop. */
const WITHOUT_FSYNC =
  'strace -D -f -qq --seccomp-bpf -o /dev/null -e trace=fsync,fdatasync -e inject=fsync,fdatasync:retval=0'.split(
    ' ',
  )

interface Moment {
  readonly seq: number
  readonly extraMs: number
}

/** Events of the reference run, spread over all of it. The control needs some to lose. */
function momentsOf({ seed, cuts }: Trial): readonly Moment[] {
  const random = randomFrom(seed)
  const share = EVENTS / cuts
  return Array.from({ length: cuts }, (_, at) => ({
    seq: Math.floor((at + random()) * share),
    extraMs: Math.floor(random() * 6),
  }))
}

/** Nearly all: a run that has ended before a moment has one cut less. */
const EVENTS = 58

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
