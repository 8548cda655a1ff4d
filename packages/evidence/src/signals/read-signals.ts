import { readFrames } from './frames.ts'
import { readEndpoints, readStatuses } from './http.ts'
import { readErrors, readMentions, readNames } from './names.ts'
import { readOutages, readRegions } from './outside.ts'
import { splitPieces } from './pieces.ts'
import type { Signals, TimeSignal } from './signals.ts'
import { readTimes } from './times.ts'

/** Everything checkable in a symptom text. The text is untrusted and may be a megabyte of log. */
export async function readSignals(text: string, nowUtc: string): Promise<Signals> {
  const pieces = splitPieces(text)
  const [times, frames] = await Promise.all([readTimes(pieces, nowUtc), readFrames(pieces)])
  return {
    times,
    frames,
    statuses: readStatuses(pieces),
    endpoints: readEndpoints(pieces),
    errors: readErrors(pieces),
    names: readNames(pieces),
    mentions: readMentions(pieces),
    regions: readRegions(pieces),
    outages: readOutages(pieces),
  }
}

/** When the symptom began, as far as the text says so. */
export function startOf(signals: Signals): { at: TimeSignal; basis: string } | undefined {
  const stated = signals.times.find((time) => time.role === 'start')
  if (stated !== undefined) return { at: stated, basis: 'stated in the symptom' }
  const stamps = signals.times.filter((time) => time.role === 'log')
  const earliest = stamps.toSorted((a, b) => a.utc.localeCompare(b.utc))[0]
  if (earliest !== undefined)
    return { at: earliest, basis: 'earliest log time stamp in the symptom' }
  const mentioned = signals.times[0]
  return mentioned && { at: mentioned, basis: 'the only kind of time that the symptom names' }
}
