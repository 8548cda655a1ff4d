import { expect, test } from 'vitest'
import { NO_USAGE } from '../agent/messages.ts'
import type { Usage } from '../agent/messages.ts'
import type { NewRunEvent, RunEvent, StoredArtifact } from '../events.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { MemoryJournal } from '../testing/memory-storage.ts'
import { EMPTY_STATE, fold, foldEvent, totalUsage } from './state.ts'
import type { RunState } from './state.ts'
import { StepTable } from './step-table.ts'

const usage = (input: number) => ({ ...NO_USAGE, input })

function started(...ids: readonly string[]): NewRunEvent {
  return {
    type: 'run-started',
    run: 'r1',
    pipeline: { name: 'p', file: 'p.yaml', digest: '' },
    steps: ids.map((id) => ({ id, role: 'navigator', dependencies: [] })),
    mode: 'model',
    input: { digest: '', sizeBytes: 0 },
    projectDigest: '',
    snapshot: { tree: 't', head: undefined, dirty: false, files: 0, dropped: [] },
    sandbox: { kind: 'none' },
    models: {},
    limits: { minutes: 1, concurrency: 1, usd: undefined, tokens: undefined },
    waveVersion: '0.0.0',
  }
}

function record(...events: readonly NewRunEvent[]): readonly RunEvent[] {
  return new MemoryJournal(new ManualClock()).appendAll(events)
}

const artifact: StoredArtifact = { name: 'x', path: 'x', type: 'text', digest: 'd', sizeBytes: 1 }
const begin = (attempt: number): NewRunEvent => ({
  type: 'step-started',
  step: 'a',
  attempt,
  tree: 't',
  inputs: [],
})
const reply = (tokens: number, costUsd: number | undefined): NewRunEvent => ({
  type: 'model-response',
  step: 'a',
  key: '',
  stop: 'end',
  usage: usage(tokens),
  costUsd,
  reply: { digest: '', sizeBytes: 0 },
})
const failed = (used: Usage | undefined, costUsd: number | undefined): NewRunEvent => ({
  type: 'model-failed',
  step: 'a',
  key: '',
  class: 'retryable',
  message: 'overloaded',
  retryInMs: 500,
  usage: used,
  costUsd,
})
const succeed: NewRunEvent = {
  type: 'step-succeeded',
  step: 'a',
  attempt: 2,
  artifacts: [artifact],
  verdict: 'likely',
  message: 'Done',
  durationMs: 5,
  usage: usage(30),
}

test('a step goes from pending over running to its end, attempt by attempt', () => {
  const failure = { reason: 'stuck', pattern: 'same call' } as const
  const events = record(
    started('a', 'b', 'c'),
    begin(1),
    reply(10, 0.5),
    { type: 'warning', step: 'a', message: 'odd' },
    {
      type: 'step-failed',
      step: 'a',
      attempt: 1,
      failure,
      willRetry: true,
      durationMs: 3,
      usage: usage(12),
    },
    begin(2),
    reply(20, undefined),
    succeed,
    { type: 'step-skipped', step: 'b', because: 'not needed' },
  )
  const at = (count: number) => fold(events.slice(0, count)).steps.get('a')
  expect(at(1)).toMatchObject({ status: 'pending', attempt: 0, artifacts: [] })
  expect(at(3)).toMatchObject({ status: 'running', attempt: 1, usage: usage(10) })
  expect(at(5)).toMatchObject({ status: 'running', failure, usage: usage(12) })
  expect(at(7)).toMatchObject({ status: 'running', attempt: 2, usage: usage(32) })
  expect(at(8)).toMatchObject({
    status: 'succeeded',
    artifacts: [artifact],
    verdict: 'likely',
    message: 'Done',
    usage: usage(42),
    warnings: ['odd'],
  })
  const state = fold(events)
  expect(state).toMatchObject({ costUsd: 0.5, unpricedCalls: 1, seq: 8 })
  expect(totalUsage(state)).toEqual(usage(42))
  expect(state.steps.get('b')).toMatchObject({ status: 'skipped', skippedBecause: 'not needed' })
  expect(state.steps.values().map(({ id }) => id)).toEqual(['a', 'b', 'c'])
})

test('calls of an attempt that was cut short count, although it could not add them up', () => {
  const lost: NewRunEvent = {
    type: 'step-failed',
    step: 'a',
    attempt: 1,
    failure: { reason: 'workspace-lost', message: 'gone' },
    willRetry: true,
    durationMs: 3,
    usage: undefined,
  }
  const state = fold(record(started('a'), begin(1), reply(10, 0.5), lost, begin(2), succeed))
  expect(totalUsage(state)).toEqual(usage(40))
})

