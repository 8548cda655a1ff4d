import type { OutcomeValue, RunEvent } from '@wave/core'
import { expect, test } from 'vitest'
import { at, finished, started, succeeded } from '../testing/run-events.ts'
import { RunSummary } from './summary.ts'

test('outcomes of an attempt that was made again are not told', () => {
  expect(
    told([
      started('model', [header('call')]),
      begun('call', 1),
      ...child('https://a/1'),
      begun('call', 2),
      ...child('https://a/2'),
      at('10:00:05', succeeded('call', 1, undefined, 'Done')),
    ]),
  ).toContain('Outcomes: Dashboard https://a/2')
})

test('outcomes that say the same, of rounds or of a call and what it called, are told once', () => {
  const done = { ...succeeded('call', 1, undefined, 'Done'), outcomes: [dashboard('https://a/1')] }
  expect(
    told([
      started('model', [header('call')]),
      begun('call', 1),
      ...child('https://a/1'),
      at('10:00:05', done),
    ]),
  ).toContain('Outcomes: Dashboard https://a/1')
})

function told(events: readonly RunEvent[]): readonly string[] {
  const summary = new RunSummary()
  for (const event of events) summary.watch(event)
  return summary.lines(END)
}

const END = { ...finished('completed', { exitCode: 0 }), seq: 0, prev: '', v: 1, at: '' } as const

/** A called pipeline of one step that succeeds. */
function child(url: string): readonly RunEvent[] {
  return [
    at('10:00:01', { type: 'steps-added', step: 'call', steps: [header('call/report')] }),
    begun('call/report', 1),
    at('10:00:02', {
      ...succeeded('call/report', 1, undefined, 'Done'),
      outcomes: [dashboard(url)],
    }),
  ]
}

function dashboard(value: string): OutcomeValue {
  return { type: 'url', label: 'Dashboard', value }
}

function header(id: string) {
  return { id, role: 'x', dependencies: [] }
}

function begun(step: string, attempt: number): RunEvent {
  return at('10:00:01', { type: 'step-started', step, attempt, tree: '', inputs: [] })
}
