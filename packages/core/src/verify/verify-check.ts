import type { RunEvent } from '../events.ts'
import type { SnapshotSource } from '../ports.ts'
import type { RunState } from '../run/state.ts'

/** One thing that was looked at. Only an `error` says that the run is not what its journal says. */
export interface VerifyCheck {
  readonly name: 'run' | 'journal' | 'store' | 'frozen' | 'delivered' | 'tree' | 'citations'
  readonly level: 'ok' | 'note' | 'error'
  /** One sentence or clause. */
  readonly message: string
}

export interface VerifyRequest {
  /** The folder of the run. */
  readonly directory: string
  readonly projectRoot: string
  readonly snapshots: Pick<SnapshotSource, 'reopen'>
}

/** A run whose journal could be read. */
export interface RecordedRun extends VerifyRequest {
  readonly events: readonly RunEvent[]
  readonly state: RunState
}

/** `1 record`, `2 records`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}

/** The first of many. */
export function several(problems: readonly string[]): string {
  const left = problems.length - MAX_TOLD
  return [...problems.slice(0, MAX_TOLD), ...(left > 0 ? [`and ${left} more`] : [])].join('; ')
}

const MAX_TOLD = 5
