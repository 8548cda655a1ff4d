import type { RunEvent, StepFailure } from '@wave/core'
import { escapeName, sanitiseLine } from '../sanitise.ts'
import type { Paint, Style } from './colour.ts'
import { completedLine, describeFailure, formatSeconds, startedLine, type Line } from './format.ts'
import type { Renderer, Sink } from './renderer.ts'

type Finished = Extract<RunEvent, { type: 'run-finished' }>

/** Progress lines, one per event that matters to a person, and the summary at the end. */
export class TextRenderer implements Renderer {
  readonly #out: Sink
  readonly #paint: Paint
  readonly #roles = new Map<string, string>()
  readonly #changes = { files: 0, added: 0, deleted: 0 }
  #run = ''
  #pipeline = ''
  #warnings = 0
  #failed: { step: string; failure: StepFailure } | undefined

  constructor(out: Sink, paint: Paint) {
    this.#out = out
    this.#paint = paint
  }

  show(event: RunEvent): void {
    if (event.type === 'run-started') this.#runStarted(event)
    else if (event.type === 'run-finished') this.#summary(event)
    else if (event.type === 'warning') this.#warning(event, event.message)
    else if (event.type === 'limit-warning') {
      this.#warning(event, `${Math.round(event.share * 100)} % of ${event.limit} used`)
    } else this.#showStep(event)
  }

  #showStep(event: RunEvent): void {
    if (event.type === 'step-started') this.#stepStarted(event)
    if (event.type === 'step-succeeded') this.#stepSucceeded(event)
    if (event.type === 'step-failed') this.#stepFailed(event)
    if (event.type === 'step-skipped') {
      this.#ended('skipped', { ...event, usage: undefined, message: event.because })
    }
  }

  [Symbol.dispose](): void {}

  #runStarted(event: Extract<RunEvent, { type: 'run-started' }>): void {
    this.#run = event.run
    this.#pipeline = event.pipeline.name
    for (const step of event.steps) this.#roles.set(step.id, step.role)
    if (event.mode === 'evidence') this.#print('No language model used (evidence mode)')
  }

  #stepStarted(event: Extract<RunEvent, { type: 'step-started' }>): void {
    const again = event.attempt > 1
    const message = again ? `attempt ${event.attempt}` : 'Starting step'
    this.#line(
      startedLine({ ...this.#about(event), state: again ? 'retrying' : 'started', message }),
    )
  }

  #stepSucceeded(event: Extract<RunEvent, { type: 'step-succeeded' }>): void {
    if (event.patch !== undefined) {
      this.#changes.files += event.patch.files
      this.#changes.added += event.patch.added
      this.#changes.deleted += event.patch.deleted
    }
    this.#ended('completed', event)
  }

  #stepFailed(event: Extract<RunEvent, { type: 'step-failed' }>): void {
    const cancelled = event.failure.reason === 'cancelled'
    if (!event.willRetry && !cancelled) this.#failed ??= event
    this.#ended(cancelled ? 'cancelled' : 'failed', {
      ...event,
      message: cancelled ? 'cancelled' : describeFailure(event.failure),
    })
  }

  #ended(state: string, event: StepEnd): void {
    const { durationMs, usage, message } = event
    this.#line(completedLine({ ...this.#about(event), state, durationMs, usage, message }))
  }

  #warning(event: { at: string; step: string }, message: string): void {
    this.#warnings += 1
    this.#line(startedLine({ ...this.#about(event), state: 'warning', message }))
  }

  #summary(event: Finished): void {
    const good = event.outcome === 'completed'
    const headline = `Pipeline ${this.#pipeline} ${event.outcome} in ${formatSeconds(event.durationMs)}`
    this.#print('')
    this.#print(headline, good ? 'green' : event.outcome === 'partial' ? 'yellow' : 'red')
    const artifacts = event.delivered
      .filter((file) => file.leaf)
      .map((file) => escapeName(file.path))
    if (artifacts.length > 0) this.#print(`Artifacts: ${artifacts.join(', ')}`)
    if (event.verdict !== undefined) this.#print(`Verdict: ${event.verdict}`)
    const { files, added, deleted } = this.#changes
    if (files > 0) {
      const count = `${files} ${files === 1 ? 'file' : 'files'} (+${added} -${deleted})`
      this.#print(`Changes: ${count}; apply with: wave apply ${this.#run}`)
    }
    if (this.#warnings > 0) this.#print(`Warnings: ${this.#warnings}`)
    this.#failure()
    if (!good && event.outcome !== 'partial') this.#print(`Next: see .wave/runs/${this.#run}/`)
  }

  #failure(): void {
    if (this.#failed === undefined) return
    const { step, failure } = this.#failed
    this.#print(`Step ${step} failed: ${describeFailure(failure)}`)
    if (failure.reason === 'artifact-invalid' || failure.reason === 'contract-failed') {
      for (const problem of failure.problems) this.#print(`  ${problem}`)
    }
    if (failure.reason === 'environment' && failure.hint) this.#print(`  hint: ${failure.hint}`)
  }

  #about(event: { readonly at: string; readonly step: string }): {
    at: string
    step: string
    role: string
  } {
    return { at: event.at, step: event.step, role: this.#roles.get(event.step) ?? 'unknown' }
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
  readonly usage: Extract<RunEvent, { type: 'step-failed' }>['usage']
  readonly message: string
}

const STYLES: Readonly<Record<string, Style>> = {
  started: 'cyan',
  completed: 'green',
  failed: 'red',
  cancelled: 'red',
  skipped: 'dim',
  retrying: 'yellow',
  warning: 'yellow',
}
