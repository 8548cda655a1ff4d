import { crc32 } from 'node:zlib'
import type { NewRunEvent, RunEvent } from '../../events.ts'
import { recordedCost } from '../call-costs.ts'
import { isEvent } from './event-shape.ts'
import { isRightlySkipped } from './glance.ts'
import type { RunGlance } from './glance.ts'
import { decodeRecord, LINE_FEED } from './record.ts'

type EventOf<Type extends NewRunEvent['type']> = Extract<RunEvent, { readonly type: Type }>

/**
 * What a run in one piece that has ended came to, out of its first and last record and those that end a step:
 * of all others only the checksum is verified. Undefined: that does not do, all of it has to be read.
 */
export function skimJournal(bytes: Buffer): Omit<RunGlance, 'run'> | undefined {
  const lines = linesOfRun(bytes)
  const [first, last] = [lines?.[0], lines?.at(-1)]
  if (lines === undefined || first === undefined || last === undefined) return undefined
  const started = decode(first, 'run-started', 0)
  const finished = decode(last, 'run-finished', lines.length - 1)
  if (started === undefined || finished === undefined) return undefined
  const steps = countSteps(started, lines)
  if (steps === undefined) return undefined
  const { outcome, durationMs, usage, verdict, exitCode } = finished
  return {
    condition: outcome,
    pipeline: started.pipeline.name,
    mode: started.mode,
    startedAt: started.at,
    durationMs,
    steps,
    ...(usage !== undefined && { usage }),
    ...recordedCost(finished),
    ...(verdict !== undefined && { verdict }),
    exitCode,
  }
}

/** Without those behind the end that tell of applying what the run changed. Undefined: a piece is not whole. */
function linesOfRun(bytes: Buffer): readonly Buffer[] | undefined {
  const lines = splitLines(bytes)
  return lines?.slice(0, lines.findLastIndex((line) => !OF_APPLY.has(typeOf(line))) + 1)
}

/** Undefined: a piece is not whole. */
function splitLines(bytes: Buffer): readonly Buffer[] | undefined {
  const lines: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(LINE_FEED, at)
    const line = bytes.subarray(at, end)
    if (end === -1 || !fitsChecksum(line)) return undefined
    lines.push(line)
    at = end + 1
  }
  return lines
}

function fitsChecksum(line: Buffer): boolean {
  const sum = crc32(line.subarray(CHECKSUM_LENGTH + 1))
  const stated = line.toString('latin1', 0, CHECKSUM_LENGTH + 1)
  return stated === `${sum.toString(16).padStart(CHECKSUM_LENGTH, '0')} `
}

const CHECKSUM_LENGTH = 8

function decode<Type extends NewRunEvent['type']>(
  line: Buffer,
  type: Type,
  seq: number,
): EventOf<Type> | undefined {
  const event = decodeAny(line)
  return event !== undefined && hasType(event, type) && event.seq === seq ? event : undefined
}

function decodeAny(line: Buffer): RunEvent | undefined {
  const record = decodeRecord(line)
  return record.ok && isEvent(record.value) ? record.value : undefined
}

function hasType<Type extends NewRunEvent['type']>(
  event: RunEvent,
  type: Type,
): event is EventOf<Type> {
  return event.type === type
}

/** Undefined: the run was resumed, so that what ended before may have been undone. */
function countSteps(
  { steps }: EventOf<'run-started'>,
  lines: readonly Buffer[],
): RunGlance['steps'] | undefined {
  const done = new Map(steps.map(({ id }) => [id, false]))
  for (const line of lines) {
    const type = typeOf(line)
    if (type === 'run-resumed') return undefined
    if (!ENDS.has(type)) continue
    const event = decodeAny(line)
    if (event === undefined) return undefined
    if ('step' in event && done.has(event.step)) done.set(event.step, isDone(event))
  }
  return { done: [...done.values()].filter(Boolean).length, total: done.size }
}

const OF_APPLY: ReadonlySet<string> = new Set(['apply-started', 'apply-ended'])
const ENDS: ReadonlySet<string> = new Set(['step-succeeded', 'step-failed', 'step-skipped'])

function isDone(event: RunEvent): boolean {
  if (event.type === 'step-skipped') return isRightlySkipped(event.because)
  return event.type === 'step-succeeded'
}

/** The stamp comes first, and its fields hold no such text. */
function typeOf(line: Buffer): string {
  const at = line.indexOf(TYPE_KEY)
  const start = at + TYPE_KEY.length
  // Most records are of other types: not each of them is worth a string.
  if (at === -1 || !INITIALS.has(line[start])) return ''
  const end = line.indexOf(QUOTE, start)
  return end === -1 ? '' : line.toString('latin1', start, end)
}

const TYPE_KEY = Buffer.from(',"type":"')
const QUOTE = 0x22
/** Of `step-…`, `run-…` and `apply-…`. */
const INITIALS: ReadonlySet<number | undefined> = new Set(Buffer.from('sra'))
