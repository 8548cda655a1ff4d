import type { StepShape } from './build-step.ts'
import type { Retry } from '../pipeline.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'
import { parseDuration } from '../schema/words.ts'

const POLICIES = {
  none: { maxAttempts: 1, backoff: 'linear', baseDelayMs: 1000, maxDelayMs: 60_000 },
  standard: { maxAttempts: 3, backoff: 'exponential', baseDelayMs: 1000, maxDelayMs: 30_000 },
  aggressive: { maxAttempts: 5, backoff: 'exponential', baseDelayMs: 200, maxDelayMs: 30_000 },
  patient: { maxAttempts: 3, backoff: 'exponential', baseDelayMs: 5000, maxDelayMs: 90_000 },
} as const

const POLICY_KEYS = ['max_attempts', 'backoff', 'base_delay', 'max_delay'] as const

type RetryShape = NonNullable<StepShape['retry']>

/** How often a step is tried, and what then; `optional: true` is short for `on_failure: continue`. */
export function buildRetry(shape: StepShape, path: ShapePath, reading: Reading): Retry {
  const retry = shape.retry ?? {}
  const at = [...path, 'retry']
  const policy = POLICIES[retry.policy ?? 'none']
  checkPolicy(retry, at, reading)
  const baseDelayMs = durationOr(retry.base_delay, policy.baseDelayMs)
  const maxDelayMs = durationOr(retry.max_delay, policy.maxDelayMs)
  // With a policy and own delays, the one mistake is enough.
  if (baseDelayMs > maxDelayMs && retry.policy === undefined) {
    const { base_delay: base = '1s', max_delay: most = '60s' } = retry
    const message = `${reading.subject(at)} has a "base_delay" of ${base} above its "max_delay" of ${most}.`
    reading.report(message, [...at, 'base_delay'], 'Set both, the larger one as "max_delay".')
  }
  return {
    maxAttempts: retry.max_attempts ?? policy.maxAttempts,
    backoff: retry.backoff ?? policy.backoff,
    baseDelayMs,
    maxDelayMs,
    onFailure: onFailureOf(shape, path, reading),
    ...reworkOf(shape, at, reading),
    ...(retry.escalate === true ? { escalate: true } : {}),
  }
}

function checkPolicy(retry: RetryShape, at: ShapePath, reading: Reading): void {
  const given = POLICY_KEYS.find((key) => retry[key] !== undefined)
  if (retry.policy === undefined || given === undefined) return
  const message = `${reading.subject(at)} has both "policy" and "${given}".`
  reading.report(message, [...at, given], 'A policy sets all of the delays and attempts.')
}

function onFailureOf(shape: StepShape, path: ShapePath, reading: Reading): Retry['onFailure'] {
  const onFailure = shape.retry?.on_failure
  if (shape.optional !== true) return onFailure ?? 'fail'
  if (onFailure !== undefined && onFailure !== 'continue') {
    const at = [...path, 'optional']
    const message = `${reading.subject(at)} contradicts \`retry.on_failure: ${onFailure}\`.`
    reading.report(message, at, 'Keep one of them.')
  }
  return 'continue'
}

function reworkOf(shape: StepShape, at: ShapePath, reading: Reading): Pick<Retry, 'rework'> {
  const { on_failure: onFailure, rework_step: step } = shape.retry ?? {}
  const place = [...at, 'rework_step']
  if (onFailure !== 'rework') {
    if (step === undefined) return {}
    const message = `${reading.subject(place)} belongs to \`on_failure: rework\`.`
    reading.report(message, place, 'Add it, or leave this out.')
    return {}
  }
  if (step === undefined) {
    reading.report(`${reading.subject(at)} lacks the key "rework_step".`, at)
    return {}
  }
  if (step === shape.id) reading.report(`${reading.subject(place)} must be another step.`, place)
  return { rework: { step, maxRounds: 1 } }
}

function durationOr(text: string | undefined, defaultMs: number): number {
  return text === undefined ? defaultMs : parseDuration(text)
}
