import { join } from 'node:path'
import { runsFolder, systemClock } from '@wave/core'
import { WaveError } from '@wave/core/language'
import { type Amount, collectGarbage, type GarbageKind } from '@wave/workspace'
import { removeFound, removeStale, sizeOnDisk } from '@wave/workspace'
import { loadConfig } from '../config/load.ts'
import { type GcLimits, type GcOptions, readGcLimits } from '../gc-limits.ts'
import { openInstallId } from '../install-id.ts'
import type { Invocation } from '../invocation.ts'
import { cacheBytes } from '../open-docker.ts'
import { findProject } from '../project.ts'
import { type Garbage, renderGarbage } from '../render/garbage.ts'
import { renderNote } from '../render/problem.ts'
import { renderRows } from '../render/rows.ts'
import { type JudgedRun, judgeRuns } from '../runs/old-runs.ts'
import { findRemoved, type Removal, removeRun } from '../runs/remove-run.ts'
import { RunRecords } from '../runs/stale-records.ts'
import { escapeJson } from '../sanitise.ts'

/**
 * Removes caches and leftovers: they are made again when they are needed, and nothing is asked. Runs are
 * removed only where that is asked for, and agreed to.
 */
export async function gc(invocation: Invocation, options: GcOptions): Promise<number> {
  const limits = readGcLimits(options)
  const { root } = findProject(invocation.cwd)
  const config = await loadConfig(invocation, findProject(invocation.cwd))
  const { dataDir } = config.paths
  const nowMs = Date.parse(systemClock.nowUtc())
  const dryRun = options.dryRun ?? false
  const records = new RunRecords({ dataDir, nowMs, patienceMs: limits.patienceMs })
  const job = { invocation, dataDir, dryRun, root, records, limits, nowMs, output: config.output }
  const runs = judged(job)
  await consent(job, runs)
  const { kinds, engineProblem } = await collectGarbage({
    dataDir,
    installId: openInstallId(dataDir),
    limits: {
      maxBytes: limits.maxBytes ?? cacheBytes(config),
      ...(limits.unusedMs !== undefined && { keptSinceMs: nowMs - limits.unusedMs }),
    },
    patienceMs: limits.patienceMs,
    // What these left goes first: without the folder of a run nothing tells that it is over.
    isDead: (run) => records.isDead(run),
    dryRun,
    nowMs,
  })
  const cutOff = await removeCutOff(job)
  const removal = await removeRuns(job, runs)
  const rows = merged([...kinds, cutOff, ...(await ofRuns(job, removal.row))])
  const { hasFailed, ...ofOldRuns } = sortOut(removal.removals)
  show(job, { dryRun, rows, ...ofOldRuns, engineProblem })
  return hasFailed ? NOT_READY : 0
}

const NOT_READY = 4

interface Job {
  readonly invocation: Invocation
  readonly output: string
  readonly dataDir: string
  readonly dryRun: boolean
  /** Of the project. */
  readonly root: string
  readonly records: RunRecords
  readonly limits: GcLimits
  readonly nowMs: number
}

/** Without a limit on runs, all of them stay. */
function judged({ root, records, limits, nowMs }: Job): readonly JudgedRun[] {
  const { runs = KEEP_ALL } = limits
  const folder = runsFolder(root)
  return judgeRuns(folder, (run) => records.isOwn(join(folder, run), root), { ...runs, nowMs })
}

const KEEP_ALL = { keep: Infinity, olderThanMs: undefined, unfinished: false }

/** What runs hold cannot be made again. */
async function consent(job: Job, runs: readonly JudgedRun[]): Promise<void> {
  const { invocation, dryRun, output } = job
  const old = runs.filter(({ kept }) => kept === undefined)
  if (old.length === 0 || dryRun || invocation.yes) return
  const what = old.length === 1 ? '1 run' : `${old.length} runs`
  if (!invocation.mayAsk || output !== 'text') {
    throw new WaveError('approval-needed', `This removes ${what} for good.`, {
      hint: 'See which with --dry-run, and add --yes to do it without being asked.',
    })
  }
  const rows = old.map(({ run, condition }) => [run, condition])
  invocation.host.out.write(renderRows(rows, '  '))
  const { confirm } = await import('@clack/prompts')
  const answer = await confirm({ message: `Remove ${what} for good?`, initialValue: false })
  if (answer !== true) throw new WaveError('approval-needed', 'Nothing was removed.')
}

/** What else there is of runs; `row`: of the runs themselves. */
async function ofRuns(job: Job, row: GarbageKind): Promise<readonly GarbageKind[]> {
  const { records, limits, nowMs, dryRun } = job
  const remove = dryRun ? onlyTell : removeFound
  const keptSinceMs = limits.unusedMs === undefined ? undefined : nowMs - limits.unusedMs
  // Behind the runs: with them go the notes on them.
  const cached = await records.findCached({ maxBytes: MAX_CACHED_BYTES, keptSinceMs })
  return [
    row,
    await removeStale('cached steps', cached, remove),
    await removeStale('run records', await records.findEntries(), remove),
  ]
}

