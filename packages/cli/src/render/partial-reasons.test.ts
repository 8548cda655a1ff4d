import type { RunEvent, RunOutcome } from '@wave/core'
import { expect, test } from 'vitest'
import { at, failed, started, succeeded } from '../testing/run-events.ts'
import { PartialReasons } from './partial-reasons.ts'

test('a loop that used all its rounds is told by its rounds', () => {
  expect(
    reasons([
      started('model', [header('polish')]),
      ended('polish', 3, 'exhausted'),
      partly('polish'),
    ]),
  ).toEqual(['Partial: loop polish used all 3 rounds'])
})

test('a loop of an attempt that was made again is not told by that attempt', () => {
  expect(
    reasons([
      started('model', [header('assess')]),
      added('assess', [header('assess/polish')]),
      ended('assess/polish', 3, 'exhausted'),
      partly('assess/polish'),
      at('10:00:02', { type: 'step-started', step: 'assess', attempt: 2, tree: '', inputs: [] }),
      added('assess', [header('assess/polish')]),
      ended('assess/polish', 2, 'condition-met'),
      done('assess/polish'),
      done('assess'),
    ]),
  ).toEqual([])
})

test('items that failed are counted', () => {
  expect(
    reasons([
      started('model', [header('review')]),
      added('review', ['review[1]', 'review[2]', 'review[3]'].map(header)),
      done('review[1]'),
      broken('review[2]'),
      broken('review[3]'),
      partly('review'),
    ]),
  ).toEqual(['Partial: 2 of 3 items of review failed'])
})

test('a child is told by what is partial in it, not once more by itself', () => {
  expect(
    reasons([
      started('model', [header('assess')]),
      added('assess', [header('assess/polish')]),
      ended('assess/polish', 1, 'exhausted'),
      partly('assess/polish'),
      partly('assess'),
    ]),
  ).toEqual(['Partial: loop assess/polish used all 1 round'])
  expect(reasons([started('model', [header('assess')]), partly('assess')])).toEqual([
    'Partial: step assess completed only in part',
  ])
})

test('steps that the user left out and steps that were skipped for a failure are told, those of a condition not', () => {
  const steps = [
    header('draft'),
    header('triage'),
    { ...header('verify'), dependencies: ['triage'] },
    { ...header('ship'), dependencies: ['verify'] },
    header('page'),
    { ...header('call'), dependencies: ['page'] },
  ]
  expect(
    reasons([
      started('model', steps),
      skipped('draft', 'left out by the user'),
      broken('triage'),
      skipped('verify', 'triage did not complete'),
      skipped('ship', 'verify did not complete'),
      skipped('page', 'its condition is false: severity == "P1"'),
      skipped('call', 'needs log of page'),
    ]),
  ).toEqual([
    'Partial: step draft was left out by the user',
    'Partial: step verify was skipped: triage did not complete',
    'Partial: step ship was skipped: verify did not complete',
  ])
})

test('what was skipped for a step that failed and counts as skipped is told', () => {
  expect(
    reasons([
      started('model', [header('scan'), { ...header('fix'), dependencies: ['scan'] }]),
      broken('scan'),
      skipped('scan', 'model-refused'),
      skipped('fix', 'needs log of scan'),
    ]),
  ).toEqual(['Partial: step fix was skipped: needs log of scan'])
})

test('a run that is not partial has no reasons, and thousands of them are not listed', () => {
  const ids = Array.from({ length: 25 }, (_, index) => `s${index}`)
  const events = [
    started('model', ids.map(header)),
    ...ids.map((id) => skipped(id, 'left out by the user')),
  ]
  expect(reasons(events, 'completed')).toEqual([])
  expect(reasons(events)).toHaveLength(21)
  expect(reasons(events).at(-1)).toBe('Partial: 5 more reasons')
})

function reasons(events: readonly RunEvent[], outcome: RunOutcome = 'partial'): readonly string[] {
  const found = new PartialReasons()
  for (const event of events) found.watch(event)
  return found.lines(outcome)
}

function header(id: string) {
  return { id, role: 'x', dependencies: [] }
}

function added(step: string, steps: readonly ReturnType<typeof header>[]): RunEvent {
  return at('10:00:01', { type: 'steps-added', step, steps })
}

function ended(step: string, iteration: number, end: 'exhausted' | 'condition-met'): RunEvent {
  return at('10:00:01', { type: 'round-ended', step, iteration, end })
}

function done(step: string): RunEvent {
  return at('10:00:02', succeeded(step, 1, undefined, 'Done'))
}

function partly(step: string): RunEvent {
  return at('10:00:02', { ...succeeded(step, 1, undefined, 'Done'), partial: true })
}

function broken(step: string): RunEvent {
  return at('10:00:02', { ...failed({ reason: 'cancelled' }, false), step })
}

function skipped(step: string, because: string): RunEvent {
  return at('10:00:02', { type: 'step-skipped', step, because })
}
