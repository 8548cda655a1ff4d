import type { Usage } from '../../agent/messages.ts'
import type { RunOutcome, Verdict } from '../../events.ts'

/** A run in one line. */
export interface RunGlance {
  /** Its id: the name of its folder. */
  readonly run: string
  readonly condition: RunCondition
  /** Of a damaged one: what is wrong. */
  readonly problem?: string
  /** Of a running one. */
  readonly pid?: number
  /** The rest is undefined as far as it is not known. */
  readonly pipeline?: string
  readonly mode?: 'model' | 'evidence'
  /** UTC, ISO 8601. */
  readonly startedAt?: string
  /** How long it was under way, to now if it still is. */
  readonly durationMs?: number
  /** Of the pipeline, without what its steps are made of. Done: completed, or rightly skipped. */
  readonly steps?: { readonly done: number; readonly total: number }
  /** Undefined: no model was called. */
  readonly usage?: Usage
  /** US dollars; undefined when a price is unknown. */
  readonly costUsd?: number
  /** In place of that: what is known of it. */
  readonly leastUsd?: number
  readonly verdict?: Verdict
  readonly exitCode?: number
}

/** How a run ended; or that it is under way, was cut off, or has a journal that cannot be read. */
export type RunCondition = RunOutcome | 'running' | 'interrupted' | 'damaged'

/** Whether a step that was skipped owes nothing: it was not needed. */
export function isRightlySkipped(because: string | undefined): boolean {
  return because?.startsWith('its condition is false') ?? false
}
