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
  readonly #waiting = new WeakMap<NewRunEvent, () => void>()
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
    this.#waiting.get(event)?.()
    return stored
  }

  appendAll(events: readonly NewRunEvent[]): void {
    for (const stored of this.#journal.appendAll(events)) this.#tell(stored)
    for (const event of events) this.#waiting.get(event)?.()
  }

  /** Calls back when this very event, which is yet to be appended, is durable. */
  onceRecorded(event: NewRunEvent, callback: () => void): void {
    this.#waiting.set(event, callback)
  }

  #tell(event: RunEvent): void {
    this.#state = foldEvent(this.#state, event)
    this.#onEvent(event)
  }
}
