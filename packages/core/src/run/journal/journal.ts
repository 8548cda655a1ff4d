import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { WaveError } from '../../errors.ts'
import type { NewRunEvent, RunEvent } from '../../events.ts'
import type { Clock, Journal } from '../../ports.ts'
import { createFile, syncDirectory, syncFile, writeAll } from './durable-fs.ts'
import { hasErrorCode } from './storage-error.ts'
import { scanJournal } from './journal-scan.ts'
import type { JournalScan } from './journal-scan.ts'
import { encodeRecord, FIRST_PREV } from './record.ts'
import type { EncodedRecord } from './record.ts'

/**
 * Opens the journal of a run for writing, or starts one. Scans what is there: one torn record at the
 * end is copied to `journal.torn-N` and trimmed, anything else that does not fit is refused and left
 * as it is. The caller holds the run's lock.
 */
export function openJournal(directory: string, clock: Clock): FileJournal {
  const path = journalPath(directory)
  const scan = existsSync(path) ? recover(path) : start(path)
  return new FileJournal(path, clock, scan)
}

/** Where the journal of a run lies. */
export function journalPath(directory: string): string {
  return join(directory, 'journal.jsonl')
}

/** The run's file of events. Synchronous: nothing can come between a write and its acknowledgement. */
export class FileJournal implements Journal {
  /** What the file held when it was opened. */
  readonly recovered: readonly RunEvent[]
  readonly #path: string
  readonly #clock: Clock
  readonly #fd: number
  #seq: number
  #prev: string
  #isClosed = false
  /** What the first write that failed was told as. */
  #failure: WaveError | undefined

  constructor(path: string, clock: Clock, scan: JournalScan) {
    this.recovered = scan.events
    this.#path = path
    this.#clock = clock
    this.#seq = scan.events.length
    this.#prev = scan.digest
    this.#fd = openSync(path, 'a', 0o600)
  }

  append(event: NewRunEvent): RunEvent {
    const [stored] = this.appendAll([event])
    if (stored === undefined) throw new Error('Internal error: an append gave no event')
    return stored
  }

  appendAll(events: readonly NewRunEvent[]): readonly RunEvent[] {
    if (this.#isClosed) throw new Error('Internal error: journal used after it was closed')
    if (this.#failure !== undefined) throw this.#failure
    if (events.length === 0) return []
    const records = this.#encode(events)
    this.#write(Buffer.concat(records.map((record) => record.line)))
    this.#seq += records.length
    this.#prev = records.at(-1)?.digest ?? this.#prev
    return records.map((record) => record.event)
  }

  [Symbol.dispose](): void {
    if (!this.#isClosed && this.#failure === undefined) closeSync(this.#fd)
    this.#isClosed = true
  }

  #encode(events: readonly NewRunEvent[]): readonly EncodedRecord[] {
    const at = this.#clock.nowUtc()
    let prev = this.#prev
    return events.map((event, index) => {
      const record = encodeRecord({ seq: this.#seq + index, prev, at }, event)
      prev = record.digest
      return record
    })
  }

  /**
   * After any failure the descriptor is dead: the kernel may have dropped the dirty pages and would
   * report success next time.
   */
  #write(bytes: Buffer): void {
    try {
      writeAll(this.#fd, bytes)
      fsyncSync(this.#fd)
      if (!isAt(this.#fd, this.#path)) throw new Error('the file was deleted or moved')
    } catch (cause) {
      this.#failure = writeFailed(this.#path, cause)
      closeQuietly(this.#fd)
      throw this.#failure
    }
  }
}

/** Whether the open file is the one that a reader would find. */
function isAt(fd: number, path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  const { ino, dev } = fstatSync(fd)
  return found?.ino === ino && found.dev === dev
}

function start(path: string): JournalScan {
  try {
    createFile(path, new Uint8Array())
  } catch (cause) {
    throw writeFailed(path, cause)
  }
  return { events: [], goodBytes: 0, digest: FIRST_PREV, tornBytes: 0 }
}

function recover(path: string): JournalScan {
  const bytes = readFileSync(path)
  const scan = scanJournal(bytes, path)
  try {
    if (scan.tornBytes === 0) {
      // Whoever wrote it may have died before it was on the disk, and what it holds is told from now on.
      syncFile(path)
      return scan
    }
    createFile(freeTornPath(path), bytes)
    truncate(path, scan.goodBytes)
  } catch (cause) {
    throw writeFailed(path, cause)
  }
  return scan
}

function freeTornPath(path: string): string {
  const base = path.replace(/\.jsonl$/, '')
  for (let number = 1; ; number += 1) {
    const candidate = `${base}.torn-${number}`
    if (!existsSync(candidate)) return candidate
  }
}

function truncate(path: string, length: number): void {
  const fd = openSync(path, 'r+')
  try {
    ftruncateSync(fd, length)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  syncDirectory(join(path, '..'))
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd)
  } catch {
    // The write already failed; that is what is told.
  }
}

function writeFailed(path: string, cause: unknown): WaveError {
  const full = hasErrorCode(cause, 'ENOSPC', 'EDQUOT')
  const why = full ? 'the disk is full' : reason(cause)
  const hint = full
    ? 'Make room on that disk, then run again. What was recorded before is kept.'
    : 'Check the disk and the permissions of that folder, then run again.'
  const message = `The run's journal ${path} could not be written: ${why}.`
  return new WaveError('journal-write-failed', message, { hint, cause })
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
