import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NewRunEvent } from '../../events.ts'
import { isEvent } from './event-shape.ts'
import { glanceAtEvents } from './glance-at-events.ts'
import { journalPath } from './journal.ts'
import { JournalTail } from './journal-tail.ts'
import { takeLock } from './lock.ts'
import { encodeRecord, FIRST_PREV } from './record.ts'
import { readRunEvents } from './run-events.ts'
import { glanceAtRun } from './run-glance.ts'
import { findRun, listRuns } from './run-list.ts'
import { StoredBytes } from './stored-bytes.ts'
import { artifactRef, FileArtifactStore } from '../../artifact/store.ts'

let runs: string
let directory: string
beforeEach(() => {
  runs = mkdtempSync(join(tmpdir(), 'wave-glance-'))
  directory = join(runs, 'r1')
  mkdirSync(directory)
})
afterEach(() => rmSync(runs, { recursive: true }))

const ref = { digest: 'a'.repeat(64), sizeBytes: 1 }
const usage = { input: 2, output: 1, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, reasoning: 0 }
const STARTED: NewRunEvent = {
  type: 'run-started',
  run: 'r1',
  pipeline: { name: 'ask', file: 'ask.yaml', digest: 'd' },
  steps: ['one', 'two', 'three'].map((id) => ({ id, role: 'auditor', dependencies: [] })),
  mode: 'model',
  input: ref,
  projectDigest: 'd',
  snapshot: { tree: 't', head: undefined, dirty: false, files: 0, dropped: [] },
  sandbox: { kind: 'none' },
  models: {},
  limits: { minutes: 60, concurrency: 4, usd: undefined, tokens: undefined },
  waveVersion: '0.0.0',
}
const ENDED = { durationMs: 1000, usage } as const
const STEPS: readonly NewRunEvent[] = [
  { type: 'step-started', step: 'one', attempt: 1, tree: 't', inputs: [] },
  {
    type: 'step-failed',
    step: 'one',
    attempt: 1,
    failure: { reason: 'stuck', pattern: 'the same' },
    willRetry: true,
    ...ENDED,
  },
  { type: 'step-started', step: 'one', attempt: 2, tree: 't', inputs: [] },
  { type: 'model-response', step: 'one', key: 'k', stop: 'end', usage, costUsd: 0.5, reply: ref },
  { type: 'step-succeeded', step: 'one', attempt: 2, artifacts: [], message: 'Done', ...ENDED },
  { type: 'step-skipped', step: 'two', because: 'its condition is false' },
  { type: 'step-skipped', step: 'three', because: 'four did not complete' },
]
const FINISHED: NewRunEvent = {
  type: 'run-finished',
  outcome: 'partial',
  exitCode: 3,
  verdict: 'likely',
  costUsd: 0.5,
  delivered: [],
  ...ENDED,
}
const GLANCE = {
  run: 'r1',
  condition: 'partial',
  pipeline: 'ask',
  mode: 'model',
  startedAt: '2026-02-04T10:00:00.000Z',
  durationMs: 1000,
  steps: { done: 2, total: 3 },
  usage,
  costUsd: 0.5,
  verdict: 'likely',
  exitCode: 3,
}
const NOW_MS = Date.parse('2026-02-04T10:01:00.000Z')

/** One second apart. */
function encode(events: readonly NewRunEvent[]): Buffer {
  let prev = FIRST_PREV
  const lines = events.map((event, seq) => {
    const at = new Date(Date.UTC(2026, 1, 4, 10, 0, seq)).toISOString()
    const record = encodeRecord({ seq, prev, at }, event)
    prev = record.digest
    return record.line
  })
  return Buffer.concat(lines)
}

function write(bytes: Uint8Array): void {
  writeFileSync(journalPath(directory), bytes)
}

test('a run that has ended is told without reading all of it, as it is told out of all events', () => {
  write(encode([STARTED, ...STEPS, FINISHED]))
  expect(glanceAtRun(directory, NOW_MS)).toEqual(GLANCE)
  const { events } = readRunEvents(directory)
  expect({ run: 'r1', ...glanceAtEvents(events, undefined, NOW_MS) }).toEqual(GLANCE)
})

