import type { NewRunEvent, RunEvent } from '../events.ts'
import type { Journal } from '../ports.ts'
import { EMPTY_STATE, foldEvent } from './state.ts'
import type { RunState } from './state.ts'

/**
 * The one way to record something: durable first, then folded into the state, then told. Several
 * events under one call share one fsync.
 */
export class RunLog {
  readonly #journal: Journal
  readonly #onEvent: (event: RunEvent) => void
  #state: RunState

  constructor(journal: Journal, onEvent: (event: RunEvent) => void, state: RunState = EMPTY_STATE) {
    this.#journal = journal
    this.#onEvent = onEvent
    this.#state = state
  }

  get state(): RunState {
    return this.#state
  }

  append(event: NewRunEvent): RunEvent {
    const stored = this.#journal.append(event)
    this.#tell(stored)
    return stored
  }

  appendAll(events: readonly NewRunEvent[]): void {
    for (const stored of this.#journal.appendAll(events)) this.#tell(stored)
  }

  #tell(event: RunEvent): void {
    this.#state = foldEvent(this.#state, event)
    this.#onEvent(event)
  }
}
