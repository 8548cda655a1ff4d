import { expect, test } from 'vitest'
import type { StepFailure } from '../../events.ts'
import type { Retry } from '../../pipeline/pipeline.ts'
import { mayRetry, retryDelayMs, whyNotRetried } from './retry.ts'

const RETRY: Retry = {
  maxAttempts: 9,
  backoff: 'fixed',
  baseDelayMs: 1000,
  maxDelayMs: 5000,
  onFailure: 'fail',
}

function failed(output: string, exitCode = 1): StepFailure {
  return { reason: 'command-failed', command: 'make', exitCode, output }
}

test.each([
  ['fixed', [1000, 1000, 1000, 1000]],
  ['linear', [1000, 2000, 3000, 4000]],
  ['exponential', [1000, 2000, 4000, 5000]],
] as const)('%s pauses grow as they say, up to the limit, with jitter', (backoff, fullMs) => {
  const pausesAt = (fraction: number) =>
    [1, 2, 3, 4].map((attempt) => retryDelayMs({ ...RETRY, backoff }, attempt, fraction))
  expect(pausesAt(1)).toEqual(fullMs)
  expect(pausesAt(0)).toEqual(fullMs.map((ms) => ms / 2))
})

const NOISE = [
  ['a duration', 'Done in 0.34s', 'Done in 980 ms', 'Done in 12.1s'],
  ['a time', '10:04:05 failed', '10:04:09 failed', '11:00:00 failed'],
  ['a process', '[pid 17] killed', '[pid 4711] killed', '[pid 9] killed'],
  ['a digest', 'at 3f0a9c12 lost', 'at deadbeef01 lost', 'at 00ff00aa lost'],
  ['a temporary name', "no '/tmp/tmp.aBcDe/x'", "no '/tmp/tmp.QrStU/x'", "no '/tmp/zz'"],
] as const

test.each(NOISE)('%s in the output makes failures no different', (_, ...outputs) => {
  const failures = outputs.map((output) => failed(output))
  expect(mayRetry(RETRY, failures)).toBe(false)
  expect(whyNotRetried(RETRY, failures)).toBe(
    'Not tried again, though 6 attempts are left: three failures in a row were the same.',
  )
  const inside = failures.map((failure): StepFailure => ({
    reason: 'child-failed',
    step: 'one',
    failure,
  }))
  expect(mayRetry(RETRY, inside)).toBe(false)
})

test('where an output was cut off makes failures no different', () => {
  const long = Array.from({ length: 500 }, (_, line) => `line ${line} of it: ok`).join('\n')
  const outputs = ['1s', '10s', '100s'].map((took) => `${long}\nDone in ${took}`.slice(-4096))
  expect(
    mayRetry(
      RETRY,
      outputs.map((output) => failed(output)),
    ),
  ).toBe(false)
})

test.each([
  ['other words', [failed('a'), failed('b'), failed('a')]],
  ['another exit code', [failed('a'), failed('a', 2), failed('a')]],
  [
    'words that could be digits of a digest',
    [failed('decade'), failed('facade'), failed('decade')],
  ],
  [
    'figures of a contract',
    [14, 12, 9].map((count): StepFailure => {
      return { reason: 'contract-failed', name: 'note', problems: [`${count} of 20 are missing`] }
    }),
  ],
  ['less than three in a row', [failed('a'), failed('a')]],
])('%s: it is tried again', (_, failures) => {
  expect(mayRetry(RETRY, failures)).toBe(true)
  expect(whyNotRetried(RETRY, failures)).toBeUndefined()
})
