import type { NewRunEvent } from '../events.ts'

/** Who did something. `wave` is the program itself; `timeout` an answer that nobody gave in time. */
export interface AuditActor {
  readonly kind: 'user' | 'wave' | 'step' | 'model' | 'tool' | 'image' | 'timeout'
  /** Of a step its id, of a model `provider/model`. */
  readonly name: string
  /** Of a step: the persona, or the kind of step. */
  readonly role?: string
}

/** Something that was used or made, by the digest under which it is stored. */
export interface AuditRef {
  readonly name: string
  readonly digest: string
  /** Undefined: the event holds the digest only. */
  readonly sizeBytes?: number
}

/** Who or what did what, when, with what, and what came of it: as one record of the journal says it. */
export interface AuditEntry {
  /** Number of that record. */
  readonly seq: number
  /** UTC, ISO 8601. */
  readonly at: string
  /** What it is a record of. */
  readonly event: NewRunEvent['type']
  readonly actor: AuditActor
  /** The step that it belongs to; undefined: the run. */
  readonly step?: string
  /** Reads behind the actor: `asked the model a/b, turn 2`. */
  readonly action: string
  readonly inputs: readonly AuditRef[]
  readonly outputs: readonly AuditRef[]
  readonly result?: string
}

export interface AuditTrail {
  readonly run: string
  readonly pipeline: string
  readonly waveVersion: string
  /** Records that it was made from. */
  readonly records: number
  /** SHA-256 of the last of them, which stands for all of them: each holds that of the one before. */
  readonly chain: string
  readonly entries: readonly AuditEntry[]
}
