import type { StepFailure } from '../../events.ts'
import type { Retry } from '../../pipeline/pipeline.ts'
import type { PreviousAttempt, Snapshot } from '../../ports.ts'
import { failedAttempt, warning, withoutAttempt } from './attempt-result.ts'
import type { AttemptFailure, FailedEnd } from './attempt-result.ts'
import { abortReason } from './attempt-signal.ts'
import { runAttempt } from './attempt.ts'
import { sleep } from '../clock.ts'
import type { Task } from '../frame.ts'
import { perform } from './perform.ts'
import type { RunContext } from '../request.ts'
import { mayRetry, retryDelayMs, whyNotRetried } from './retry.ts'
import { repair } from './rework.ts'
import { ended, failedEvents, failedFor, startedEvent } from './step-end.ts'
import type { StepEnd } from './step-end.ts'
import { startSnapshot, startTree } from './trees.ts'

/** One step with all its attempts. The caller has recorded the start of the first. */
export async function runStep(task: Task, signal: AbortSignal): Promise<StepEnd> {
  const { run } = task.frame
  const retry = retryOf(task)
  const failures: StepFailure[] = []
  const start = await startOf(task)
  if (!('tree' in start)) return failedFor(task, 1, start)
  let previous: PreviousAttempt | undefined
  for (let attempt = 1; ; attempt += 1) {
    if (attempt > 1) run.log.append(startedEvent(task, attempt))
    const end = await runAttempt({ task, attempt, previous, signal, start }, perform)
    const { result } = end
    if (result.status !== 'failed') return ended(task, end)
    failures.push(result.failure)
    if (signal.aborted || result.effect === 'rejected' || !mayRetry(retry, failures)) {
      const given = whyNotRetried(retry, failures)
      if (given !== undefined) run.log.append(warning(task.planned.step.id, given))
      const repaired = await repair(task, { end, result, attempt, start, signal })
      return repaired ?? failedFor(task, attempt, { ...end, result })
    }
    run.log.appendAll(failedEvents(task, attempt, { ...end, result }, true))
    await end.close()
    await pause(run, retry, attempt, signal)
    if (signal.aborted) return failedFor(task, attempt, cancelled(task, signal))
    previous = previousAttempt(result)
  }
}

/** A fan-out is not tried again as a whole: its items are. */
function retryOf({ planned: { step } }: Task): Retry {
  const isWhole = step.iterate !== undefined || step.kind === 'gate'
  return isWhole ? { ...step.retry, maxAttempts: 1 } : step.retry
}

/** What the step starts from, the same for every attempt. */
async function startOf(task: Task): Promise<Snapshot | FailedEnd> {
  const { base, run } = task.frame
  if (startTree(task) === base.tree) return base
  try {
    return await startSnapshot(task)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const failure: StepFailure = { reason: 'environment', code: 'workspace-failed', message }
    run.log.append({ type: 'warning', step: task.planned.step.id, message })
    return withoutAttempt(failedAttempt(task.planned, failure))
  }
}

/** The run ended during the pause before a retry. */
function cancelled({ planned }: Task, signal: AbortSignal): FailedEnd {
  return withoutAttempt({ ...failedAttempt(planned, abortReason(signal)), effect: 'fail' })
}

function pause(run: RunContext, retry: Retry, attempt: number, signal: AbortSignal): Promise<void> {
  const { clock, ids } = run.request
  return sleep(clock, retryDelayMs(retry, attempt, ids.fraction()), signal)
}

function previousAttempt(result: AttemptFailure): PreviousAttempt {
  const { failure, problems, lastText } = result
  return { failure, problems, lastText }
}
