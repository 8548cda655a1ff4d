import type { RunEvent, StepHeader } from '@wave/core'
import { sanitiseLine } from '../sanitise.ts'
import type { Paint, Style } from './colour.ts'
import { clockOf, describeFailure, describeSkip } from './format.ts'
import type { Renderer, Sink } from './renderer.ts'
import { fieldLine, RunSummary, stepOfWarning, warningOf } from './summary.ts'
import { describeWaiting, isWaiting } from './waiting.ts'

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>

/** The run as a story: each step with what it waited for, what came out of it, and an empty line between. */
export class StepsRenderer implements Renderer {
  readonly #out: Sink
  readonly #paint: Paint
  readonly #headers = new Map<string, StepHeader>()
  readonly #summary: RunSummary
  /** Whether a step has been told: the next one stands apart from it. */
  #hasTold = false

  constructor(out: Sink, paint: Paint, applies = false) {
    this.#out = out
    this.#paint = paint
    this.#summary = new RunSummary(applies)
  }

  show(event: RunEvent): void {
    this.#summary.watch(event)
    if (event.type === 'run-started') {
      this.#learn(event.steps)
      this.#line(event, `Starting ${event.pipeline.name}`)
      if (event.mode === 'evidence') this.#print('  No language model used (evidence mode)')
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
    for (const step of steps) this.#headers.set(step.id, step)
  }

  #showStep(event: RunEvent): void {
    const warning = warningOf(event)
    if (warning !== undefined) {
      const step = stepOfWarning(event)
      const about = step === '' ? '' : `${step}: `
      this.#line(event, `! ${about}${warning}`, 'yellow')
    } else if (event.type === 'step-started') this.#stepStarted(event)
    else if (event.type === 'step-succeeded') {
      this.#line(event, `✓ ${event.message}`, 'green')
      for (const field of event.fields ?? []) this.#out.write(`${fieldLine(field)}\n`)
    } else if (event.type === 'step-failed') this.#stepFailed(event)
    else if (event.type === 'step-skipped') {
      this.#apart()
      this.#line(event, `- Skipped ${event.step}: ${describeSkip(event)}`, 'dim')
    } else if (isWaiting(event)) {
      this.#line(event, `… ${event.step} waits: ${describeWaiting(event)}`, 'yellow')
    } else if (event.type === 'step-reworking') {
      const because = event.because === undefined ? '' : `: ${event.because}`
      const what = `↻ ${event.by} repairs ${event.step} (round ${event.round})${because}`
      this.#line(event, what, 'yellow')
    }
  }

  #stepStarted(event: EventOf<'step-started'>): void {
    const { step, attempt } = event
    if (attempt > 1) {
      this.#line(event, `↻ Trying ${step} again (attempt ${attempt})`, 'yellow')
      return
    }
    this.#apart()
    const waitedFor = this.#headers.get(step)?.dependencies ?? []
    if (waitedFor.length > 0) {
      this.#line(event, `Step: ${step} (waiting for ${waitedFor.join(', ')})`)
      this.#line(event, `→ Starting ${step}`, 'cyan')
    } else {
      const isNeeded = [...this.#headers.values()].some((one) => one.dependencies.includes(step))
      this.#line(event, `Step: ${step}${isNeeded ? ' (MUST complete first)' : ''}`)
    }
  }

  #stepFailed(event: EventOf<'step-failed'>): void {
    const { step, failure } = event
    const isCancelled = failure.reason === 'cancelled'
    const end = isCancelled ? 'was cancelled' : `failed: ${describeFailure(failure)}`
    this.#line(event, `✗ ${step} ${end}`, 'red')
  }

  #finish(event: EventOf<'run-finished'>): void {
    const { outcome } = event
    const seconds = Math.round(event.durationMs / 1000)
    const took = `(${seconds} ${seconds === 1 ? 'second' : 'seconds'})`
    this.#apart()
    if (outcome === 'completed') this.#line(event, `✓ Workflow complete ${took}`, 'green')
    else if (outcome === 'partial') this.#line(event, `! Workflow partial ${took}`, 'yellow')
    else if (outcome === 'suspended') this.#line(event, `… Workflow suspended ${took}`, 'yellow')
    else this.#line(event, `✗ Workflow ${outcome} ${took}`, 'red')
    for (const line of this.#summary.lines(event)) this.#print(`  ${line}`)
  }

  #apart(): void {
    if (this.#hasTold) this.#print('')
    this.#hasTold = true
  }

  #line(event: { readonly at: string }, text: string, style?: Style): void {
    const line = sanitiseLine(text)
    this.#print(`[${clockOf(event.at)}] ${style === undefined ? line : this.#paint(style, line)}`)
  }

  /** Takes text that is clean already: colours are sequences, too. */
  #print(line: string): void {
    this.#out.write(`${line}\n`)
  }
}