test('a run whose changes were applied is told as before, ended or cut off', () => {
  const about = { apply: 'a', kind: 'apply' } as const
  const started = { ...about, patches: [], files: 1, paths: [], accepted: [], leftOut: 0 }
  const applied: readonly NewRunEvent[] = [
    { type: 'apply-started', by: 'apply', waveVersion: '0', ...started },
    { type: 'apply-ended', ...about, end: 'done' },
  ]
  write(encode([STARTED, ...STEPS, FINISHED, ...applied]))
  expect(glanceAtRun(directory, NOW_MS)).toEqual(GLANCE)
  const { events } = readRunEvents(directory)
  expect({ run: 'r1', ...glanceAtEvents(events, undefined, NOW_MS) }).toEqual(GLANCE)
  write(encode([STARTED, ...STEPS, ...applied]))
  const cutOff = { condition: 'interrupted', durationMs: 7000 }
  expect(glanceAtRun(directory, NOW_MS)).toMatchObject(cutOff)
})

test('a run without an end is running while somebody holds its lock, else interrupted', () => {
  write(encode([STARTED, ...STEPS]))
  expect(glanceAtRun(directory, NOW_MS)).toMatchObject({
    condition: 'interrupted',
    durationMs: 7000,
  })
  using _ = takeLock(directory)
  const running = { condition: 'running', pid: process.pid, durationMs: 60_000, costUsd: 0.5 }
  expect(glanceAtRun(directory, NOW_MS)).toMatchObject(running)
})

test('a run that goes on is running again, with the time before counted and the pause not', () => {
  const resumed = { type: 'run-resumed', run: 'r1', waveVersion: '0', differences: [] } as const
  write(encode([STARTED, ...STEPS, FINISHED, resumed, STEPS[0] ?? FINISHED]))
  const glance = glanceAtRun(directory, NOW_MS)
  expect(glance).toMatchObject({ condition: 'interrupted', durationMs: 2000 })
  expect(glance.steps).toEqual({ done: 0, total: 3 })
})

test('DU-05 cut off anywhere, a run is told with what is whole, and nothing is changed', () => {
  const bytes = encode([STARTED, ...STEPS, FINISHED])
  for (let length = 0; length < bytes.length; length += 1) {
    write(bytes.subarray(0, length))
    expect(glanceAtRun(directory, NOW_MS).condition).toBe('interrupted')
    expect(listRuns(runs)).toEqual(['r1'])
  }
  write(bytes)
  expect(glanceAtRun(directory, NOW_MS)).toEqual(GLANCE)
})

