import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type NewRunEvent, openRunFolder, type StepFailure, systemClock } from '@wave/core'
import { expect, test } from 'vitest'
import { RunSummary } from './render/summary.ts'
import { readRunPatches } from './run-patches.ts'
import { finished, succeeded } from './testing/run-events.ts'

test('patches of items are handed over in item order, those of other steps as these ended', () => {
  const script: readonly Scripted[] = [
    ...running('late', 'each'),
    adds('each', 'each[1]', 'each[2]', 'each[10]'),
    ...running('each[1]', 'each[2]', 'each[10]'),
    changes('each[10]'),
    changes('each[2]'),
    changes('each[1]'),
    ends('each'),
    changes('late'),
  ]
  expect(record(script)).toEqual({
    steps: ['each[1]', 'each[2]', 'each[10]', 'late'],
    counted: 4,
  })
})

test('steps in an item stand where their item does', () => {
  const script: readonly Scripted[] = [
    ...running('each'),
    adds('each', 'each[1]', 'each[2]'),
    ...running('each[1]', 'each[2]'),
    adds('each[2]', 'each[2]/one', 'each[2]/two'),
    adds('each[1]', 'each[1]/one'),
    ...running('each[2]/one', 'each[2]/two', 'each[1]/one'),
    changes('each[2]/two'),
    changes('each[2]/one'),
    changes('each[1]/one'),
    ends('each[2]'),
    ends('each[1]'),
    ends('each'),
  ]
  expect(record(script).steps).toEqual(['each[1]/one', 'each[2]/two', 'each[2]/one'])
})

test('what is part of a step that did not complete is not handed over', () => {
  const script: readonly Scripted[] = [
    ...running('fine', 'each'),
    changes('fine'),
    adds('each', 'each[1]', 'each[2]'),
    ...running('each[1]', 'each[2]'),
    adds('each[1]', 'each[1]/one'),
    ...running('each[1]/one'),
    changes('each[1]/one'),
    ends('each[1]'),
    fails('each[2]'),
    fails('each'),
  ]
  expect(record(script)).toEqual({ steps: ['fine'], counted: 1 })
})

test('of a loop that was tried again only what the last attempt changed is handed over', () => {
  const script: readonly Scripted[] = [
    ...running('loop'),
    adds('loop', 'one#1', 'one#2'),
    ...running('one#1', 'one#2'),
    changes('one#1'),
    changes('one#2'),
    fails('loop', true),
    { type: 'step-started', step: 'loop', attempt: 2, tree: '', inputs: [] },
    adds('loop', 'one#1'),
    ...running('one#1'),
    changes('one#1'),
    ends('loop'),
  ]
  expect(record(script)).toEqual({ steps: ['one#1'], counted: 1 })
})

test('a run in which every change was part of what failed changed nothing', () => {
  const script: readonly Scripted[] = [
    ...running('each'),
    adds('each', 'each[1]'),
    ...running('each[1]'),
    changes('each[1]'),
    fails('each'),
  ]
  expect(() => record(script)).toThrow('changed nothing')
})

type Scripted = NewRunEvent | { readonly changed: string }

const changes = (step: string): Scripted => ({ changed: step })
const ends = (step: string): NewRunEvent => succeeded(step, 1, undefined, '')
const header = (id: string) => ({ id, role: 'command', dependencies: [] })

function running(...steps: readonly string[]): readonly NewRunEvent[] {
  return steps.map((step) => ({ type: 'step-started', step, attempt: 1, tree: '', inputs: [] }))
}

function adds(step: string, ...parts: readonly string[]): NewRunEvent {
  return { type: 'steps-added', step, steps: parts.map(header) }
}

function fails(step: string, willRetry = false): NewRunEvent {
  const failure: StepFailure = { reason: 'items-failed', failed: 1, items: 2 }
  const end = { attempt: 1, failure, willRetry, durationMs: 1, usage: undefined }
  return { type: 'step-failed', step, ...end }
}

/** Whose patches are read from the journal of such a run, and how many files its summary counts. */
function record(script: readonly Scripted[]): { steps: unknown; counted: number } {
  const runs = mkdtempSync(join(tmpdir(), 'wave-'))
  const summary = new RunSummary()
  try {
    using folder = openRunFolder(runs, 'run-1', systemClock)
    const append = (event: NewRunEvent): void => summary.watch(folder.journal.append(event))
    append(startOf(script))
    for (const event of script) {
      if (!('changed' in event)) append(event)
      else {
        const patch = { ...folder.store.put(Buffer.from(event.changed)), ...CHANGED }
        append({ ...succeeded(event.changed, 1, undefined, ''), patch })
      }
    }
    const lines = summary.lines(FINISHED)
    const { patches, base } = readRunPatches(folder.directory)
    expect(base).toBe('base')
    expect(patches.map(({ text }) => Buffer.from(text).toString())).toEqual(
      patches.map(({ step }) => step),
    )
    const counted = Number(/^Changes: (\d+) file/m.exec(lines.join('\n'))?.[1] ?? 0)
    return { steps: patches.map(({ step }) => step), counted }
  } finally {
    rmSync(runs, { recursive: true })
  }
}

const CHANGED = { baseTree: '', tree: '', files: 1, added: 1, deleted: 0 }
const STAMP = { seq: 0, prev: '', v: 1, at: '' } as const
const FINISHED = { ...finished('completed', { exitCode: 0 }), ...STAMP }

/** The steps that nothing adds are those of the pipeline. */
function startOf(script: readonly Scripted[]): NewRunEvent {
  const parts = script.flatMap((event) =>
    'type' in event && event.type === 'steps-added' ? event.steps : [],
  )
  const added = new Set(parts.map(({ id }) => id))
  const all = script.flatMap((event) => ('step' in event ? [event.step] : []))
  const own = new Set(all.filter((step) => !added.has(step)))
  return {
    type: 'run-started',
    run: 'run-1',
    pipeline: { name: 'p', file: '', digest: '' },
    steps: Array.from(own, header),
    mode: 'model',
    input: { digest: '00', sizeBytes: 1 },
    projectDigest: '',
    snapshot: { tree: 'base', head: undefined, dirty: false, files: 0, dropped: [] },
    sandbox: { kind: 'none' },
    models: {},
    limits: { minutes: 60, concurrency: 4, usd: undefined, tokens: undefined },
    waveVersion: '0.0.0',
  }
}
