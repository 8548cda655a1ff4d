import { basename } from 'node:path'
import { WaveError } from '../../errors.ts'
import type { RunEvent } from '../../events.ts'
import { isEvent } from './event-shape.ts'
import { scanJournal } from './journal-scan.ts'
import { journalPath } from './journal.ts'
import { lockOwner } from './lock.ts'
import { isPlainFolder, openPlainFile } from './plain-file.ts'
import type { PlainFile } from './plain-file.ts'

/** What the journal of a run holds so far. */
export interface RunEvents {
  readonly events: readonly RunEvent[]
  /** Length of the part that is whole. */
  readonly goodBytes: number
  /** SHA-256 of the last record's JSON bytes. */
  readonly digest: string
  /** Bytes behind it: a record that is being written, or that a crash cut off. */
  readonly tornBytes: number
}

/**
 * Reads the journal in the folder of a run without its lock and without a change to anything, also while it is
 * written, and whoever wrote it: every record, its checksum, its place in the chain and its form are checked.
 * Throws `journal-refused`, `run-unknown`.
 */
export function readRunEvents(directory: string): RunEvents {
  using file = openJournalFile(directory)
  return checkJournal(directory, readWhole(directory, file))
}

/** The journal for reading only. Throws `run-unknown`. */
export function openJournalFile(directory: string): PlainFile {
  const file = isPlainFolder(directory) ? openPlainFile(directory, 'journal.jsonl') : undefined
  if (file !== undefined) return file
  throw new WaveError('run-unknown', `There is no journal of a run in ${directory}.`)
}

/** All of it, as far as a journal can be that long. */
export function readWhole(
  directory: string,
  file: PlainFile,
  sizeBytes = file.sizeBytes(),
): Buffer {
  if (sizeBytes <= MAX_BYTES) return file.read(0, sizeBytes)
  throw malformed(directory, `it has ${sizeBytes} bytes, more than wave reads`)
}

/** The records in these bytes, from the first one on. */
export function checkJournal(directory: string, bytes: Buffer): RunEvents {
  const scan = scanJournal(bytes, journalPath(directory))
  const place = scan.events.findIndex(
    (event, seq) => !isEvent(event) || (event.type === 'run-started') !== (seq === 0),
  )
  if (place >= 0) throw malformed(directory, `record ${place} is not what wave writes`)
  const circle = findCircle(scan.events)
  if (circle >= 0) throw malformed(directory, `in record ${circle} a step is a part of itself`)
  return scan
}

/** Where a step becomes a part of itself: whoever follows such steps upwards comes to no end. */
function findCircle(events: readonly RunEvent[]): number {
  const parents = new Map<string, string>()
  return events.findIndex((event) => {
    if (event.type !== 'steps-added') return false
    for (const { id } of event.steps) parents.set(id, event.step)
    return event.steps.some(({ id }) => {
      let above: string | undefined = event.step
      for (let up = 0; up <= parents.size && above !== undefined && above !== id; up += 1) {
        above = parents.get(above)
      }
      return above !== undefined
    })
  })
}

/** What is wrong with a journal whose records are whole. */
export function malformed(directory: string, what: string): WaveError {
  const file = journalPath(directory)
  return new WaveError('journal-refused', `The journal ${file} cannot be used: ${what}.`, {
    hint: `Nothing was changed. See what is whole with: wave verify ${basename(directory)}. Restore the file from a backup, or start a new run.`,
  })
}

/** The live process that works on a run; undefined: none does. */
export function holderOf(directory: string): number | undefined {
  return lockOwner(directory)?.pid
}

const MAX_BYTES = 256 * 2 ** 20
