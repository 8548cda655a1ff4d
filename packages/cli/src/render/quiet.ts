import type { RunEvent } from '@wave/core'
import { sanitiseLine } from '../sanitise.ts'
import type { Renderer, Sink } from './renderer.ts'

/** One line at the end: the run's id and its outcome. */
export class QuietRenderer implements Renderer {
  readonly #out: Sink
  #run = ''

  constructor(out: Sink) {
    this.#out = out
  }

  show(event: RunEvent): void {
    if (event.type === 'run-started') this.#run = event.run
    if (event.type === 'run-finished') {
      this.#out.write(`${sanitiseLine(`${this.#run} ${event.outcome}`)}\n`)
    }
  }

  recall(events: readonly RunEvent[]): void {
    for (const event of events) if (event.type === 'run-started') this.#run = event.run
  }

  [Symbol.dispose](): void {}
}
