import type { Clock, NewRunEvent, RunEvent, RunOutcome, StepFailure } from '@wave/core'
import { ManualClock } from '@wave/core/testing'
import { describe, expect, test } from 'vitest'
import { DANGEROUS, TERMINAL_ATTACKS } from '../../../../test/support/terminal-attacks.ts'
import { sanitiseText } from '../sanitise.ts'
import { EVERY_EVENT, EVERY_FAILURE } from '../testing/every-event.ts'
import type { Paint } from './colour.ts'
import { JsonRenderer } from './json.ts'
import { Heartbeat, LiveRenderer } from './live.ts'
import { QuietRenderer } from './quiet.ts'
import type { Renderer, Sink } from './renderer.ts'
import { StepsRenderer } from './steps.ts'
import { TextRenderer } from './text.ts'

const plain: Paint = (_, text) => text

const RENDERERS: Record<string, (out: Sink, clock: Clock) => Renderer> = {
  text: (out) => new TextRenderer(out, plain),
  steps: (out) => new StepsRenderer(out, plain, true),
  json: (out) => new JsonRenderer(out),
  quiet: (out) => new QuietRenderer(out),
  live: (out, clock) => {
    const draw = (text: string): void => out.write(`${text}\n`)
    const block = Object.assign(draw, { clear: () => {} })
    return new LiveRenderer(new TextRenderer(out, plain), block, clock)
  },
  heartbeat: (out, clock) =>
    new Heartbeat(new TextRenderer(out, plain), (line) => out.write(line), clock),
}

/** What decides how an event is read, and what the engine alone writes. */
const KINDS = new Set(['type', 'reason'])

/** The value once for each text in it, with that text replaced: also keys that are names. */
function variants(value: unknown, attack: string, key = ''): readonly unknown[] {
  if (typeof value === 'string') return KINDS.has(key) ? [] : [`${value}${attack}`]
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) =>
      variants(item, attack).map((changed) => value.with(index, changed)),
    )
  }
  if (typeof value !== 'object' || value === null) return []
  const named = ['values', 'models', 'images'].includes(key)
  return Object.entries(value).flatMap(([name, part]) => {
    const changed = variants(part, attack, name)
    const texts = changed.map((other) => Object.assign({}, value, { [name]: other }))
    return named ? texts.concat({ [`${name}${attack}`]: part }) : texts
  })
}

function isEvent(value: unknown): value is NewRunEvent {
  return typeof value === 'object' && value !== null && 'type' in value
}

function stamped(event: NewRunEvent): RunEvent {
  return { seq: 0, prev: '', v: 1, at: '2026-02-04T10:00:00.000Z', ...event }
}

/** What the renderer writes of a run in which these events happen. */
async function written(name: string, events: readonly NewRunEvent[]): Promise<string> {
  const parts: string[] = []
  const out: Sink = { write: (text) => void parts.push(text), isTerminal: true, columns: 80 }
  const clock = new ManualClock()
  using renderer = RENDERERS[name]?.(out, clock)
  for (const event of events) renderer?.show(stamped(event))
  await clock.advance(31_000)
  return parts.join('')
}

const START = EVERY_EVENT['run-started']
const BEGUN = EVERY_EVENT['step-started']
const SAMPLES: readonly NewRunEvent[] = [
  ...Object.values(EVERY_EVENT),
  ...Object.values(EVERY_FAILURE).map(failingBy),
]

function failingBy(failure: StepFailure): NewRunEvent {
  return { ...EVERY_EVENT['step-failed'], failure }
}

function endingIn(outcome: RunOutcome): NewRunEvent {
  return { ...EVERY_EVENT['run-finished'], outcome }
}

/** Whatever is remembered of an event is told at the end, in words that depend on the outcome. */
function runWith(event: NewRunEvent): readonly NewRunEvent[] {
  const begin = event.type === 'run-started' ? [event, BEGUN] : [START, BEGUN, event]
  if (event.type === 'run-finished') return begin
  const outcomes = ['completed', 'partial', 'failed', 'suspended'] as const
  return [...begin, ...outcomes.map(endingIn)]
}

/** Every sample with an attack in each of its texts, one at a time. */
function hostileEvents(attack: string): readonly NewRunEvent[] {
  return SAMPLES.flatMap((sample) => variants(sample, attack)).filter(isEvent)
}

describe('UI-01 no text of any event does anything to the terminal', () => {
  test.each(Object.keys(RENDERERS))('shown as %s', async (renderer) => {
    const attacks = Object.entries(TERMINAL_ATTACKS)
    const runs = attacks.flatMap(([kind, attack]) =>
      hostileEvents(attack).map((event) => ({ kind, event })),
    )
    expect(runs.length).toBeGreaterThan(1500)
    const leaks: object[] = []
    for (const { kind, event } of runs) {
      // oxlint-disable-next-line no-await-in-loop -- thousands of small runs
      const text = await written(renderer, runWith(event))
      const isStable = renderer === 'json' || sanitiseText(text) === text
      if (DANGEROUS.test(text) || !isStable) leaks.push({ kind, event, text })
    }
    expect(leaks.slice(0, 3)).toEqual([])
  })

  test('the JSON holds each text as it was', async () => {
    for (const attack of Object.values(TERMINAL_ATTACKS)) {
      const event = { ...EVERY_EVENT.warning, message: attack }
      // oxlint-disable-next-line no-await-in-loop -- a few
      const lines = (await written('json', [START, event])).trimEnd().split('\n')
      expect(JSON.parse(lines[1] ?? '')).toMatchObject({ message: attack })
    }
  })
})
