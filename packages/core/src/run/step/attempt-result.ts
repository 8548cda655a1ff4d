import type { Usage } from '../../agent/messages.ts'
import type { NewRunEvent, StepEvent, StepFailure, StepMade, StoredArtifact } from '../../events.ts'
import type { Rework } from '../../pipeline/pipeline.ts'
import type { PlannedStep } from '../../pipeline/plan/plan.ts'
import type { InjectedArtifact, Patch, PreviousAttempt, Snapshot } from '../../ports.ts'
import type { StepBudget } from '../budget.ts'
import { boundFailure, cut } from '../failure.ts'
import type { Task } from '../frame.ts'
import type { FailureEffect } from './outputs.ts'
import type { StepWorkspace } from './step-workspace.ts'

/** What one try at a step came to. Its workspace stays open until `close`. */
export interface AttemptEnd {
  readonly result: AttemptResult
  readonly durationMs: number
  /**
   * Call once the result is durable: what the workspace holds dies with it. One that cannot be closed is
   * a warning; rejects only when that cannot be recorded.
   */
  readonly close: () => Promise<void>
  /** What went into it, where it got that far. */
  readonly made?: StepMade | undefined
  readonly isReused?: boolean
}

export type FailedEnd = AttemptEnd & { readonly result: AttemptFailure }

export type AttemptResult = AttemptSuccess | AttemptFailure | AttemptWaiting

interface AttemptSuccess {
  readonly status: 'succeeded'
  readonly artifacts: readonly StoredArtifact[]
  readonly partial: boolean
  /** To be recorded together, in this order. */
  readonly events: readonly NewRunEvent[]
}

export interface AttemptFailure {
  readonly status: 'failed'
  readonly failure: StepFailure
  readonly effect: FailureEffect
  readonly problems: readonly string[]
  readonly lastText: string
  readonly usage: Usage | undefined
  /** To be recorded before the failure. */
  readonly events: readonly NewRunEvent[]
  /** What the attempt left, for a step that repairs it. Undefined: nothing to build on. */
  readonly remains: Remains | undefined
  readonly rework: Rework | undefined
}

/** A gate that waits for an answer, a step that waits for a provider, or one with such a step in it. */
interface AttemptWaiting {
  readonly status: 'waiting'
  readonly events: readonly NewRunEvent[]
}

/** Outputs that a contract refused. */
export interface Remains {
  readonly artifacts: ReadonlyMap<string, Uint8Array>
  readonly patch: Patch | undefined
}

export interface AttemptRequest {
  readonly task: Task
  /** Different for all attempts of a step, also when the run is resumed. */
  readonly attempt: number
  /** Which of the attempts that its retry allows, from 1: one that was cut off counts once. */
  readonly chance: number
  /** What its parts did before still counts. */
  readonly resumed?: boolean
  readonly previous: PreviousAttempt | undefined
  /** Aborted when the run ends or is cancelled. */
  readonly signal: AbortSignal
  /** What the attempt starts from. */
  readonly start: Snapshot
  /** When the step began, where that was before this attempt: a check after a repair. */
  readonly startedMs?: number
  /** Given beside the artifacts that the step injects. */
  readonly given?: readonly InjectedArtifact[]
  /** Of a repair: artifacts that it makes for the step that it repairs. They are recorded with that step. */
  readonly replaces?: ReadonlySet<string>
}

/** What the parts of an attempt share. */
export interface AttemptScope {
  readonly request: AttemptRequest
  readonly planned: PlannedStep
  readonly signal: AbortSignal
  readonly startedMs: number
  readonly budget: StepBudget
  readonly workspace: StepWorkspace
  readonly inputs: readonly InjectedArtifact[]
  readonly events: StepEvent[]
  /** What went into the attempt, once that is known. */
  made: StepMade | undefined
  /** It was taken over from an earlier run. */
  isReused: boolean
  ended: boolean
}

/** What an attempt does: performing the step, or only checking what is there. */
export type Work = (scope: AttemptScope) => Promise<AttemptResult>

/** A failure without anything to build on. */
export function failedAttempt(
  { step }: PlannedStep,
  failure: StepFailure,
  more: Partial<AttemptFailure> = {},
): AttemptFailure {
  return {
    status: 'failed',
    failure: boundFailure(failure),
    effect: step.retry.onFailure,
    problems: 'problems' in failure ? failure.problems : [],
    lastText: '',
    usage: undefined,
    events: [],
    remains: undefined,
    rework: undefined,
    ...more,
  }
}

/** A failure before anything was opened. */
export function withoutAttempt(result: AttemptFailure): FailedEnd {
  return { result, durationMs: 0, close: () => Promise.resolve() }
}

export function warning(step: string, message: string): NewRunEvent {
  return { type: 'warning', step, message: cut(message, 2000) }
}
