import { artifactRef } from '../artifact/store.ts'
import type { ArtifactRef, NewRunEvent, RunEvent } from '../events.ts'
import type { ArtifactStore, Clock, Journal } from '../ports.ts'
import { encodeRecord, FIRST_PREV } from '../run/journal/record.ts'

/** A journal that keeps its events, encoded and chained like the real one. */
export class MemoryJournal implements Journal {
  readonly events: RunEvent[] = []
  /** Sizes of the groups that would have shared one fsync. */
  readonly groups: number[] = []
  readonly #clock: Clock
  #prev = FIRST_PREV

  constructor(clock: Clock) {
    this.#clock = clock
  }

  append(event: NewRunEvent): RunEvent {
    this.groups.push(1)
    return this.#add(event)
  }

  appendAll(events: readonly NewRunEvent[]): readonly RunEvent[] {
    if (events.length > 0) this.groups.push(events.length)
    return events.map((event) => this.#add(event))
  }

  [Symbol.dispose](): void {}

  #add(event: NewRunEvent): RunEvent {
    const stamp = { seq: this.events.length, prev: this.#prev, at: this.#clock.nowUtc() }
    const record = encodeRecord(stamp, event)
    this.#prev = record.digest
    this.events.push(record.event)
    return record.event
  }
}

/** Keeps the bytes in memory. */
export class MemoryArtifactStore implements ArtifactStore {
  readonly #contents = new Map<string, Uint8Array>()

  put(content: Uint8Array): ArtifactRef {
    const ref = artifactRef(content)
    this.#contents.set(ref.digest, Uint8Array.from(content))
    return ref
  }

  get(ref: ArtifactRef): Uint8Array {
    const content = this.#contents.get(ref.digest)
    if (content === undefined) throw new Error(`Internal error: nothing is stored at ${ref.digest}`)
    return content
  }
}
