import { WaveError } from '@wave/core/language'
import type { RunLimits } from './runs/old-runs.ts'

export interface GcOptions {
  readonly dryRun?: boolean
  readonly maxSize?: string
  readonly olderThan?: string
  readonly all?: boolean
  readonly runs?: boolean
  readonly keep?: string
  readonly unfinished?: boolean
}

export interface GcLimits {
  readonly maxBytes: number | undefined
  readonly unusedMs: number | undefined
  /** How long what is known of a repository that is gone is kept: it may come back. */
  readonly patienceMs: number
  /** Undefined: runs stay. */
  readonly runs: RunLimits | undefined
}

/** Throws `usage`. */
export function readGcLimits(options: GcOptions): GcLimits {
  const { all, maxSize, olderThan } = options
  if (all === true && (maxSize !== undefined || (olderThan !== undefined && !options.runs))) {
    throw new WaveError('usage', '--all goes with neither --max-size nor --older-than.')
  }
  const given = maxSize === undefined ? undefined : parseSize(maxSize, '--max-size')
  const unusedMs = olderThan === undefined ? undefined : parseAge(olderThan, '--older-than')
  return {
    maxBytes: all === true ? 0 : given,
    unusedMs,
    patienceMs: unusedMs ?? (all === true ? 0 : PATIENCE_MS),
    runs: readRunLimits(options, unusedMs),
  }
}

const PATIENCE_MS = 7 * 24 * 60 * 60_000

function readRunLimits(
  { runs, keep, unfinished = false }: GcOptions,
  olderThanMs: number | undefined,
): RunLimits | undefined {
  if (runs !== true) {
    if (keep === undefined && !unfinished) return undefined
    const flag = keep === undefined ? '--unfinished' : '--keep'
    throw new WaveError('usage', `${flag} goes with --runs.`, { hint: HOW })
  }
  if (keep === undefined && olderThanMs === undefined) {
    throw new WaveError('usage', '--runs needs to know which: --keep or --older-than.', {
      hint: HOW,
    })
  }
  return { keep: keep === undefined ? ALWAYS_KEPT : parseCount(keep), olderThanMs, unfinished }
}

const HOW = 'For example: wave gc --runs --keep 20, or wave gc --runs --older-than 30d'

/** A clock that is years ahead makes everything old: some runs stay unless they are given up by number. */
const ALWAYS_KEPT = 5

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new WaveError('usage', `--keep takes a whole number, not "${text}".`)
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
