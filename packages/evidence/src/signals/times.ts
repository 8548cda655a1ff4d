import { LIMITS } from '../limits.ts'
import { originAt } from './pieces.ts'
import type { Piece, TimeSignal } from './signals.ts'

const STAMP =
  /\b(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?) ?(Z\b|UTC\b|[+-]\d\d:?\d\d\b)?/g
const MAY_HAVE_DATE =
  /\d:\d\d|\d ?[ap]m\b|\d{4}-\d\d-\d\d|\b(?:ago|yesterday|today|tonight|noon|midnight|this morning|last night|monday|tuesday|wednesday|thursday|friday|saturday|sunday|jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)/i
const START_WORDS =
  /\b(?:since|start(?:s|ed|ing)?|began|begins?|beginning|from|as of|after|first seen|onwards?)(?: (?:at|on|from|time|about|around|approximately|roughly|~)){0,2}:? ?$/i
const OLDEST_MS = Date.UTC(1980, 0)
const DAY_MS = 86_400_000
const CHRONO_CHARS = 300

/** Times that the text names, as UTC instants, in the order of the text. Log stamps: the first and last of each kind. */
export async function readTimes(pieces: readonly Piece[], nowUtc: string): Promise<TimeSignal[]> {
  const stamps = readStamps(pieces)
  const prose = pieces
    .filter((piece) => MAY_HAVE_DATE.test(piece.text) && !/^\s*at\s/.test(piece.text))
    .slice(0, LIMITS.proseLinesForDates)
  const phrases = prose.length === 0 ? [] : await readPhrases(prose, stamps[0]?.utc, nowUtc)
  return [...stamps, ...phrases].toSorted((a, b) => a.offset - b.offset)
}

function readStamps(pieces: readonly Piece[]): TimeSignal[] {
  const found: TimeSignal[] = []
  for (const piece of pieces) {
    for (const match of piece.text.matchAll(STAMP)) {
      const [, day, time, zone] = match
      const instant = new Date(`${day}T${time?.replace(',', '.')}${isoZone(zone)}`)
      // Programs write the year 1 or 1970 for a time that is not set.
      if (!(instant.getTime() >= OLDEST_MS)) continue
      const before = piece.text.slice(0, match.index)
      found.push({
        utc: instant.toISOString(),
        role: START_WORDS.test(before) ? 'start' : 'log',
        assumptions: zone === undefined ? ['no zone given, read as UTC'] : [],
        ...originAt(piece, match.index),
      })
    }
  }
  if (found.length <= LIMITS.signalsPerKind) return found
  return [...found.slice(0, LIMITS.signalsPerKind - 1), ...found.slice(-1)]
}

function isoZone(zone: string | undefined): string {
  if (zone === undefined || zone === 'Z' || zone === 'UTC') return 'Z'
  return zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`
}

async function readPhrases(
  pieces: readonly Piece[],
  stamp: string | undefined,
  nowUtc: string,
): Promise<TimeSignal[]> {
  // Loaded only when a line may hold a date: the library is large.
  const { casual } = await import('chrono-node/en')
  const reference = new Date(stamp ?? nowUtc)
  return pieces.flatMap((piece) => {
    const stamps = Array.from(piece.text.matchAll(STAMP), (match) => match.index)
    return casual
      .parse(piece.text.slice(0, CHRONO_CHARS), { instant: reference, timezone: 0 })
      .filter((result) => !stamps.some((at) => result.index >= at && result.index < at + 30))
      .filter((result) => result.start.isCertain('hour') || result.start.isCertain('day'))
      .map((result) => phraseSignal(piece, result, { at: reference, fromLog: stamp !== undefined }))
  })
}

function phraseSignal(
  piece: Piece,
  found: { readonly index: number; readonly start: ParsedTime },
  reference: { readonly at: Date; readonly fromLog: boolean },
): TimeSignal {
  const { utc, assumptions } = pastInstant(found.start, reference.at, reference.fromLog)
  const role = START_WORDS.test(piece.text.slice(0, found.index)) ? 'start' : 'mention'
  return { utc, role, assumptions, ...originAt(piece, found.index) }
}

interface ParsedTime {
  isCertain(component: 'day' | 'weekday' | 'timezoneOffset'): boolean
  date(): Date
}

/** An incident began in the past: a time of day without a date is the latest such time before now. */
function pastInstant(
  start: ParsedTime,
  reference: Date,
  fromLog: boolean,
): { utc: string; assumptions: string[] } {
  const assumptions: string[] = []
  let ms = start.date().getTime()
  if (!start.isCertain('timezoneOffset')) assumptions.push('no zone given, read as UTC')
  if (!start.isCertain('day')) {
    const day = reference.toISOString().slice(0, 10)
    assumptions.push(
      `no date given, counted from ${fromLog ? 'the first log time stamp' : 'the start of the run'} (${day})`,
    )
    const stepMs = start.isCertain('weekday') ? 7 * DAY_MS : DAY_MS
    // A log line may be a little younger than the time it reports; the run cannot be.
    const latestMs = reference.getTime() + (fromLog ? DAY_MS / 2 : 0)
    if (ms > latestMs) ms -= stepMs
  }
  return { utc: new Date(ms).toISOString(), assumptions }
}
