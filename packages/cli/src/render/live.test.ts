import type { NewRunEvent, RunEvent } from '@wave/core'
import { ManualClock } from '@wave/core/testing'
import { expect, test } from 'vitest'
import { Heartbeat, LiveRenderer } from './live.ts'
import type { Renderer } from './renderer.ts'

const silent: Renderer = { show: () => {}, recall: () => {}, [Symbol.dispose]: () => {} }

test('the live block shows running steps with elapsed time, tokens, cost and tool, and goes at the end', async () => {
  const clock = new ManualClock()
  const drawn: string[] = []
  const block = Object.assign((text: string) => void drawn.push(text), {
    clear: () => void drawn.push(''),
  })
  using live = new LiveRenderer(silent, block, clock)
  live.show(STARTED)
  live.show(event({ type: 'step-started', step: 'triage', attempt: 1, tree: '', inputs: [] }))
  expect(drawn.at(-1)).toBe('… triage (navigator)  0s  -')
  live.show(event({ type: 'model-request', step: 'triage', turn: 2, key: '', model: 'x/y' }))
  await clock.advance(1000)
  expect(drawn.at(-1)).toBe('… triage (navigator)  1s  -  thinking, turn 2')
  live.show(
    event({
      type: 'model-response',
      step: 'triage',
      key: '',
      stop: 'tools',
      usage: {
        input: 1500,
        output: 100,
        cacheRead: 0,
        cacheWrite5m: 0,
        cacheWrite1h: 0,
        reasoning: 0,
      },
      costUsd: 0.0125,
      reply: REF,
    }),
  )
  live.show(event({ type: 'tool-call', step: 'triage', call: '1', tool: 'grep', input: REF }))
  expect(drawn.at(-1)).toBe('… triage (navigator)  1s  1.6k  $0.013  grep')
  live.show(
    event({
      type: 'step-failed',
      step: 'triage',
      attempt: 1,
      failure: { reason: 'cancelled' },
      willRetry: false,
      durationMs: 1,
      usage: undefined,
    }),
  )
  expect(drawn.at(-1)).toBe('')
})

test('the live block makes room for a line of somebody else, and comes back with the next event', async () => {
  const clock = new ManualClock()
  const drawn: string[] = []
  const block = Object.assign((text: string) => void drawn.push(text), {
    clear: () => void drawn.push(''),
  })
  using live = new LiveRenderer(silent, block, clock)
  live.show(STARTED)
  live.show(event({ type: 'step-started', step: 'triage', attempt: 1, tree: '', inputs: [] }))
  live.makeRoom()
  await clock.advance(5000)
  expect(drawn.at(-1)).toBe('')
  live.show(event({ type: 'model-request', step: 'triage', turn: 2, key: '', model: 'x/y' }))
  expect(drawn.at(-1)).toBe('… triage (navigator)  5s  -  thinking, turn 2')
})

test('without a terminal a line every 30 seconds says that the run is alive', async () => {
  const clock = new ManualClock()
  const lines: string[] = []
  using heartbeat = new Heartbeat(silent, (line) => void lines.push(line), clock)
  heartbeat.show(event({ type: 'step-started', step: 'triage', attempt: 1, tree: '', inputs: [] }))
  await clock.advance(29_000)
  expect(lines).toEqual([])
  await clock.advance(1_000)
  await clock.advance(30_000)
  expect(lines).toEqual(['still running: triage\n', 'still running: triage\n'])
})

const REF = { digest: '00', sizeBytes: 1 }
const STARTED = event({
  type: 'run-started',
  run: 'r',
  pipeline: { name: 'p', file: '', digest: '' },
  steps: [{ id: 'triage', role: 'navigator', dependencies: [] }],
  mode: 'model',
  input: REF,
  projectDigest: '',
  snapshot: { tree: '', head: undefined, dirty: false, files: 0, dropped: [] },
  sandbox: { kind: 'none' },
  models: {},
  limits: { minutes: 60, concurrency: 4, usd: undefined, tokens: undefined },
  waveVersion: '0.0.0',
})

function event(payload: NewRunEvent): RunEvent {
  return { seq: 0, prev: '', v: 1, at: '2026-02-04T10:00:00.000Z', ...payload }
}
