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

const patch = (paths: readonly string[], files = paths.length) => ({
  patch: { digest: '', sizeBytes: 1, baseTree: '', tree: '', files, added: 1, deleted: 0, paths },
})

const skipped = (step: string, because: string): RunEvent =>
  at('10:00:02', { type: 'step-skipped', step, because })

test('files that several steps changed count once', () => {
  const events = [
    started('model', [header('a'), header('b')]),
    begun('a', 1),
    at('10:00:02', { ...succeeded('a', 1, undefined, 'Done'), ...patch(['x', 'y']) }),
    begun('b', 1),
    at('10:00:03', { ...succeeded('b', 1, undefined, 'Done'), ...patch(['y'], 4) }),
  ]
  expect(told(events).join()).toContain('Changes: 5 files (+2 -0); apply with: wave apply ')
  expect(told(events, true).join()).toContain('Changes: 5 files (+2 -0); applied next')
})

test('a completed run tells what it skipped, and why', () => {
  expect(
    told([
      started('model', [header('a'), header('b')]),
      skipped('a', 'its condition is false: input == "x"'),
      skipped('b', 'needs the artifact o of a'),
    ]),
  ).toEqual(['Skipped: a (its condition is false)', 'Skipped: b (needs the artifact o of a)'])
})

function told(events: readonly RunEvent[], applies = false): readonly string[] {
  const summary = new RunSummary(applies)
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
