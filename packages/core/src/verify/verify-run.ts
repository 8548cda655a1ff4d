import { readdirSync } from 'node:fs'
import { WaveError } from '../errors.ts'
import type { RunEvent } from '../events.ts'
import { isOfApply } from '../of-apply.ts'
import { holderOf, readRunEvents } from '../run/journal/run-events.ts'
import type { RunEvents } from '../run/journal/run-events.ts'
import { isPlainFolder } from '../run/journal/plain-file.ts'
import { fold } from '../run/state.ts'
import { count } from './verify-check.ts'
import type { VerifyCheck, VerifyRequest } from './verify-check.ts'
import { verifyCitations } from './verify-citations.ts'
import { verifyDelivered } from './verify-delivered.ts'
import { verifyFrozen, verifyStore } from './verify-store.ts'

/**
 * Looks whether a run is still what was recorded: the chain of its journal, every content that an event names,
 * what was delivered, and the citations of its documents against the frozen tree. Changes nothing and takes no
 * lock; of a run that is under way it looks at what is there.
 */
export async function verifyRun(request: VerifyRequest): Promise<readonly VerifyCheck[]> {
  const { directory } = request
  const pid = holderOf(directory)
  const journal = readJournal(directory)
  if ('level' in journal) return [journal, ...tornCopies(directory)]
  const state = fold(journal.events)
  const run = { ...request, events: journal.events, state }
  return [
    ...condition(journal.events, pid),
    ...journalChecks(journal, pid),
    ...tornCopies(directory),
    verifyStore(run),
    ...verifyFrozen(run),
    ...verifyDelivered(run),
    ...(await verifyCitations(run)),
  ]
}

function readJournal(directory: string): RunEvents | VerifyCheck {
  try {
    return readRunEvents(directory)
  } catch (error) {
    if (!(error instanceof WaveError) || error.code !== 'journal-refused') throw error
    const message = `${error.message} What it names cannot be looked at.`
    return { name: 'journal', level: 'error', message }
  }
}

function condition(events: readonly RunEvent[], pid: number | undefined): readonly VerifyCheck[] {
  const last = events.findLast((event) => event.type !== 'notified' && !isOfApply(event))
  if (last?.type === 'run-finished') return []
  const message =
    pid === undefined
      ? 'It has not ended: it was cut off, and can be resumed.'
      : `It is under way (process ${pid}): what is there so far was looked at.`
  return [{ name: 'run', level: 'note', message }]
}

function journalChecks(
  { events, digest, tornBytes }: RunEvents,
  pid: number | undefined,
): readonly VerifyCheck[] {
  const versions = [...new Set(events.flatMap((event) => versionOf(event) ?? []))]
  const by = versions.length === 0 ? '' : `, written by wave ${versions.join(' and ')}`
  const message = `${count(events.length, 'record')}, checksums and chain fit${by}; the last is ${digest.slice(0, 12)}.`
  const whole = { name: 'journal', level: 'ok', message } as const
  if (tornBytes === 0) return [whole]
  const what =
    pid === undefined
      ? 'a crash cut it off before it was acknowledged, and resuming sets it aside'
      : 'it is being written'
  const torn = `${count(tornBytes, 'byte')} of an unfinished record stand behind the last one: ${what}.`
  return [whole, { name: 'journal', level: 'note', message: torn }]
}

function versionOf(event: RunEvent): string | undefined {
  return 'waveVersion' in event ? event.waveVersion : undefined
}

function tornCopies(directory: string): readonly VerifyCheck[] {
  if (!isPlainFolder(directory)) return []
  const copies = readdirSync(directory).filter((name) => /^journal\.torn-\d+$/u.test(name))
  if (copies.length === 0) return []
  const message = `Cut off by a crash and set aside, unread since: ${copies.toSorted().join(', ')}.`
  return [{ name: 'journal', level: 'note', message }]
}
