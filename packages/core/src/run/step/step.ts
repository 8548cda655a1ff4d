import type { StepFailure } from '../../events.ts'
import type { Retry } from '../../pipeline/pipeline.ts'
import type { PreviousAttempt, Snapshot } from '../../ports.ts'
import { failedAttempt, warning, withoutAttempt } from './attempt-result.ts'
import type { AttemptFailure, FailedEnd } from './attempt-result.ts'
import { abortReason } from './attempt-signal.ts'
import { runAttempt } from './attempt.ts'
import { keeping } from '../cache/keep-step.ts'
import { sleep } from '../clock.ts'
import type { Task } from '../frame.ts'
import { perform } from './perform.ts'
import type { RunContext } from '../request.ts'
import { FIRST_ATTEMPT } from '../resume/beginning.ts'
import type { Beginning } from '../resume/beginning.ts'
import { mayRetry, retryDelayMs, whyNotRetried } from './retry.ts'
import { repair } from './rework.ts'
import type { Broken } from './rework.ts'
import { ended, failedEvents, failedFor, startedEvent } from './step-end.ts'
import type { StepEnd } from './step-end.ts'
import { startSnapshot, startTree } from './trees.ts'

/** One step with all its attempts. The caller has recorded the start of the first. */
export async function runStep(
  task: Task,
  signal: AbortSignal,
  beginning: Beginning = FIRST_ATTEMPT,
): Promise<StepEnd> {
  const { run } = task.frame
  const retry = retryOf(task)
  const failures = [...beginning.failures]
  const start = await startOf(task)
  if (!('tree' in start)) return failedFor(task, beginning.attempt, start)
  let { previous } = beginning
  for (let { attempt } = beginning; ; attempt += 1) {
    const isFirst = attempt === beginning.attempt
    if (!isFirst) run.log.append(startedEvent(task, attempt))
    run.resumption?.note(task, attempt, beginning)
    const chance = failures.length + 1
    const resumed = isFirst && beginning.resumed
    const request = { task, attempt, chance, resumed, previous, signal, start }
    const end = await runAttempt(request, perform)
    const { result } = end
    if (result.status !== 'failed') return keeping(task, ended(task, end), end)
    failures.push(result.failure)
    if (signal.aborted || result.effect === 'rejected' || !mayRetry(retry, failures)) {
      const given = whyNotRetried(retry, failures)
      return lastEnd(task, { end, result, attempt, chance, start, signal }, given)
    }
    run.log.appendAll(failedEvents(task, attempt, { ...end, result }, true))
    await end.close()
    await pause(run, retry, chance, signal)
    if (signal.aborted) return failedFor(task, attempt, cancelled(task, signal))
    previous = previousAttempt(result)
  }
}

/** No attempt is left: another step repairs it, or it has failed. `given`: why some are not made. */
async function lastEnd(task: Task, broken: Broken, given: string | undefined): Promise<StepEnd> {
  if (given !== undefined) task.frame.run.log.append(warning(task.planned.step.id, given))
  const { end, result, attempt } = broken
  return (await repair(task, broken)) ?? failedFor(task, attempt, { ...end, result })
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

function pause(run: RunContext, retry: Retry, chance: number, signal: AbortSignal): Promise<void> {
  const { clock, ids } = run.request
  return sleep(clock, retryDelayMs(retry, chance, ids.fraction()), signal)
}

function previousAttempt(result: AttemptFailure): PreviousAttempt {
  const { failure, problems, lastText } = result
  return { failure, problems, lastText }
}
