import { expect, test } from 'vitest'
import { pipelineOf, problem, toldOf } from '../../testing/pipeline-text.ts'
import type { Retry } from '../pipeline.ts'

/** More lines of a step, from line 6 on. */
const withKeys = (keys: string): string => `metadata: {name: p}
steps:
  - id: fix
    persona: a
    exec: {source: x}
    ${keys}
${keys.includes('mend') ? '  - {id: mend, persona: a, exec: {source: x}, rework_only: true}\n' : ''}`

function retryOf(keys: string): Retry | undefined {
  return pipelineOf(withKeys(keys)).steps[0]?.retry
}

const ONCE = { maxAttempts: 1, backoff: 'linear', baseDelayMs: 1000, maxDelayMs: 60_000 }

test.each([
  ['message: x', { ...ONCE, onFailure: 'fail' }],
  ['retry: {policy: none}', { ...ONCE, onFailure: 'fail' }],
  [
    'retry: {policy: standard, on_failure: rework, rework_step: mend, escalate: false}',
    {
      maxAttempts: 3,
      backoff: 'exponential',
      baseDelayMs: 1000,
      maxDelayMs: 30_000,
      onFailure: 'rework',
      rework: { step: 'mend', maxRounds: 1 },
    },
  ],
  [
    'retry: {policy: patient, escalate: true, on_failure: skip}',
    {
      maxAttempts: 3,
      backoff: 'exponential',
      baseDelayMs: 5000,
      maxDelayMs: 90_000,
      onFailure: 'skip',
      escalate: true,
    },
  ],
  [
    'retry: {max_attempts: 10, backoff: fixed, base_delay: 0s, max_delay: 1m}',
    { maxAttempts: 10, backoff: 'fixed', baseDelayMs: 0, maxDelayMs: 60_000, onFailure: 'fail' },
  ],
  ['optional: true', { ...ONCE, onFailure: 'continue' }],
  ['optional: false', { ...ONCE, onFailure: 'fail' }],
  ['optional: true\n    retry: {on_failure: continue}', { ...ONCE, onFailure: 'continue' }],
])('%s decides how often the step is tried', (keys, retry) => {
  expect(retryOf(keys)).toStrictEqual(retry)
})

test.each([
  ['retry: {policy: standart}', '6:21 not "standart". | Did you mean "standard"?'],
  [
    'retry: {policy: patient, max_delay: 1s}',
    '6:41 "retry" of step "fix" has both "policy" and "max_delay". | A policy sets all of the delays and attempts.',
  ],
  ['retry: {max_delay: 500ms}', '6:12 has a "base_delay" of 1s above its "max_delay" of 500ms'],
  ['retry: {max_attempts: 0}', '6:27 must be at least 1, not 0'],
  ['retry: {backoff: random}', '6:22 must be "fixed", "linear" or "exponential"'],
  [
    'retry: {base_delay: 2m}',
    '6:25 "retry" of step "fix" has a "base_delay" of 2m above its "max_delay" of 60s. | Set both, the larger one as "max_delay".',
  ],
  ['retry: {on_failure: rework}', '6:12 "retry" of step "fix" lacks the key "rework_step".'],
  [
    'retry: {rework_step: none}',
    '6:26 "retry.rework_step" of step "fix" belongs to `on_failure: rework`. | Add it, or leave this out.',
  ],
  [
    'retry: {on_failure: rework, rework_step: fix}',
    '6:46 "retry.rework_step" of step "fix" must be another step.',
  ],
  ['retry: {on_failure: warn}', '6:25 has the value "warn": it belongs to a contract'],
  ['retry: {adapt_prompt: true}', '6:13 has the key "adapt_prompt": it is not supported'],
  ['retry: {no_escalate: true}', '6:13 has the key "no_escalate": that is already the default'],
  ['retry: {escalate: "yes"}', '6:23 must be true or false, not "yes"'],
  [
    'optional: true\n    retry: {on_failure: skip}',
    '6:15 "optional" of step "fix" contradicts `retry.on_failure: skip`. | Keep one of them.',
  ],
])('%s is refused', (keys, expected) => {
  expect(toldOf(withKeys(keys))).toEqual([problem(expected)])
})
