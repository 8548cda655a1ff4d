import type { RunEvent } from '@wave/core'
import { escapeJson } from '../sanitise.ts'
import type { Renderer, Sink } from './renderer.ts'

/** NDJSON: every event of the journal, with the run's id, and nothing else. */
export class JsonRenderer implements Renderer {
  readonly #out: Sink
  #run = ''

  constructor(out: Sink) {
    this.#out = out
  }

  show(event: RunEvent): void {
    if (event.type === 'run-started') this.#run = event.run
    this.#out.write(`${escapeJson(JSON.stringify({ ...event, run: this.#run }))}\n`)
  }

  recall(events: readonly RunEvent[]): void {
    for (const event of events) if (event.type === 'run-started') this.#run = event.run
  }

  [Symbol.dispose](): void {}
}
