import { artifactRef } from '../artifact/store.ts'
import { WaveError } from '../errors.ts'
import type { ArtifactRef, NewRunEvent, RunEvent } from '../events.ts'
import type { ArtifactStore, Clock, Journal } from '../ports.ts'
import { encodeRecord, FIRST_PREV } from '../run/journal/record.ts'
import type { EncodedRecord } from '../run/journal/record.ts'

/** A journal that keeps its events, encoded and chained like the real one. */
export class MemoryJournal implements Journal {
  readonly events: RunEvent[] = []
  /** Sizes of the groups that would have shared one fsync. */
  readonly groups: number[] = []
  readonly #clock: Clock
  #prev = FIRST_PREV

  readonly #capacity: number

  /**
   * `recovered` is what the journal held before, to which it adds. Once it holds `capacity` events it dies, like
   * a journal that cannot be written: what was on its way with the first that does not fit is kept up to it.
   */
  constructor(clock: Clock, recovered: readonly RunEvent[] = [], capacity = Infinity) {
    this.#clock = clock
    this.#capacity = capacity
    for (const event of recovered) this.#keep(encodeRecord(event, event))
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
    if (this.events.length >= this.#capacity) {
      throw new WaveError('journal-write-failed', 'The journal in memory takes nothing any more.')
    }
    const stamp = { seq: this.events.length, prev: this.#prev, at: this.#clock.nowUtc() }
    return this.#keep(encodeRecord(stamp, event))
  }

  #keep({ event, digest }: EncodedRecord): RunEvent {
    this.#prev = digest
    this.events.push(event)
    return event
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
    if (content === undefined) {
      throw new WaveError('journal-refused', `The stored artifact ${ref.digest} is missing.`)
    }
    return content
  }

  /** Loses what it holds, as a damaged disk would. */
  lose(ref: ArtifactRef): void {
    this.#contents.delete(ref.digest)
  }
}
