/**
 * DF-03, DF-04: the reference run on a file system that is too small, for every size up to enough, or has too few
 * files; so that short writes are real. Then there is room, and a resume must finish.
 */
import { mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openMemoryDisk, whyNoDisks } from './loop-disk.ts'
import { incompleteIn, lostOf } from './recorded-run.ts'
import { StoppableRun } from './stopped-run.ts'
import { inParallel } from './suite.ts'
import type { CrashPoint, CrashScope, CrashSuite, Report } from './suite.ts'

export const suite: CrashSuite = { name: 'disk-full', cases: ['DF-03', 'DF-04'], run: runSuite }

async function runSuite(scope: CrashScope, report: Report): Promise<void> {
  const why = whyNoDisks()
  if (why !== undefined) throw new Error(`The suite disk-full was not run: ${why}.`)
  for (const shortage of ['bytes', 'files'] as const) {
    if (!scope.wants('run', shortage)) continue
    const all = Array.from({ length: MOST[shortage] }, (_, at) => at + 1)
    const amounts = scope.point === undefined ? all : [scope.point]
    await inParallel(amounts, scope.workers, async (amount) =>
      report(await fillDisk(shortage, amount)),
    )
  }
}

/** What there is too little of: pages of 4 KiB, or inodes. */
export type Shortage = 'bytes' | 'files'

/** Enough for the whole run, and a little more. */
const MOST: Readonly<Record<Shortage, number>> = { bytes: 90, files: 110 }

/** One run with so much, and one with enough. */
export async function fillDisk(shortage: Shortage, amount: number): Promise<CrashPoint> {
  const startMs = performance.now()
  using told = mkdtempDisposableSync(join(tmpdir(), 'wave-disk-full-'))
  using disk = openMemoryDisk(limitOf(shortage, amount))
  const first = new StoppableRun(disk.mount, join(told.path, 'first'))
  const exitCode = await first.end()
  const lost = await lostOf(disk.mount, first.heard.lastSeq)
  disk.remount(ENOUGH[shortage])
  const second = new StoppableRun(disk.mount, join(told.path, 'second'))
  const resumed = await second.end()
  const problems = [
    ...(exitCode === 0 || exitCode === DISK_FULL
      ? []
      : [`it ended with ${exitCode}: ${first.text}`]),
    ...lost,
    ...(resumed === 0 ? [] : [`the resume ended with ${resumed}: ${second.text}`]),
    ...(await incompleteIn(disk.mount)),
  ]
  const durationMs = performance.now() - startMs
  return {
    caseId: CASES[shortage],
    call: 'run',
    fault: shortage,
    point: amount,
    problems,
    durationMs,
  }
}

const CASES: Readonly<Record<Shortage, string>> = { bytes: 'DF-03', files: 'DF-04' }

/** Of `disk-full`, `journal-write-failed` and `path-unwritable`. */
const DISK_FULL = 4

function limitOf(shortage: Shortage, amount: number): string {
  return shortage === 'bytes' ? `size=${amount * 4}k` : `size=8m,nr_inodes=${amount}`
}

const ENOUGH: Readonly<Record<Shortage, string>> = {
  bytes: 'size=8m',
  files: 'size=8m,nr_inodes=10000',
}
