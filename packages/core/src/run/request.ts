import type { RunEvent, RunOutcome, Verdict } from '../events.ts'
import type { DeliveredFile } from '../artifact/deliver.ts'
import type { InjectedArtifact } from '../ports.ts'
import type {
  ArtifactStore,
  Clock,
  Ids,
  Journal,
  Snapshot,
  StepRunner,
  WorkspaceProvider,
} from '../ports.ts'
import type { Plan, RunnerName } from '../pipeline/plan.ts'
import type { RunBudget } from './budget.ts'
import type { RunLog } from './log.ts'
import type { RunState } from './state.ts'

/** Everything a run needs. The caller holds the run's lock for as long as the run lasts. */
export interface RunRequest {
  readonly plan: Plan
  /** The pipeline's input, byte for byte. */
  readonly input: string
  /** `project` of `.wave/config.yaml`. */
  readonly project: Readonly<Record<string, string | readonly string[]>>
  readonly snapshot: Snapshot
  /** SHA-256 over the project's `.wave/` files that the plan uses. */
  readonly projectDigest: string
  /** Undefined: no step can have a workspace. */
  readonly provider: WorkspaceProvider | undefined
  readonly runners: Readonly<Record<RunnerName, StepRunner | undefined>>
  readonly store: ArtifactStore
  readonly journal: Journal
  readonly clock: Clock
  readonly ids: Ids
  readonly runId: string
  readonly waveVersion: string
  readonly projectRoot: string
  /** The folder of all runs; default: `.wave/runs` in the project. */
  readonly runs?: string
  /** Given to every prompt step that has a stand-in, as the input artifact `_facts`, in model mode. */
  readonly facts?: Uint8Array
  /** Its reason names the signal: `SIGINT` (default) or `SIGTERM`. */
  readonly signal: AbortSignal
  /** Called after the event is durable. */
  onEvent(event: RunEvent): void
  /** Exit code 0 where 3 would be used. */
  readonly inconclusiveOk?: boolean
}

export interface RunResult {
  readonly runId: string
  readonly outcome: RunOutcome
  readonly verdict: Verdict | undefined
  readonly exitCode: number
  readonly state: RunState
  readonly delivered: readonly DeliveredFile[]
  /** What could not be delivered, why, and where it is; also in the journal, as warnings. */
  readonly problems: readonly string[]
}

/** What the parts of the engine share while a run is under way. */
export interface RunContext {
  readonly request: RunRequest
  readonly log: RunLog
  readonly budget: RunBudget
  /** UTC, of the run's first event. */
  readonly startedAt: string
  /** What templates call `input`: the text, or the parsed JSON. */
  readonly templateInput: unknown
  readonly facts: InjectedArtifact | undefined
}
