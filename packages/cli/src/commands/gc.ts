import { runsFolder, systemClock } from '@wave/core'
import { WaveError } from '@wave/core/language'
import { type Amount, collectGarbage, type Found } from '@wave/workspace'
import { removeFound, sizeOnDisk } from '@wave/workspace'
import { loadConfig } from '../config/load.ts'
import { type GcLimits, type GcOptions, readGcLimits } from '../gc-limits.ts'
import { openInstallId } from '../install-id.ts'
import type { Invocation } from '../invocation.ts'
import { cacheBytes } from '../open-docker.ts'
import { findProject } from '../project.ts'
import { type Garbage, type GarbageRow, renderGarbage } from '../render/garbage.ts'
import { renderNote } from '../render/problem.ts'
import { renderRows } from '../render/rows.ts'
import { type JudgedRun, judgeRuns } from '../runs/old-runs.ts'
import { findRemoved, removeRun } from '../runs/remove-run.ts'
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
  const rows = [...kinds, ...(await ofRuns(job, runs))]
  const removed = runs.filter(({ kept }) => kept === undefined).map(({ run }) => run)
  show(job, { dryRun, rows: merged(rows), removedRuns: removed, engineProblem })
  return 0
}

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
  return judgeRuns(runsFolder(root), (run) => records.isOwn(run, root), { ...runs, nowMs })
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

async function ofRuns(job: Job, runs: readonly JudgedRun[]): Promise<readonly GarbageRow[]> {
  const { root, records, limits, nowMs, dryRun } = job
  const cutOff = await Promise.all(
    findRemoved(runsFolder(root)).map(async (path) => {
      return { path, sizeBytes: await sizeOnDisk(path), isStale: true }
    }),
  )
  const rows = [await ofFiles('temporary files', cutOff, dryRun), await removeRuns(job, runs)]
  const keptSinceMs = limits.unusedMs === undefined ? undefined : nowMs - limits.unusedMs
  // Behind the runs: with them go the notes on them.
  const cached = await records.findCached({ maxBytes: MAX_CACHED_BYTES, keptSinceMs })
  rows.push(await ofFiles('cached steps', cached, dryRun))
  rows.push(await ofFiles('run records', await records.findEntries(), dryRun))
  return rows
}

const MAX_CACHED_BYTES = 64 * 2 ** 20

async function removeRuns(job: Job, runs: readonly JudgedRun[]): Promise<GarbageRow> {
  const found: Found[] = []
  for (const { directory, kept } of runs) {
    const sizeBytes = await sizeOnDisk(directory)
    const isGone = kept === undefined && (job.dryRun || (await removeRun(job.dataDir, directory)))
    found.push({ path: directory, sizeBytes, isStale: isGone })
  }
  return rowOf('runs', found)
}

async function ofFiles(
  kind: string,
  found: readonly Found[],
  dryRun: boolean,
): Promise<GarbageRow> {
  const judgedFiles: Found[] = []
  for (const one of found) {
    const isStale = one.isStale && (dryRun || (await removeFound(one)))
    judgedFiles.push({ ...one, isStale })
  }
  return rowOf(kind, judgedFiles)
}

function rowOf(kind: string, found: readonly Found[]): GarbageRow {
  return {
    kind,
    kept: amountOf(found.filter(({ isStale }) => !isStale)),
    removed: amountOf(found.filter(({ isStale }) => isStale)),
  }
}

function amountOf(found: readonly Found[]): Amount {
  return { count: found.length, bytes: found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
}

/** One row for each kind. */
function merged(rows: readonly GarbageRow[]): readonly GarbageRow[] {
  const byKind = new Map<string, GarbageRow>()
  for (const row of rows) {
    const before = byKind.get(row.kind)
    byKind.set(row.kind, before === undefined ? row : added(before, row))
  }
  return [...byKind.values()]
}

function added(left: GarbageRow, right: GarbageRow): GarbageRow {
  const { kind } = left
  return { kind, kept: plus(left.kept, right.kept), removed: plus(left.removed, right.removed) }
}

function plus(left: Amount, right: Amount): Amount {
  return { count: left.count + right.count, bytes: left.bytes + right.bytes }
}

function show({ invocation: { host }, output }: Job, garbage: Garbage): void {
  const { dryRun, rows, removedRuns, engineProblem } = garbage
  const freedBytes = rows.reduce((total, { removed }) => total + removed.bytes, 0)
  if (output === 'json') {
    const about = { v: 1, dryRun, freedBytes, kinds: rows, removedRuns }
    const all = { ...about, engineProblem: engineProblem ?? null }
    host.out.write(`${escapeJson(JSON.stringify(all))}\n`)
    return
  }
  if (engineProblem !== undefined) {
    const left = 'Only what wave keeps on this machine was looked at.'
    host.err.write(renderNote(`${engineProblem} ${left}`))
  }
  if (output !== 'quiet') host.out.write(renderGarbage(garbage, freedBytes))
}
