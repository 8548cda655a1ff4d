import type { NewRunEvent, StepFailure, StoredArtifact } from '../events.ts'
import type { PlannedStep } from '../pipeline/plan.ts'
import type { PreviousAttempt } from '../ports.ts'
import { abortReason } from './attempt-signal.ts'
import { runAttempt } from './attempt.ts'
import type { AttemptEnd, AttemptFailure } from './attempt.ts'
import { sleep } from './clock.ts'
import { describeFailure } from './failure.ts'
import type { FailureEffect } from './outputs.ts'
import type { RunContext } from './request.ts'
import { mayRetry, retryDelayMs } from './retry.ts'

/** How a step ended. Its events are not recorded yet: the caller groups them with those of others. */
export interface StepEnd {
  readonly id: string
  readonly effect: 'succeeded' | FailureEffect
  readonly failure: StepFailure | undefined
  readonly artifacts: readonly StoredArtifact[]
  readonly events: readonly NewRunEvent[]
  /** Closes the workspace. Call once the events are durable. Rejects only when nothing can be recorded. */
  readonly close: () => Promise<void>
}

/** One step with all its attempts. The caller has recorded the start of the first. */
export async function runStep(
  run: RunContext,
  planned: PlannedStep,
  signal: AbortSignal,
): Promise<StepEnd> {
  const failures: StepFailure[] = []
  let previous: PreviousAttempt | undefined
  for (let attempt = 1; ; attempt += 1) {
    if (attempt > 1) run.log.append(startedEvent(run, planned, attempt))
    const end = await runAttempt({ run, planned, attempt, previous, signal })
    if (end.result.ok) return succeeded(planned, end)
    failures.push(end.result.failure)
    const { effect } = end.result
    if (signal.aborted || effect === 'rejected' || !mayRetry(planned.step.retry, failures)) {
      return failedFor(planned, attempt, end)
    }
    run.log.append(failedEvent(planned, attempt, end, true))
    await end.close()
    await pause(run, planned, attempt, signal)
    if (signal.aborted) return cancelled(planned, attempt, signal)
    previous = previousAttempt(end.result)
  }
}

/** `find` knows artifacts that are not recorded yet, but will be together with this event. */
export function startedEvent(
  run: RunContext,
  planned: PlannedStep,
  attempt: number,
  find = recordedArtifacts(run),
): NewRunEvent {
  const { step, persona } = planned
  const inputs = step.inject.flatMap(({ step: origin, artifact, as }) => {
    const found = find(origin).find(({ name }) => name === artifact)
    return found === undefined ? [] : [{ as, digest: found.digest }]
  })
  return {
    type: 'step-started',
    step: step.id,
    attempt,
    ...(persona && { personaDigest: persona.digest }),
    tree: run.request.snapshot.tree,
    inputs,
  }
}

export function recordedArtifacts(run: RunContext): (step: string) => readonly StoredArtifact[] {
  return (step) => run.log.state.steps.get(step)?.artifacts ?? []
}

function succeeded(planned: PlannedStep, end: AttemptEnd): StepEnd {
  if (!end.result.ok) throw new Error('Internal error: not a success')
  const { artifacts, events } = end.result
  const { id } = planned.step
  return { id, effect: 'succeeded', failure: undefined, artifacts, events, close: end.close }
}

function failedFor(planned: PlannedStep, attempt: number, end: AttemptEnd): StepEnd {
  if (end.result.ok) throw new Error('Internal error: not a failure')
  const { failure, effect } = end.result
  const { id } = planned.step
  const because = describeFailure(failure)
  const skipped: NewRunEvent = { type: 'step-skipped', step: id, because }
  const events = [failedEvent(planned, attempt, end, false)]
  if (effect === 'skip') events.push(skipped)
  return { id, effect, failure, artifacts: [], events, close: end.close }
}

function failedEvent(
  planned: PlannedStep,
  attempt: number,
  end: AttemptEnd,
  willRetry: boolean,
): NewRunEvent {
  if (end.result.ok) throw new Error('Internal error: not a failure')
  const { failure, usage } = end.result
  const { durationMs } = end
  return {
    type: 'step-failed',
    step: planned.step.id,
    attempt,
    failure,
    willRetry,
    durationMs,
    usage,
  }
}

/** The run ended during the pause before a retry. */
function cancelled(planned: PlannedStep, attempt: number, signal: AbortSignal): StepEnd {
  const failure = abortReason(signal)
  const { id } = planned.step
  const event: NewRunEvent = {
    type: 'step-failed',
    step: id,
    attempt,
    failure,
    willRetry: false,
    durationMs: 0,
    usage: undefined,
  }
  return { id, effect: 'fail', failure, artifacts: [], events: [event], close: alreadyClosed }
}

function alreadyClosed(): Promise<void> {
  return Promise.resolve()
}

function pause(
  run: RunContext,
  planned: PlannedStep,
  attempt: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock, ids } = run.request
  return sleep(clock, retryDelayMs(planned.step.retry, attempt, ids.fraction()), signal)
}

function previousAttempt(result: AttemptFailure): PreviousAttempt {
  const { failure, problems, lastText } = result
  return { failure, problems, lastText }
}