test('failed calls cost what they were billed, and are unpriced when nobody says', () => {
  const state = fold(
    record(started('a'), begin(1), failed(usage(5), 0.25), failed(undefined, 0), reply(10, 0.5)),
  )
  expect(state).toMatchObject({ costUsd: 0.75, unpricedCalls: 0 })
  expect(totalUsage(state)).toEqual(usage(15))
  const unknown = fold(record(started('a'), begin(1), failed(undefined, undefined)))
  expect(unknown).toMatchObject({ costUsd: 0, unpricedCalls: 1 })
})

test('folding is pure: an earlier state is not changed by what comes later', () => {
  const events = record(started('a'), begin(1), succeed)
  const states: RunState[] = []
  for (const event of events) states.push(foldEvent(states.at(-1) ?? EMPTY_STATE, event))
  expect(states.map((state) => state.steps.get('a')?.status)).toEqual([
    'pending',
    'running',
    'succeeded',
  ])
})

test('events of a step that the run does not have change nothing', () => {
  const state = fold(record(started('a'), { type: 'warning', step: 'ghost', message: 'boo' }))
  expect(state.steps.get('ghost')).toBeUndefined()
  expect(totalUsage(state)).toBeUndefined()
})

test('a table shares what did not change', () => {
  const table = StepTable.of(Array.from({ length: 1000 }, (_, n) => ({ id: `s${n}`, n })))
  const next = table.with({ id: 's777', n: -1 })
  expect([table.get('s777')?.n, next.get('s777')?.n, next.get('s0')?.n]).toEqual([777, -1, 0])
  expect(next.with({ id: 'unknown', n: 0 })).toBe(next)
  expect(next.values()).toHaveLength(1000)
})

const part = (id: string, parent: string | undefined, n = 0) => ({ id, parent, n })

test('a table knows the parts of a step, whatever has become of it since', () => {
  const partsOf = (table: StepTable<ReturnType<typeof part>>, id: string) =>
    table.partsOf(id).map((found) => `${found.id}:${found.n}`)
  const table = StepTable.of([part('a', undefined), part('a/1', 'a'), part('b', undefined)])
  expect(partsOf(table, 'a')).toEqual(['a/1:0'])
  const later = table.with(part('a/1', 'a', 7)).adding([part('a/2', 'a')])
  expect(partsOf(later, 'a')).toEqual(['a/1:7', 'a/2:0'])
  const moved = later.with(part('a/2', 'b'))
  expect([partsOf(moved, 'a'), partsOf(moved, 'b')]).toEqual([['a/1:7'], ['a/2:0']])
  // The tables that it came from stay as they were.
  expect([partsOf(table, 'a'), partsOf(later, 'b')]).toEqual([['a/1:0'], []])
})

function runs(step: string): readonly NewRunEvent[] {
  const begun: NewRunEvent = { type: 'step-started', step, attempt: 1, tree: 't', inputs: [] }
  const made = { artifacts: [artifact], message: 'Done', durationMs: 5, usage: usage(30) }
  return [begun, { type: 'step-succeeded', step, attempt: 1, ...made }]
}

function adds(step: string, ...ids: readonly string[]): NewRunEvent {
  const steps = ids.map((id) => ({ id, role: 'navigator', dependencies: [] }))
  return { type: 'steps-added', step, steps }
}

test('a step that is tried again starts with nothing of its parts, and of theirs, but what they cost', () => {
  const first = [begin(1), adds('a', 'a/1', 'a/2'), ...runs('a/1'), ...runs('b')]
  const second = [begin(2), adds('a', 'a/1', 'a/2'), ...runs('a/1')]
  const inner = [adds('a/1', 'a/1/x'), ...runs('a/1/x')]
  const state = fold(record(started('a', 'b'), ...first, ...second, ...inner, begin(3)))
  const statuses = state.steps.values().map(({ id, status }) => `${id} ${status}`)
  expect(statuses).toEqual([
    'a running',
    'b succeeded',
    'a/1 pending',
    'a/2 pending',
    'a/1/x pending',
  ])
  expect(state.steps.get('a/1')).toMatchObject({ attempt: 0, artifacts: [], usage: usage(60) })
  expect(totalUsage(state)).toEqual(usage(120))
})
