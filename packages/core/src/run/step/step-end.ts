import type {
  ArtifactRef,
  Evaluated,
  NewRunEvent,
  StepFailure,
  StoredArtifact,
} from '../../events.ts'
import type { PreviousAttempt } from '../../ports.ts'
import { redactBytes } from '../../redact-deep.ts'
import { failedAttempt, withoutAttempt } from './attempt-result.ts'
import type { AttemptEnd, FailedEnd } from './attempt-result.ts'
import { describeFailure } from '../failure.ts'
import type { Task } from '../frame.ts'
import { notify } from './hooks.ts'
import { injectedArtifact } from './inputs.ts'
import type { FailureEffect } from './outputs.ts'
import type { RunContext } from '../request.ts'
import type { StepState } from '../state.ts'
import { startTree } from './trees.ts'

/** How a step ended. Its events are not recorded yet: the caller groups them with those of others. */
export interface StepEnd {
  readonly id: string
  readonly effect: 'succeeded' | 'waiting' | FailureEffect
  readonly failure: StepFailure | undefined
  /** Succeeded, but not in all of its parts. */
  readonly partial: boolean
  readonly artifacts: readonly StoredArtifact[]
  readonly events: readonly NewRunEvent[]
  /** Closes the workspace. Call once the events are durable. Rejects only when nothing can be recorded. */
  readonly close: () => Promise<void>
}

/** `find` knows artifacts that are not recorded yet, but will be together with this event. */
export function startedEvent(
  task: Task,
  attempt: number,
  more: {
    readonly find?: (step: string) => readonly StoredArtifact[]
    readonly when?: Evaluated | undefined
    readonly resumed?: boolean
  } = {},
): NewRunEvent {
  const { planned, local, frame } = task
  const { persona, step } = planned
  const { find = recordedArtifacts(frame.run), when, resumed = false } = more
  const inputs = local.step.inject.flatMap((injection) => {
    const { artifact, as } = injection
    const found =
      injection.previous === true
        ? injectedArtifact(task, injection)
        : find(frame.resolve(injection.step)).find(({ name }) => name === artifact)
    return found === undefined ? [] : [{ as, digest: found.digest }]
  })
  return {
    type: 'step-started',
    step: step.id,
    attempt,
    ...(resumed && { resumed }),
    ...(persona && { personaDigest: persona.digest }),
    tree: startTree(task),
    inputs,
    ...(when && { when }),
  }
}

export function recordedArtifacts(run: RunContext): (step: string) => readonly StoredArtifact[] {
  return (step) => run.log.state.steps.get(step)?.artifacts ?? []
}

/** A step that ended well, or waits. */
export function ended({ planned }: Task, { result, close }: AttemptEnd): StepEnd {
  if (result.status === 'failed') throw new Error('Internal error: not a success')
  const { events } = result
  const common = { id: planned.step.id, failure: undefined, events, close }
  if (result.status === 'waiting') {
    return { ...common, effect: 'waiting', partial: false, artifacts: [] }
  }
  const { artifacts, partial } = result
  return { ...common, effect: 'succeeded', partial, artifacts }
}

/** A step that succeeded before the run was resumed, and need not run again. */
export function keptEnd({ id, partial, artifacts }: StepState): StepEnd {
  const end = { id, effect: 'succeeded', failure: undefined, events: [], close: noClosing } as const
  return { ...end, partial, artifacts }
}

function noClosing(): Promise<void> {
  return Promise.resolve()
}

/** A step that failed for good. */
export function failedFor(task: Task, attempt: number, end: FailedEnd): StepEnd {
  const { failure, effect: wanted } = end.result
  // Nobody could repair it.
  const effect = wanted === 'rework' ? 'fail' : wanted
  const { id } = task.planned.step
  const because = describeFailure(failure)
  const failed = failedEvents(task, attempt, end, false)
  const events = effect === 'skip' ? [...failed, skippedEvent(id, because)] : failed
  const last = failed.at(-1)
  if (last !== undefined) {
    const tell = (): void => notify(task.frame, 'step_failed', { task, outcome: 'failed' })
    task.frame.run.log.onceRecorded(last, tell)
  }
  return { id, effect, failure, partial: false, artifacts: [], events, close: end.close }
}

/** A step that failed before its first attempt. */
export function neverStarted(task: Task, failure: StepFailure): StepEnd {
  return failedFor(task, 1, withoutAttempt(failedAttempt(task.planned, failure)))
}

/** Why steps are skipped that the user does not want. */
export const LEFT_OUT = 'left out by the user'

/** A step that does not run, and why. */
export function skippedEvent(step: string, because: string): NewRunEvent {
  return { type: 'step-skipped', step, because }
}

export function failedEvents(
  { planned, frame }: Task,
  attempt: number,
  { result, durationMs, made }: FailedEnd,
  willRetry: boolean,
): readonly NewRunEvent[] {
  const { failure, usage, events, problems, lastText } = result
  const { id: step } = planned.step
  // Whoever resumes the run tells the next attempt the same.
  const told = willRetry && { told: storeTold(frame.run, { problems, lastText }) }
  const failed = { type: 'step-failed', step, attempt, failure, willRetry } as const
  return [...events, { ...failed, ...told, ...(made && { made }), durationMs, usage }]
}

function storeTold(
  { request: { store, redact } }: RunContext,
  told: Pick<PreviousAttempt, 'problems' | 'lastText'>,
): ArtifactRef {
  const content = Buffer.from(JSON.stringify(told))
  return store.put(redact === undefined ? content : redactBytes(content, redact))
}
