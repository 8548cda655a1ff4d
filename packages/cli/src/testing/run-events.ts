import type { NewRunEvent, RunEvent, RunOutcome, StepFailure, Usage } from '@wave/core'

/** Events of a run on one day in UTC, for tests of what shows them. */
export const ref = { digest: '00', sizeBytes: 1 }

export function at(time: string, event: NewRunEvent): RunEvent {
  return { seq: 0, prev: '', v: 1, at: `2026-02-04T${time}.000Z`, ...event }
}

export function started(
  mode: 'model' | 'evidence',
  steps: Extract<NewRunEvent, { type: 'run-started' }>['steps'],
): RunEvent {
  return at('10:00:01', {
    type: 'run-started',
    run: '20260204t100000-abcd',
    pipeline: { name: 'incident-response', file: '', digest: '' },
    steps,
    mode,
    input: ref,
    projectDigest: '',
    snapshot: { tree: '', head: undefined, dirty: false, files: 0, dropped: [] },
    sandbox: { kind: 'none' },
    models: {},
    limits: { minutes: 60, concurrency: 4, usd: undefined, tokens: undefined },
    waveVersion: '0.0.0',
  })
}

export function succeeded(
  step: string,
  durationMs: number,
  used: Usage | undefined,
  message: string,
): Extract<NewRunEvent, { type: 'step-succeeded' }> {
  return {
    type: 'step-succeeded',
    step,
    attempt: 1,
    artifacts: [],
    message,
    durationMs,
    usage: used,
  }
}

export function failed(
  failure: StepFailure,
  willRetry: boolean,
): Extract<NewRunEvent, { type: 'step-failed' }> {
  return {
    type: 'step-failed',
    step: 'investigate',
    attempt: 1,
    failure,
    willRetry,
    durationMs: 34_000,
    usage: usage(3_000),
  }
}

export function finished(
  outcome: RunOutcome,
  rest: { exitCode: number; verdict?: 'likely' },
): Extract<NewRunEvent, { type: 'run-finished' }> {
  return {
    type: 'run-finished',
    outcome,
    durationMs: 161_000,
    usage: undefined,
    delivered: [],
    ...rest,
  }
}

export function usage(tokens: number): Usage {
  return {
    input: tokens - 400,
    output: 400,
    cacheRead: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    reasoning: 0,
  }
}
