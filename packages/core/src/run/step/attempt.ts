import { WaveError } from '../../errors.ts'
import type { StepFailure } from '../../events.ts'
import type { PlannedStep } from '../../pipeline/plan/plan.ts'
import { ChangesRefused, WorkspaceLost } from '../../workspace-errors.ts'
import type { InjectedArtifact } from '../../ports.ts'
import { failedAttempt, warning, withoutAttempt } from './attempt-result.ts'
import type {
  AttemptEnd,
  AttemptFailure,
  AttemptRequest,
  AttemptResult,
  AttemptScope,
  Work,
} from './attempt-result.ts'
import { abortReason, limitTime, unlessDeaf } from './attempt-signal.ts'
import { callsAround, isComposed, stepsBehind } from '../frame.ts'
import type { Task } from '../frame.ts'
import { loadInputs, placeArtifacts } from './inputs.ts'
import { ProviderAsksToWait, waitForProvider } from './provider-wait.ts'
import { StepWorkspace, workspaceOpener } from './step-workspace.ts'

/**
 * Opens what an attempt needs, lets it do its work within its time, and closes it. What can go wrong in a
 * run is a result; a failed journal and bugs are thrown.
 */
export async function runAttempt(request: AttemptRequest, work: Work): Promise<AttemptEnd> {
  const { task } = request
  const { clock } = task.frame.run.request
  const startedMs = request.startedMs ?? clock.monotonicMs()
  const read = readInputs(request)
  if (!read.ok) return withoutAttempt(read.result)
  const limit = limitTime(clock, request.signal, timeoutOf(task))
  const scope = openScope(request, limit.signal, read.inputs)
  const close = async (): Promise<void> => {
    if (!scope.workspace.wanted) return
    limit.abort()
    await closeWorkspace(scope)
  }
  try {
    const working = work(scope)
    // Steps that are made of others end when those have; each of them is given up by itself.
    const awaited = isComposed(task) ? working : unlessDeaf(working, limit.signal, clock)
    const result = await awaited.catch((error: unknown) => expected(scope, error))
    const durationMs = Math.round(clock.monotonicMs() - startedMs)
    const { made, isReused } = scope
    return { result, durationMs, close, made, isReused }
  } catch (error) {
    // The first error is the one to tell, also when the journal takes no warning any more.
    await close().catch(() => {})
    throw error
  } finally {
    scope.ended = true
    scope.budget.release()
    limit[Symbol.dispose]()
  }
}

/** The minutes that a called pipeline gives itself. */
function childTimeMs({ child }: PlannedStep): number {
  const minutes = child?.pipeline.limits.minutes
  return minutes === undefined ? Infinity : minutes * 60_000
}

/** Of a fan-out, the time limit is that of each item. */
function timeoutOf({ planned, frame }: Task): number {
  const { step } = planned
  const wholeRunMs = frame.run.request.plan.limits.minutes * 60_000
  if (step.iterate !== undefined) return step.iterate.totalTimeoutMs ?? wholeRunMs
  return step.kind === 'gate' ? Infinity : Math.min(step.timeoutMs, childTimeMs(planned))
}

/** What the attempt is given; a stored artifact that was damaged fails it. */
function readInputs({
  task,
  given = [],
}: AttemptRequest):
  | { readonly ok: true; readonly inputs: readonly InjectedArtifact[] }
  | { readonly ok: false; readonly result: AttemptFailure } {
  try {
    return { ok: true, inputs: [...given, ...loadInputs(task)] }
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    return { ok: false, result: failedAttempt(task.planned, environmentFailure(error)) }
  }
}

function openScope(
  request: AttemptRequest,
  signal: AbortSignal,
  inputs: readonly InjectedArtifact[],
): AttemptScope {
  const { task, attempt, chance, start } = request
  const { run } = task.frame
  const planned = strengthened(placeArtifacts(task, chance), chance)
  const { step } = planned
  const dependents = stepsBehind(task)
  const calls = callsAround(task)
  const limits = step.kind === 'prompt' ? step.limits : undefined
  const open = workspaceOpener({ task, planned, attempt, inputs, start })
  return {
    request,
    planned,
    signal,
    startedMs: request.startedMs ?? run.request.clock.monotonicMs(),
    budget: run.budget.forStep({ id: step.id, dependents, calls, ...(limits && { limits }) }),
    workspace: new StepWorkspace(() => open(signal)),
    inputs,
    events: [],
    made: undefined,
    isReused: false,
    ended: false,
  }
}

/** With `retry.escalate`, each attempt after the first has stronger models. */
function strengthened(planned: PlannedStep, chance: number): PlannedStep {
  const { escalation = [] } = planned
  const models = escalation[Math.min(chance - 2, escalation.length - 1)]
  return chance < 2 || models === undefined ? planned : { ...planned, models }
}

async function closeWorkspace(scope: AttemptScope): Promise<void> {
  const { log } = scope.request.task.frame.run
  try {
    await scope.workspace[Symbol.asyncDispose]()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    log.append(warning(scope.planned.step.id, `The workspace could not be closed: ${why}`))
  }
}

/** What an exception means for the attempt; a failed journal and bugs go on. */
function expected(scope: AttemptScope, error: unknown): AttemptResult {
  const { planned } = scope
  if (isFatal(error)) throw error
  if (scope.signal.aborted) return failedAttempt(planned, abortReason(scope.signal))
  if (error instanceof ProviderAsksToWait) return waitForProvider(scope, error.failure)
  if (error instanceof WorkspaceLost) {
    return failedAttempt(planned, { reason: error.reason, message: error.message })
  }
  if (error instanceof ChangesRefused) {
    const problems = [error.message]
    return failedAttempt(planned, { reason: 'artifact-invalid', name: 'changes', problems })
  }
  if (!(error instanceof WaveError)) throw error
  return failedAttempt(planned, environmentFailure(error))
}

function environmentFailure({ code, message, hint }: WaveError): StepFailure {
  return { reason: 'environment', code, message, ...(hint !== undefined && { hint }) }
}

function isFatal(error: unknown): boolean {
  if (error instanceof WaveError) return error.code === 'journal-write-failed'
  return error instanceof Error && error.message.startsWith('Internal error')
}
