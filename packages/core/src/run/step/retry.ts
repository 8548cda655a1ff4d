import type { StepFailure } from '../../events.ts'
import type { Retry } from '../../pipeline/pipeline.ts'
import { isRetryable } from '../failure.ts'

/** Whether the step gets another attempt after these failures, the last one being the newest. */
export function mayRetry(retry: Retry, failures: readonly StepFailure[]): boolean {
  const last = failures.at(-1)
  if (last === undefined || failures.length >= retry.maxAttempts) return false
  return isRetryable(last) && !isRepeating(failures)
}

/** Why attempts that are left are not made, where nobody could tell from the failure itself. */
export function whyNotRetried(
  { maxAttempts }: Retry,
  failures: readonly StepFailure[],
): string | undefined {
  const left = maxAttempts - failures.length
  const last = failures.at(-1)
  if (left < 1 || last === undefined || !isRetryable(last) || !isRepeating(failures))
    return undefined
  const attempts = left === 1 ? '1 attempt is' : `${left} attempts are`
  return `Not tried again, though ${attempts} left: three failures in a row were the same.`
}

/** The pause before attempt `attempt + 1`, with jitter: between half of it and all of it. */
export function retryDelayMs(retry: Retry, attempt: number, fraction: number): number {
  const full = Math.min(retry.maxDelayMs, retry.baseDelayMs * growth(retry.backoff, attempt))
  return Math.round(full * (0.5 + fraction / 2))
}

function growth(backoff: Retry['backoff'], attempt: number): number {
  switch (backoff) {
    case 'fixed':
      return 1
    case 'linear':
      return attempt
    case 'exponential':
      return 2 ** (attempt - 1)
    default:
      return backoff satisfies never
  }
}

/** Three equal failures in a row: the next one would be the same. */
function isRepeating(failures: readonly StepFailure[]): boolean {
  const recent = failures.slice(-3).map((failure) => JSON.stringify(essence(failure)))
  return recent.length === 3 && new Set(recent).size === 1
}

/** Without what differs each time and means nothing: only what a command prints is taken so lightly. */
function essence(failure: StepFailure): StepFailure {
  if (failure.reason === 'child-failed') return { ...failure, failure: essence(failure.failure) }
  if (failure.reason !== 'command-failed') return failure
  return { ...failure, output: foldVolatile(failure.output) }
}

/**
 * Times, process ids, digests and temporary names are folded; counts and places tell whether something changed.
 * The end only: where it was cut differs as well.
 */
function foldVolatile(output: string): string {
  return VOLATILE.reduce((text, [found, told]) => text.replaceAll(found, told), output).slice(
    -COMPARED_CHARACTERS,
  )
}

const COMPARED_CHARACTERS = 2000
const MONTHS = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*'
const CLOCK = String.raw`(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:Z\b|[+-]\d\d:?\d\d\b)?(?![\d:])`
const UNITS =
  '(?:[mµun]s|(?:milli|micro|nano)?seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?)'
const DURATION = String.raw`\d+(?:[.,]\d+)*[ -]?${UNITS}(?![a-z])`

/** In this order: what stands further below would take a part of what stands above. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\/tmp\/[^\s'"`:)]+/gu, '/tmp/#'],
  [/\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b/giu, '#'],
  [new RegExp(String.raw`\b\d{4}[-/]\d\d[-/]\d\d(?:[T ]${CLOCK}|\b)`, 'gu'), '#'],
  [
    new RegExp(String.raw`\b(?:${MONTHS} {1,2}\d{1,2}|\d{1,2} ${MONTHS})(?:,? \d{4})?\b`, 'gu'),
    '#',
  ],
  // After a colon it is a line and a column.
  [new RegExp(String.raw`(?<![\w:.])${CLOCK}`, 'gu'), '#'],
  [new RegExp(String.raw`(?<!\w)${DURATION}(?: ?${DURATION})*`, 'giu'), '#'],
  // Figures alone are a count, unless they are as long as the seconds since 1970.
  [/\b(?:0x)?(?=[a-f]*\d)(?=\d*[a-f]|\d{10})[\da-f]{7,}\b/giu, '#'],
  [/\bpid\b[ :=#]*\d+/giu, 'pid #'],
  // As a log names a process; without the colon, or shorter, it is an index.
  [/(?<=\w)\[\d{3,}\]:/gu, '[#]:'],
]
