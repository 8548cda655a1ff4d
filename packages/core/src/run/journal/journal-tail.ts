import type { RunEvent } from '../../events.ts'
import { isEvent } from './event-shape.ts'
import type { PlainFile } from './plain-file.ts'
import { decodeRecord, LINE_FEED } from './record.ts'
import { checkJournal, malformed, openJournalFile, readWhole } from './run-events.ts'

/** Reads the journal of a run piece by piece while another process writes it. Changes nothing. */
export class JournalTail implements Disposable {
  readonly #directory: string
  readonly #file: PlainFile
  #offset = 0
  #seq = 0
  #digest = ''

  /** Throws `run-unknown`. */
  constructor(directory: string) {
    this.#directory = directory
    this.#file = openJournalFile(directory)
  }

  /** What has been recorded since the last call: all of it the first time. Throws `journal-refused`. */
  read(): readonly RunEvent[] {
    if (this.#seq > 0) return this.#readOn()
    const { events, goodBytes, digest } = checkJournal(
      this.#directory,
      readWhole(this.#directory, this.#file),
    )
    this.#advance(goodBytes, events.length, digest)
    return events
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]()
  }

  /** From the last whole record on: a torn one may have been cut off and written anew since. */
  #readOn(): readonly RunEvent[] {
    const length = this.#file.sizeBytes() - this.#offset
    if (length < 0) throw malformed(this.#directory, 'it has become shorter')
    const bytes = this.#file.read(this.#offset, Math.min(length, MAX_PIECE_BYTES))
    const end = bytes.lastIndexOf(LINE_FEED)
    const events: RunEvent[] = []
    for (let at = 0; at <= end;) {
      const next = bytes.indexOf(LINE_FEED, at)
      events.push(this.#take(bytes.subarray(at, next)))
      at = next + 1
    }
    return events
  }

  #take(line: Buffer): RunEvent {
    const record = decodeRecord(line)
    const isNext = record.ok && record.value.seq === this.#seq && record.value.prev === this.#digest
    if (!isNext || !isEvent(record.value)) {
      throw malformed(this.#directory, `record ${this.#seq} is damaged`)
    }
    this.#advance(line.length + 1, 1, record.digest)
    return record.value
  }

  #advance(bytes: number, events: number, digest: string): void {
    this.#offset += bytes
    this.#seq += events
    this.#digest = digest
  }
}

/** Longer than any record. */
const MAX_PIECE_BYTES = 64 * 2 ** 20
