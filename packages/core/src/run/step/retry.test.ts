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
  ['a time with a fraction', 'at 10:04:05.123 lost', 'at 10:04:09,9 lost', 'at 9:00 lost'],
  ['a date', '2026-11-22T10:04:05Z lost', '2026-11-23T00:00:00.5+01:00 lost', '2026-12-01 lost'],
  ['a duration in words', 'after 3 seconds', 'after 12 seconds', 'after 1 second'],
  ['a duration in parts', 'took 1m30s', 'took 2m 3.5s', 'took 41s'],
  ['minutes', 'took 3 min', 'took 12 min', 'took 1 minute'],
  ['a process', '[pid 17] killed', '[pid 4711] killed', '[pid 9] killed'],
  ['a process in brackets', 'sh[1234]: died', 'sh[1301]: died', 'sh[777]: died'],
  ['a process in words', 'pid 17 died', 'PID: 4711 died', 'pid=9 died'],
  [
    'an id',
    'run 3f0a9c12-0000-4000-8000-aaaaaaaaaaaa',
    'run deadbeef-1111-4222-9333-bbbbbbbbbbbb',
    'run abcdefab-cdef-4abc-8def-abcdefabcdef',
  ],
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
  ['a count', [failed('12 failed'), failed('5 failed'), failed('1 failed')]],
  ['a long count', [1_234_567, 2_345_678, 3_456_789].map((count) => failed(`${count} left`))],
  ['a place', [failed('a.ts:12:5 bad'), failed('a.ts:9:1 bad'), failed('a.ts:80:2 bad')]],
  ['an index', [failed('rows[12] bad'), failed('rows[57] bad'), failed('rows[103] bad')]],
  ['a short index', [failed('rows[12]: bad'), failed('rows[57]: bad'), failed('rows[80]: bad')]],
  ['a step of many', [failed('[12] ld'), failed('[57] ld'), failed('[80] ld')]],
  ['a share', [failed('12.5 % done'), failed('40.1 % done'), failed('80.0 % done')]],
  ['megabytes', [failed('12 MB left'), failed('5 MB left'), failed('1 MB left')]],
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