const MAX_CACHED_BYTES = 64 * 2 ** 20

/** What was cut off before goes first: it is in the way of another removal of the same run. */
async function removeCutOff({ root, dryRun }: Job): Promise<GarbageKind> {
  const found = await Promise.all(
    findRemoved(runsFolder(root)).map(async (path) => {
      return { path, sizeBytes: await sizeOnDisk(path), isStale: true }
    }),
  )
  return await removeStale('temporary files', found, dryRun ? onlyTell : removeFound)
}

interface RunsRemoval {
  readonly row: GarbageKind
  readonly removals: readonly RunRemoval[]
}

interface RunRemoval {
  readonly run: string
  readonly removal: Removal
}

async function removeRuns(job: Job, runs: readonly JudgedRun[]): Promise<RunsRemoval> {
  const removals: RunRemoval[] = []
  const remove = async ({ judged: one }: { readonly judged: JudgedRun }): Promise<boolean> => {
    const removal = job.dryRun ? WOULD_GO : await removeRun(job.dataDir, one)
    removals.push({ run: one.run, removal })
    return removal.isRemoved && removal.left?.takesRoom !== true
  }
  const found = await Promise.all(
    runs.map(async (one) => {
      const { directory: path, kept } = one
      const sizeBytes = await sizeOnDisk(path)
      return { path, sizeBytes, isStale: kept === undefined, judged: one }
    }),
  )
  const row = await removeStale('runs', found, remove)
  return { row, removals: runs.flatMap(unjudged).concat(removals) }
}

/** The user wants it gone if it is one of their own, and has to see to it that this can be told. */
function unjudged({ run, problem }: JudgedRun): readonly RunRemoval[] {
  if (problem === undefined) return []
  const why = problem.replace(/\.$/u, '')
  return [{ run, removal: { isRemoved: false, why, isFailure: true } }]
}

/** By what has become of them. `hasFailed`: something of them stays that the user can do something about. */
function sortOut(removals: readonly RunRemoval[]) {
  const removed = removals.flatMap(({ run, removal }) =>
    removal.isRemoved ? [{ run, left: removal.left }] : [],
  )
  const leftBehind = removed.flatMap(({ run, left }) =>
    left === undefined ? [] : [{ run, why: left.why }],
  )
  const stayed = removals.flatMap(({ run, removal }) =>
    removal.isRemoved ? [] : [{ run, ...removal }],
  )
  return {
    removedRuns: removed.map(({ run }) => run),
    leftBehind,
    notRemoved: stayed.map(({ run, why }) => ({ run, why })),
    hasFailed: leftBehind.length > 0 || stayed.some(({ isFailure }) => isFailure),
  }
}

const WOULD_GO: Removal = { isRemoved: true }

async function onlyTell(): Promise<boolean> {
  return true
}

/** One row for each kind. */
function merged(rows: readonly GarbageKind[]): readonly GarbageKind[] {
  const byKind = new Map<string, GarbageKind>()
  for (const row of rows) {
    const before = byKind.get(row.kind)
    byKind.set(row.kind, before === undefined ? row : added(before, row))
  }
  return [...byKind.values()]
}

function added(left: GarbageKind, right: GarbageKind): GarbageKind {
  const { kind } = left
  return { kind, kept: plus(left.kept, right.kept), removed: plus(left.removed, right.removed) }
}

function plus(left: Amount, right: Amount): Amount {
  return { count: left.count + right.count, bytes: left.bytes + right.bytes }
}

function show({ invocation: { host }, output }: Job, garbage: Garbage): void {
  const { dryRun, rows, removedRuns, notRemoved, leftBehind, engineProblem } = garbage
  const freedBytes = rows.reduce((total, { removed }) => total + removed.bytes, 0)
  if (output === 'json') {
    const about = { v: 1, dryRun, freedBytes, kinds: rows, removedRuns, notRemoved, leftBehind }
    const all = { ...about, engineProblem: engineProblem ?? null }
    host.out.write(`${escapeJson(JSON.stringify(all))}\n`)
    return
  }
  if (engineProblem !== undefined) {
    const left = 'Only what wave keeps on this machine was looked at.'
    host.err.write(renderNote(`${engineProblem} ${left}`))
  }
  for (const { run, why } of notRemoved) {
    host.err.write(renderNote(`Run ${run} was not removed: ${why}.`))
  }
  for (const { run, why } of leftBehind) {
    host.err.write(renderNote(`Run ${run} was removed, but ${why}.`))
  }
  if (output !== 'quiet') host.out.write(renderGarbage(garbage, freedBytes))
}
