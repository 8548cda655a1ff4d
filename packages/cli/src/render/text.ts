import type { RunEvent, StepHeader } from '@wave/core'
import { sanitiseLine } from '../sanitise.ts'
import type { Paint, Style } from './colour.ts'
import {
  completedLine,
  describeFailure,
  describeSkip,
  formatSeconds,
  startedLine,
  type Line,
} from './format.ts'
import type { Renderer, Sink } from './renderer.ts'
import { fieldLine, RunSummary, stepOfWarning, warningOf } from './summary.ts'
import { describeWaiting, isWaiting } from './waiting.ts'

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>

/** Progress lines, one per event that matters to a person, and the summary at the end. */
export class TextRenderer implements Renderer {
  readonly #out: Sink
  readonly #paint: Paint
  readonly #roles = new Map<string, string>()
  readonly #summary: RunSummary

  constructor(out: Sink, paint: Paint, applies = false) {
    this.#out = out
    this.#paint = paint
    this.#summary = new RunSummary(applies)
  }

  show(event: RunEvent): void {
    this.#summary.watch(event)
    if (event.type === 'run-started') {
      this.#learn(event.steps)
      if (event.mode === 'evidence') this.#print('No language model used (evidence mode)')
    } else if (event.type === 'run-finished') this.#finish(event)
    else if (event.type === 'steps-added') this.#learn(event.steps)
    else this.#showStep(event)
  }

  recall(events: readonly RunEvent[]): void {
    for (const event of events) {
      this.#summary.watch(event)
      if (event.type === 'run-started' || event.type === 'steps-added') this.#learn(event.steps)
    }
  }

  [Symbol.dispose](): void {}

  #learn(steps: readonly StepHeader[]): void {
    for (const step of steps) this.#roles.set(step.id, step.role)
  }

  #showStep(event: RunEvent): void {
    const warning = warningOf(event)
    if (warning !== undefined) {
      const step = stepOfWarning(event)
      this.#started('warning', { at: event.at, step, message: warning })
    } else if (event.type === 'step-started') this.#stepStarted(event)
    else if (event.type === 'step-succeeded') this.#stepSucceeded(event)
    else if (event.type === 'step-failed') this.#stepFailed(event)
    else if (event.type === 'step-skipped') {
      this.#ended('skipped', { ...event, usage: undefined, message: describeSkip(event) })
    } else if (isWaiting(event))
      this.#started('waiting', { ...event, message: describeWaiting(event) })
    else if (event.type === 'step-reworking') {
      const because = event.because === undefined ? '' : `: ${event.because}`
      const message = `${event.by} repairs it, round ${event.round}${because}`
      this.#started('reworking', { ...event, message })
    }
  }

  #stepStarted(event: EventOf<'step-started'>): void {
    const again = event.attempt > 1
    const message = again ? `attempt ${event.attempt}` : 'Starting step'
    this.#started(again ? 'retrying' : 'started', { ...event, message })
  }

  #stepSucceeded(event: EventOf<'step-succeeded'>): void {
    this.#ended('completed', event)
    for (const field of event.fields ?? []) this.#out.write(`${fieldLine(field)}\n`)
  }

  #stepFailed(event: EventOf<'step-failed'>): void {
    const cancelled = event.failure.reason === 'cancelled'
    this.#ended(cancelled ? 'cancelled' : 'failed', {
      ...event,
      message: cancelled ? 'cancelled' : describeFailure(event.failure),
    })
  }

  #started(state: string, event: { at: string; step: string; message: string }): void {
    this.#line(startedLine({ ...this.#about(event), state, message: event.message }))
  }

  #ended(state: string, event: StepEnd): void {
    const { durationMs, usage, message } = event
    this.#line(completedLine({ ...this.#about(event), state, durationMs, usage, message }))
  }

  #finish(event: EventOf<'run-finished'>): void {
    const { outcome } = event
    const { pipeline } = this.#summary
    this.#print('')
    this.#print(
      `Pipeline ${pipeline} ${outcome} in ${formatSeconds(event.durationMs)}`,
      outcome === 'completed' ? 'green' : NOT_BAD.has(outcome) ? 'yellow' : 'red',
    )
    for (const line of this.#summary.lines(event)) this.#print(line)
  }

  #about(event: { readonly at: string; readonly step: string }): {
    at: string
    step: string
    role: string
  } {
    return { at: event.at, step: event.step, role: this.#roles.get(event.step) ?? 'wave' }
  }

  #line(line: Line): void {
    const state = line.state.trimEnd()
    const painted =
      this.#paint(STYLES[state] ?? 'dim', state) + ' '.repeat(line.state.length - state.length)
    this.#out.write(`[${line.clock}] ${painted} ${line.rest}\n`)
  }

  #print(text: string, style?: Style): void {
    const line = sanitiseLine(text)
    this.#out.write(`${style === undefined ? line : this.#paint(style, line)}\n`)
  }
}

interface StepEnd {
  readonly at: string
  readonly step: string
  readonly durationMs?: number | undefined
  readonly usage: EventOf<'step-failed'>['usage']
  readonly message: string
}

const NOT_BAD: ReadonlySet<string> = new Set(['partial', 'suspended'])

const STYLES: Readonly<Record<string, Style>> = {
  started: 'cyan',
  completed: 'green',
  failed: 'red',
  cancelled: 'red',
  skipped: 'dim',
  retrying: 'yellow',
  reworking: 'yellow',
  waiting: 'yellow',
  warning: 'yellow',
}
