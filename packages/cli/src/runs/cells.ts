import type { Usage } from '@wave/core'
import { clockOf, formatSeconds, formatTokens } from '../render/format.ts'

/** Figures of runs as a person reads them; `-` stands for what there is none of. */

/** Local time: `2026-02-04 10:00:01`. */
export function showTime(at: string | undefined): string {
  return at === undefined ? '-' : `${showDay(at)} ${clockOf(at)}`
}

/** Local date. */
export function showDay(at: string): string {
  const time = new Date(at)
  const parts = [time.getFullYear(), time.getMonth() + 1, time.getDate()]
  return parts.map((part) => String(part).padStart(2, '0')).join('-')
}

export function showDuration(durationMs: number | undefined): string {
  return durationMs === undefined ? '-' : formatSeconds(durationMs)
}

/** `?`: a price is not known; `at least $0.02`: of some calls. */
export function showCost({
  usage,
  costUsd,
  leastUsd,
}: {
  readonly usage?: Usage | undefined
  readonly costUsd?: number | undefined
  readonly leastUsd?: number | undefined
}): string {
  if (leastUsd !== undefined) return leastUsd > 0 ? `at least ${showUsd(leastUsd)}` : '?'
  if (usage === undefined && (costUsd ?? 0) === 0) return '-'
  return costUsd === undefined ? '?' : showUsd(costUsd)
}

function showUsd(usd: number): string {
  return `$${usd.toFixed(usd < 0.1 && usd > 0 ? 4 : 2)}`
}

export function showSize(bytes: number): string {
  // 1023.6 KiB would round up to 1024 KiB.
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(bytes, 1) * 1.0005) / 10))
  const value = bytes / 1024 ** power
  return power === 0 ? `${bytes} B` : `${value.toFixed(value < 9.95 ? 1 : 0)} ${UNITS[power]}`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function showFiles(count: number): string {
  return count === 1 ? '1 file' : `${count} files`
}

/** `2.1k tokens, $0.01`; empty where no model was called. */
export function showUsage(used: Parameters<typeof showCost>[0]): readonly string[] {
  if (used.usage === undefined) return []
  return [`${formatTokens(used.usage)} tokens`, showCost(used)]
}

/** A word of a command line as a shell takes it. */
export function quote(word: string): string {
  return /^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
