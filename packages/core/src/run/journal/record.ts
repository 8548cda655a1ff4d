import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { NewRunEvent, RunEvent } from '../../events.ts'

/** Stands before the first record. */
export const FIRST_PREV = '0'.repeat(64)

/** A record as bytes, without and with its place in the file. */
export interface EncodedRecord {
  readonly event: RunEvent
  readonly line: Buffer
  /** SHA-256 of the JSON bytes, for the next record's `prev`. */
  readonly digest: string
}

/** One line of the journal: `<crc32> <json>\n`. Made in one buffer: it is on the path of every event. */
export function encodeRecord(
  stamp: { readonly seq: number; readonly prev: string; readonly at: string },
  event: NewRunEvent,
): EncodedRecord {
  const stored: RunEvent = { seq: stamp.seq, prev: stamp.prev, v: 1, at: stamp.at, ...event }
  const line = Buffer.from(`${NO_CHECKSUM} ${JSON.stringify(stored)}\n`)
  const body = line.subarray(CHECKSUM_LENGTH + 1, -1)
  if (body.length > maxBytes(event.type)) {
    throw new Error(`Internal error: the event ${event.type} has ${body.length} bytes`)
  }
  line.write(checksum(body), 0, 'latin1')
  return { event: stored, line, digest: sha256(body) }
}

/** Larger things go to the store and are named by digest; what grows with the plan may be longer. */
function maxBytes(type: NewRunEvent['type']): number {
  return GROWS_WITH_PLAN.has(type) ? 16 * 2 ** 20 : 64 * 2 ** 10
}

/** They list steps, or patches of them, inputs of a step, or delivered files; an answer is as long as its author wants. */
const GROWS_WITH_PLAN: ReadonlySet<NewRunEvent['type']> = new Set([
  'run-started',
  'steps-added',
  'gate-answered',
  'step-started',
  'step-succeeded',
  'apply-started',
  'run-finished',
])

export type DecodedRecord =
  | { readonly ok: true; readonly value: StampedValue; readonly digest: string }
  | { readonly ok: false }

/** What every record carries, before its type and version are known to be ours. */
export interface StampedValue {
  readonly seq: number
  readonly prev: string
  readonly v: unknown
  readonly type: unknown
}

/** `line` without its line feed. Good means: the checksum fits and the JSON parses. */
export function decodeRecord(line: Uint8Array): DecodedRecord {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength)
  const body = bytes.subarray(CHECKSUM_LENGTH + 1)
  if (bytes.length <= CHECKSUM_LENGTH || bytes[CHECKSUM_LENGTH] !== SPACE) return { ok: false }
  if (bytes.toString('latin1', 0, CHECKSUM_LENGTH) !== checksum(body)) return { ok: false }
  const value = parseJson(body)
  return isStamped(value) ? { ok: true, value, digest: sha256(body) } : { ok: false }
}

/** Whether a well-formed record starts anywhere in these bytes. */
export function holdsRecord(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(BODY_START); at !== -1; at = bytes.indexOf(BODY_START, at + 1)) {
    if (at < CHECKSUM_LENGTH) continue
    const end = bytes.indexOf(LINE_FEED, at)
    const piece = bytes.subarray(at - CHECKSUM_LENGTH, end === -1 ? bytes.length : end)
    if (decodeRecord(piece).ok) return true
  }
  return false
}

export const LINE_FEED = 0x0a
const SPACE = 0x20
const CHECKSUM_LENGTH = 8
const NO_CHECKSUM = '0'.repeat(CHECKSUM_LENGTH)
const BODY_START = ' {"seq":'

function checksum(body: Uint8Array): string {
  return crc32(body).toString(16).padStart(CHECKSUM_LENGTH, '0')
}

function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function isStamped(value: unknown): value is StampedValue {
  if (typeof value !== 'object' || value === null) return false
  return (
    'seq' in value &&
    typeof value.seq === 'number' &&
    'prev' in value &&
    typeof value.prev === 'string' &&
    'v' in value &&
    'type' in value
  )
}
