import type { RunEvent } from '../events.ts'
import { Acquaintance } from './acquaintance.ts'
import type { AuditEntry, AuditTrail } from './audit-entry.ts'
import { APPLY_SAYERS } from './apply-sayers.ts'
import { RUN_SAYERS } from './run-sayers.ts'
import type { Events, Said, Sayers } from './saying.ts'
import { STEP_SAYERS } from './step-sayers.ts'
import { WORK_SAYERS } from './work-sayers.ts'

/** The journal of a run as a timeline. Nothing is in it that no event says; the same events give the same trail. */
export function auditTrail(journal: {
  readonly events: readonly RunEvent[]
  readonly digest: string
}): AuditTrail {
  const { events, digest } = journal
  const started = events.find((event) => event.type === 'run-started')
  const known = new Acquaintance()
  return {
    run: started?.run ?? '',
    pipeline: started?.pipeline.name ?? '',
    waveVersion: started?.waveVersion ?? '',
    records: events.length,
    chain: digest,
    entries: events.flatMap((event) => entriesOf(event, known)),
  }
}

const SAYERS: Sayers<keyof Events> = {
  ...RUN_SAYERS,
  ...STEP_SAYERS,
  ...WORK_SAYERS,
  ...APPLY_SAYERS,
}

function entriesOf(event: RunEvent, known: Acquaintance): readonly AuditEntry[] {
  known.meet(event)
  const said = say(event.type, event, known)
  const stamp = { seq: event.seq, at: event.at, event: event.type }
  const place = 'step' in event && event.step !== '' ? { ...stamp, step: event.step } : stamp
  return said.map((each) => entryOf(place, each))
}

function entryOf(
  place: Pick<AuditEntry, 'seq' | 'at' | 'event' | 'step'>,
  { inputs = [], outputs = [], ...rest }: Said,
): AuditEntry {
  return { ...place, ...rest, inputs, outputs }
}

function say<Type extends keyof Events>(
  type: Type,
  event: Events[Type],
  known: Acquaintance,
): readonly Said[] {
  return SAYERS[type](event, known)
}