test('a bit that flipped anywhere never shows as another figure: damaged, or cut off', () => {
  const bytes = encode([STARTED, ...STEPS, FINISHED])
  for (let at = 0; at < bytes.length; at += 1) {
    const flipped = Buffer.from(bytes)
    flipped[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
    write(flipped)
    expect(['damaged', 'interrupted']).toContain(glanceAtRun(directory, NOW_MS).condition)
  }
})

test('what is following a journal sees each record once, whatever pieces it comes in', () => {
  const bytes = encode([STARTED, ...STEPS, FINISHED])
  write(new Uint8Array())
  using tail = new JournalTail(directory)
  const seen: number[] = []
  for (let length = 1; length <= bytes.length; length += 7) {
    write(bytes.subarray(0, length))
    seen.push(...tail.read().map(({ seq }) => seq))
  }
  write(bytes)
  seen.push(...tail.read().map(({ seq }) => seq))
  expect(seen).toEqual([...Array(STEPS.length + 2).keys()])
  truncateSync(journalPath(directory), 10)
  expect(() => tail.read()).toThrow('become shorter')
})

test('a torn record that is cut off and written anew is read as what it became', () => {
  const [first, second] = [encode([STARTED, STEPS[0] ?? FINISHED]), encode([STARTED, FINISHED])]
  write(first.subarray(0, first.length - 20))
  using tail = new JournalTail(directory)
  expect(tail.read()).toHaveLength(1)
  write(second)
  expect(tail.read()).toMatchObject([{ type: 'run-finished' }])
})

test('links, pipes and folders that are no runs are not followed, opened or listed', () => {
  write(encode([STARTED]))
  mkdirSync(join(runs, 'empty'))
  mkdirSync(join(runs, '-rf'))
  writeFileSync(join(runs, '-rf', 'journal.jsonl'), '')
  symlinkSync(directory, join(runs, 'z-link'))
  mkdirSync(join(runs, 'y-pipe'))
  execFileSync('mkfifo', [join(runs, 'y-pipe', 'journal.jsonl')])
  mkdirSync(join(runs, 'x-linked'))
  symlinkSync(journalPath(directory), join(runs, 'x-linked', 'journal.jsonl'))
  expect(listRuns(runs)).toEqual(['r1'])
  expect(findRun(runs, 'last')).toBe(directory)
  for (const name of ['z-link', 'y-pipe', 'x-linked', 'empty']) {
    expect(() => readRunEvents(join(runs, name))).toThrow('There is no journal')
  }
  execFileSync('mkfifo', [join(directory, 'lock')])
  expect(glanceAtRun(directory, NOW_MS).condition).toBe('interrupted')
})

const CALL_MADE = { type: 'model-request', step: 'one', turn: 1, key: 'k', model: 'm' }
const CALL_FAILED = { type: 'model-failed', step: 'one', key: 'k', class: 'cut-off', message: '' }

test.each([
  { ...CALL_MADE, reserved: { tokens: 9, usd: 1 } },
  { ...CALL_FAILED, estimated: { tokens: 9 } },
  // As older versions wrote them.
  CALL_MADE,
  CALL_FAILED,
])('what limits count for a call may stand in a journal: %o', (event) => {
  const stamp = { seq: 0, prev: '', v: 1, at: '2026-02-04T10:00:00.000Z' }
  expect(isEvent({ ...stamp, ...event })).toBe(true)
})

test.each<[string, object]>([
  ['no object where one belongs', { type: 'run-started', pipeline: 'x' }],
  ['a number for text', { ...STARTED, run: 7 }],
  ['steps that are no list', { ...STARTED, steps: { length: 2 } }],
  ['a step without an id', { ...STARTED, steps: [{ role: 'x', dependencies: [] }] }],
  ['a failure without its parts', { ...STEPS[1], failure: { reason: 'command-failed' } }],
  ['a failure with parts of another', { ...STEPS[1], failure: { reason: 'stuck', exitCode: 1 } }],
  ['a cost that is no number', { ...FINISHED, costUsd: 'free' }],
  ['an estimate without tokens', { ...CALL_FAILED, estimated: { usd: 1 } }],
  ['a reservation that is no amount', { ...CALL_MADE, reserved: 7 }],
  ['depth that exhausts a stack', { ...FINISHED, extra: nested(100) }],
])('a journal with %s is damaged, not a bug', (_, event) => {
  const stamp = { seq: 0, prev: '', v: 1, at: '2026-02-04T10:00:00.000Z' }
  expect(isEvent({ ...stamp, ...event })).toBe(false)
})

test('a journal of a stranger that is well-formed but no run is told as damaged', () => {
  write(encode([FINISHED, STARTED]))
  expect(glanceAtRun(directory, NOW_MS)).toMatchObject({ condition: 'damaged' })
  expect(() => readRunEvents(directory)).toThrow('record 0 is not what wave writes')
})

test('stored content is read as it was recorded, from below the folder of the run, or not at all', () => {
  const content = Buffer.from('a note')
  const stored = new FileArtifactStore(join(directory, 'store')).put(content)
  const store = new StoredBytes(directory)
  expect(Buffer.from(store.get(stored))).toEqual(content)
  const other = artifactRef(Buffer.from('other'))
  expect(() => store.get(other)).toThrow('is missing')
  expect(() => store.get({ ...stored, sizeBytes: 5 })).toThrow('was changed')
  expect(() => store.get({ digest: '../../../etc/passwd', sizeBytes: 1 })).toThrow(
    'no valid digest',
  )
  const shard = join(directory, 'store', other.digest.slice(0, 2))
  const elsewhere = join(runs, 'elsewhere')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, other.digest), 'other')
  symlinkSync(elsewhere, shard)
  expect(() => store.get(other)).toThrow('is missing')
})

test('a journal in which a step is a part of itself is refused', () => {
  write(encode([STARTED, parts('one', 'one/a'), parts('one/a', 'one/b')]))
  expect(readRunEvents(directory).events).toHaveLength(3)
  for (const circle of [[parts('one', 'one')], [parts('one', 'one/a'), parts('one/a', 'one')]]) {
    write(encode([STARTED, ...circle]))
    expect(() => readRunEvents(directory)).toThrow('a step is a part of itself')
  }
})

function parts(step: string, ...ids: readonly string[]): NewRunEvent {
  return {
    type: 'steps-added',
    step,
    steps: ids.map((id) => ({ id, role: 'auditor', dependencies: [] })),
  }
}

function nested(depth: number): unknown {
  return depth === 0 ? {} : { inner: nested(depth - 1) }
}
