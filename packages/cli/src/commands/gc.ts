import { systemClock } from '@wave/core'
import { WaveError } from '@wave/core/language'
import { collectGarbage, type GarbageKind, type GarbageReport } from '@wave/workspace'
import { loadConfig } from '../config/load.ts'
import { openInstallId } from '../install-id.ts'
import type { Invocation } from '../invocation.ts'
import { cacheBytes } from '../open-docker.ts'
import { findProject } from '../project.ts'
import { renderNote } from '../render/problem.ts'
import { escapeJson } from '../sanitise.ts'

interface GcOptions {
  readonly dryRun?: boolean
  readonly maxSize?: string
  readonly olderThan?: string
  readonly all?: boolean
}

/** Removes caches and leftovers. Whatever is removed is made again when it is needed: nothing is asked. */
export async function gc(invocation: Invocation, options: GcOptions): Promise<number> {
  const limits = readLimits(options)
  const config = await loadConfig(invocation, findProject(invocation.cwd))
  const { dataDir } = config.paths
  const nowMs = Date.parse(systemClock.nowUtc())
  const dryRun = options.dryRun ?? false
  const report = await collectGarbage({
    dataDir,
    installId: openInstallId(dataDir),
    limits: {
      maxBytes: limits.maxBytes ?? cacheBytes(config),
      ...(limits.unusedMs !== undefined && { keptSinceMs: nowMs - limits.unusedMs }),
    },
    patienceMs: limits.unusedMs ?? (options.all === true ? 0 : PATIENCE_MS),
    dryRun,
    nowMs,
  })
  show(invocation, { report, dryRun, output: config.output })
  return 0
}

/** The git dir of a repository that is gone: it may come back. */
const PATIENCE_MS = 7 * 24 * 60 * 60_000

interface GcLimits {
  readonly maxBytes: number | undefined
  readonly unusedMs: number | undefined
}

function readLimits({ all, maxSize, olderThan }: GcOptions): GcLimits {
  if (all === true && (maxSize ?? olderThan) !== undefined) {
    throw new WaveError('usage', '--all goes with neither --max-size nor --older-than.')
  }
  const given = maxSize === undefined ? undefined : parseSize(maxSize, '--max-size')
  return {
    maxBytes: all === true ? 0 : given,
    unusedMs: olderThan === undefined ? undefined : parseAge(olderThan, '--older-than'),
  }
}

function parseSize(text: string, flag: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(?:([KMGT])(?:i?B)?)?$/i.exec(text) ?? []
  if (number !== undefined)
    return Math.round(Number(number) * 1024 ** SIZES.indexOf(unit.toUpperCase()))
  throw new WaveError('usage', `${flag} takes a size, not "${text}".`, {
    hint: 'Write it as 500M, 10G or 1.5T.',
  })
}

const SIZES = ['', 'K', 'M', 'G', 'T']

function parseAge(text: string, flag: string): number {
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?$/.exec(text)
  const [days, hours, minutes] = (match ?? []).slice(1).map((part) => Number(part ?? 0))
  const total = ((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)
  if (total > 0) return total * 60_000
  throw new WaveError('usage', `${flag} takes a duration, not "${text}".`, {
    hint: 'Write it as 90m, 12h or 30d.',
  })
}

function show(
  { host }: Invocation,
  {
    report,
    dryRun,
    output,
  }: { readonly report: GarbageReport; readonly dryRun: boolean; readonly output: string },
): void {
  const freedBytes = report.kinds.reduce((sum, { removed }) => sum + removed.bytes, 0)
  if (output === 'json') {
    const { kinds, engineProblem = null } = report
    const all = { dryRun, freedBytes, kinds, engineProblem }
    host.out.write(`${escapeJson(JSON.stringify(all))}\n`)
    return
  }
  if (report.engineProblem !== undefined) {
    const left = 'Only what wave keeps on this machine was looked at.'
    host.err.write(renderNote(`${report.engineProblem} ${left}`))
  }
  if (output === 'quiet') return
  host.out.write(renderReport(report.kinds, dryRun))
  host.out.write(`\n${dryRun ? 'Would free' : 'Freed'} ${renderSize(freedBytes)}.\n`)
}

function renderReport(kinds: readonly GarbageKind[], dryRun: boolean): string {
  const head = ['', 'before', dryRun ? 'would remove' : 'removed', dryRun ? 'would keep' : 'kept']
  const rows = kinds.map(({ kind, kept, removed }) => [
    kind,
    cell(kept.count + removed.count, kept.bytes + removed.bytes),
    cell(removed.count, removed.bytes),
    cell(kept.count, kept.bytes),
  ])
  const lines = [head, ...rows].map(([name = '', ...cells]) =>
    [name.padEnd(WIDTH), ...cells.map((text) => text.padStart(WIDTH))].join(' ').trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

const WIDTH = 18

function cell(count: number, bytes: number): string {
  return count === 0 ? '-' : `${count} (${renderSize(bytes)})`
}

function renderSize(bytes: number): string {
  const power = Math.min(4, bytes < 1024 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return power === 0 ? `${bytes} B` : `${value.toFixed(value < 10 ? 1 : 0)} ${SIZES[power]}iB`
}
