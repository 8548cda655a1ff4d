import { readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { WaveError } from '../../errors.ts'
import type { NewRunEvent, RunEvent } from '../../events.ts'
import { decodeRecord, FIRST_PREV, holdsRecord, LINE_FEED } from './record.ts'
import type { StampedValue } from './record.ts'

export interface JournalScan {
  readonly events: readonly RunEvent[]
  /** Length of the part that is whole. */
  readonly goodBytes: number
  /** SHA-256 of the last good record's JSON bytes. */
  readonly digest: string
  /** Bytes of one unfinished record at the very end; it was never acknowledged. */
  readonly tornBytes: number
}

/**
 * Reads a journal without changing it. A torn record at the end is left out and told; everything else
 * that does not fit is refused with `WaveError('journal-refused')`.
 */
export function readJournal(file: string): {
  readonly events: readonly RunEvent[]
  readonly torn: boolean
} {
  const scan = scanJournal(readFileSync(file), file)
  return { events: scan.events, torn: scan.tornBytes > 0 }
}

/** Checks every record in order. `file` is named in the message. */
export function scanJournal(bytes: Buffer, file: string): JournalScan {
  const events: RunEvent[] = []
  let digest = FIRST_PREV
  let at = 0
  while (at < bytes.length) {
    const end = bytes.indexOf(LINE_FEED, at)
    const record = end === -1 ? undefined : decodeRecord(bytes.subarray(at, end))
    if (record === undefined || !record.ok) {
      refuseUnlessTorn(bytes.subarray(at), events.length, file)
      return { events, goodBytes: at, digest, tornBytes: bytes.length - at }
    }
    if (record.value.seq !== events.length || record.value.prev !== digest) {
      throw refused(file, `record ${events.length} does not follow the one before it`)
    }
    events.push(known(record.value, events[0], file))
    digest = record.digest
    at = end + 1
  }
  return { events, goodBytes: at, digest, tornBytes: 0 }
}

/** A torn tail is one piece with nothing well-formed in it or behind it. */
function refuseUnlessTorn(rest: Buffer, seq: number, file: string): void {
  const firstLine = rest.indexOf(LINE_FEED)
  const pieces = firstLine === -1 || firstLine === rest.length - 1 ? 1 : 2
  // A record that only lacks its line feed is torn as well: skip its own start.
  const inside = firstLine === -1 ? rest.subarray(1) : rest
  if (pieces > 1 || holdsRecord(inside)) throw refused(file, `record ${seq} is damaged`)
}

/** Every type that this version writes; the compiler keeps it complete. */
const EVENT_TYPES: Readonly<Record<NewRunEvent['type'], true>> = {
  'run-started': true,
  'run-resumed': true,
  'step-started': true,
  'step-reused': true,
  'model-request': true,
  'model-response': true,
  'model-failed': true,
  'tool-call': true,
  'tool-result': true,
  warning: true,
  'limit-warning': true,
  'artifact-stored': true,
  'step-succeeded': true,
  'step-failed': true,
  'step-skipped': true,
  'steps-added': true,
  'gate-waiting': true,
  'run-waiting': true,
  'gate-answered': true,
  'branch-taken': true,
  'round-ended': true,
  'step-reworking': true,
  notified: true,
  'contract-checked': true,
  'hook-ran': true,
  'fields-extracted': true,
  'apply-started': true,
  'apply-ended': true,
  'run-finished': true,
}

function known(value: StampedValue, first: RunEvent | undefined, file: string): RunEvent {
  if (isKnown(value)) return value
  const { v, type } = value
  const opening = first ?? value
  const version = 'waveVersion' in opening ? String(opening.waveVersion) : 'another version'
  throw new WaveError(
    'journal-refused',
    `The journal ${file} was written by wave ${version} and holds what this version does not know: ` +
      `event ${JSON.stringify(type)}, format ${JSON.stringify(v)}.`,
    { hint: 'Use the version of wave that wrote it, or a newer one.' },
  )
}

function isKnown(value: StampedValue): value is StampedValue & RunEvent {
  const { v, type } = value
  return v === 1 && typeof type === 'string' && Object.hasOwn(EVENT_TYPES, type)
}

function refused(file: string, what: string): WaveError {
  const run = basename(dirname(file))
  return new WaveError('journal-refused', `The journal ${file} is damaged: ${what}.`, {
    hint: `Nothing was changed. See what is whole with: wave verify ${run}. Restore the file from a backup, or start a new run.`,
  })
}
