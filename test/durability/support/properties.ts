/** What DU-18 promises, as properties: a bounded part is tried by every `npm test`, much more by `npm run crash`. */
import * as fc from 'fast-check'
import { inFolder } from './in-folder.ts'
import { schedule } from './journal-schedule.ts'
import type { Command } from './journal-schedule.ts'
import { playSchedule } from './play-journal.ts'
import { playRun, runSchedule } from './run-schedules.ts'
import type { RunSchedule } from './run-schedules.ts'

/** Whatever is written and wherever it dies, journal, store and lock are as the model. */
export const journalIsAsModel: fc.IAsyncPropertyWithHooks<[readonly Command[]]> = fc.asyncProperty(
  schedule,
  (commands) => inFolder((runs) => playSchedule(runs, commands)),
)

/** However often it dies, is cancelled or asked again, a run ends as one that was left alone. */
export const runEndsAsCleanOne: fc.IAsyncPropertyWithHooks<[RunSchedule]> = fc.asyncProperty(
  runSchedule,
  playRun,
)
