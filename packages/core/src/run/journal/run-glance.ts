import { basename } from 'node:path'
import { WaveError } from '../../errors.ts'
import { hasErrorCode } from './storage-error.ts'
import { glanceAtEvents } from './glance-at-events.ts'
import type { RunGlance } from './glance.ts'
import { skimJournal } from './journal-skim.ts'
import { checkJournal, holderOf, openJournalFile, readWhole } from './run-events.ts'

/**
 * What can be told of a run without reading all of it: the checksum of every record is verified, but not the
 * chain. Never throws for what a folder holds: it is `damaged` then.
 */
export function glanceAtRun(directory: string, nowMs: number): RunGlance {
  const run = basename(directory)
  try {
    using file = openJournalFile(directory)
    const skimmed = skimJournal(readWhole(directory, file, file.openedBytes))
    if (skimmed !== undefined) return { run, ...skimmed }
    // Before the journal is read again: what ends in between is finished, not interrupted.
    const pid = holderOf(directory)
    const { events } = checkJournal(directory, readWhole(directory, file))
    return { run, ...glanceAtEvents(events, pid, nowMs) }
  } catch (error) {
    if (!(error instanceof Error) || !isExpected(error)) throw error
    return { run, condition: 'damaged', problem: error.message }
  }
}

function isExpected(error: Error): boolean {
  return error instanceof WaveError || hasErrorCode(error, 'EACCES', 'EIO', 'EPERM')
}
