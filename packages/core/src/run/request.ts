import type { ArtifactRef, NewRunEvent, RunEvent, RunOutcome, Verdict } from '../events.ts'
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
import type { Plan, RunnerName } from '../pipeline/plan/plan.ts'
import type { Redactor } from '../redact.ts'
import type { StepCache } from './cache/step-cache.ts'
import type { RunBudget } from './budget.ts'
import type { DispatchEnd } from './dispatch-end.ts'
import type { Frame, FrameInput } from './frame.ts'
import type { RunLog } from './log.ts'
import type { Resumption } from './resume/resumption.ts'
import type { Slots } from './slots.ts'
import type { RunState } from './state.ts'
import type { RunTime } from './time-limit.ts'

/** Everything a run needs. The caller holds the run's lock for as long as the run lasts. */
export interface RunRequest {
  readonly plan: Plan
  /** The pipeline's input, byte for byte. A run that is resumed has the one of its start. */
  readonly input: string
  /** `project` of `.wave/config.yaml`. */
  readonly project: Readonly<Record<string, string | readonly string[]>>
  readonly snapshot: Snapshot
  /** SHA-256 over the project's `.wave/` files that the plan uses. */
  readonly projectDigest: string
  /** What `freezeFiles` gave. */
  readonly frozen?: ArtifactRef
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
  /** Given to every prompt step that has a stand-in, as the input artifact `_facts`, in model mode. A run that is resumed has those of its start. */
  readonly facts?: Uint8Array
  /** Its reason names the signal: `SIGINT` (default) or `SIGTERM`. */
  readonly signal: AbortSignal
  /** Called after the event is durable. */
  onEvent(event: RunEvent): void
  /** Choices for gates, by step id, given in advance. */
  readonly answers?: Readonly<Record<string, string>>
  /** Steps that the user left out: the run ends `partial`. */
  readonly excluded?: ReadonlySet<string>
  /** Sends a message to a channel of the user. Gives the problem when it could not; undefined: no channel is known. */
  notify?(channel: string, message: Notice): Promise<string | undefined>
  /**
   * Takes secrets out of the input, the journal, artifacts and what a model is sent; patches stay as they
   * are. Undefined: nothing is secret.
   */
  readonly redact?: Redactor | undefined
  /** Steps whose components are known are taken over from earlier runs, and successes are kept. Undefined: neither. */
  readonly cache?: StepCache
  /** Exit code 0 where 3 would be used. */
  readonly inconclusiveOk?: boolean
  /** Goes on with a run; the store, the journal and the run id are then those of that run. */
  readonly resume?: ResumeRequest
}

/** How a run goes on. Plan, snapshot, image and models are meant to be those of its start. */
export interface ResumeRequest {
  /** What the journal held when it was opened. Without `run-started` in it, the run starts. */
  readonly recovered: readonly RunEvent[]
  /** What the caller found to differ from the start, as sentences; recorded. */
  readonly differences?: readonly string[]
  /** This step, by its id in the journal, and everything behind it runs again. */
  readonly fromStep?: string
  /** Goes on although the pipeline, the tree or the image is another one. */
  readonly force?: boolean
}

/** What a hook tells a channel: nothing that a model or the input said. */
interface Notice {
  readonly run: string
  readonly pipeline: string
  readonly event: string
  readonly outcome: string
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
  /** It had completed before it was resumed: nothing was done. */
  readonly hadCompleted?: true
}

/** What the parts of the engine share while a run is under way. */
export interface RunContext {
  readonly request: RunRequest
  readonly log: RunLog
  readonly budget: RunBudget
  readonly slots: Slots
  /** Stands still while the run waits at a gate. */
  readonly time: RunTime
  /** On the monotonic clock. */
  readonly startedMs: number
  /** How long it was under way before it was resumed, as far as that is known. */
  readonly formerMs: number
  /** UTC, of the run's first event. */
  readonly startedAt: string
  readonly input: FrameInput
  readonly facts: InjectedArtifact | undefined
  /** Runs the steps in a step. Here, because the parts that need it are what it is made of. */
  dispatch(frame: Frame, signal: AbortSignal): Promise<DispatchEnd>
  /** Commits that steps name in place of the working copy. */
  readonly bases: ReadonlyMap<string, Snapshot>
  /** Messages on their way to channels of the user. */
  readonly notices: Promise<NewRunEvent>[]
  /** What was recorded before. Undefined: the run is new. */
  readonly resumption: Resumption | undefined
}
