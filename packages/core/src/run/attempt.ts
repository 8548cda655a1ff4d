import { injectArtifacts } from '../artifact/inject.ts'
import type { Usage } from '../agent/messages.ts'
import { WaveError } from '../errors.ts'
import type { NewRunEvent, StepFailure, StoredArtifact } from '../events.ts'
import type { PlannedStep } from '../pipeline/plan.ts'
import { taskOf } from '../pipeline/step-texts.ts'
import { renderTemplate } from '../pipeline/template.ts'
import { WorkspaceLost } from '../ports.ts'
import type {
  InjectedArtifact,
  Patch,
  PreviousAttempt,
  StepContext,
  StepOutcome,
  StepRunner,
} from '../ports.ts'
import { abortReason, limitTime, unlessDeaf } from './attempt-signal.ts'
import type { StepBudget } from './budget.ts'
import { boundFailure, cut } from './failure.ts'
import { checkOutputs, storeArtifacts, storePatch } from './outputs.ts'
import type { FailureEffect, Outputs } from './outputs.ts'
import type { RunContext } from './request.ts'
import { templateScope } from './scope.ts'
import { needsWorkspace, StepWorkspace, workspaceOpener } from './step-workspace.ts'

/** What one try at a step came to. Its workspace stays open until `close`. */
export interface AttemptEnd {
  readonly result: AttemptResult
  readonly durationMs: number
  /**
   * Call once the result is durable: what the workspace holds dies with it. One that cannot be closed is
   * a warning; rejects only when that cannot be recorded.
   */
  readonly close: () => Promise<void>
}

type AttemptResult = AttemptSuccess | AttemptFailure

interface AttemptSuccess {
  readonly ok: true
  readonly artifacts: readonly StoredArtifact[]
  /** To be recorded together, in this order. */
  readonly events: readonly NewRunEvent[]
  readonly usage: Usage | undefined
}

export interface AttemptFailure {
  readonly ok: false
  readonly failure: StepFailure
  readonly effect: FailureEffect
  readonly problems: readonly string[]
  readonly lastText: string
  readonly usage: Usage | undefined
}

export interface AttemptRequest {
  readonly run: RunContext
  readonly planned: PlannedStep
  readonly attempt: number
  readonly previous: PreviousAttempt | undefined
  /** Aborted when the run ends or is cancelled. */
  readonly signal: AbortSignal
}

/**
 * Renders the task, injects, runs, collects, checks, stores. What can go wrong in a run is a result;
 * a failed journal and bugs are thrown.
 */
export async function runAttempt(request: AttemptRequest): Promise<AttemptEnd> {
  const { run, planned } = request
  const { clock } = run.request
  const startedMs = clock.monotonicMs()
  const limit = limitTime(clock, request.signal, planned.step.timeoutMs)
  const scope = openScope(request, limit.signal)
  const close = async (): Promise<void> => {
    if (!scope.workspace.wanted) return
    limit.abort()
    await closeWorkspace(scope)
  }
  try {
    const work = unlessDeaf(perform(scope), limit.signal, clock)
    const result = await work.catch((error: unknown) => expected(scope, error))
    return { result, durationMs: elapsed(), close }
  } catch (error) {
    // The first error is the one to tell, also when the journal takes no warning any more.
    await close().catch(() => {})
    throw error
  } finally {
    scope.ended = true
    scope.budget.release()
    limit[Symbol.dispose]()
  }

  function elapsed(): number {
    return Math.round(clock.monotonicMs() - startedMs)
  }
}

interface Scope {
  readonly request: AttemptRequest
  readonly signal: AbortSignal
  readonly startedMs: number
  readonly budget: StepBudget
  readonly workspace: StepWorkspace
  inputs: readonly InjectedArtifact[]
  ended: boolean
}

function openScope(request: AttemptRequest, signal: AbortSignal): Scope {
  const { run, planned, attempt } = request
  const { id } = planned.step
  const scope: Scope = {
    request,
    signal,
    startedMs: run.request.clock.monotonicMs(),
    budget: run.budget.forStep({ id, dependents: planned.dependents }),
    workspace: new StepWorkspace(() =>
      workspaceOpener(run.request, planned, attempt, scope.inputs)(signal),
    ),
    inputs: [],
    ended: false,
  }
  return scope
}

async function closeWorkspace(scope: Scope): Promise<void> {
  const { run, planned } = scope.request
  try {
    await scope.workspace[Symbol.asyncDispose]()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    run.log.append(warning(planned.step.id, `The workspace could not be closed: ${why}`))
  }
}

async function perform(scope: Scope): Promise<AttemptResult> {
  const { run, planned, attempt } = scope.request
  scope.inputs = loadInputs(run, planned)
  const task = renderTemplate(
    taskOf(planned.step) ?? NO_TASK,
    templateScope(run, planned, attempt, scope.inputs),
  )
  if (!task.ok) return failed(planned, { reason: 'template-failed', message: task.message })
  if (needsWorkspace(planned)) scope.workspace.openAhead()
  const outcome = await runnerOf(run, planned).run(stepContext(scope, task.text))
  if (outcome.status === 'succeeded') return conclude(scope, outcome)
  const failure = scope.signal.aborted ? abortReason(scope.signal) : outcome.failure
  const { usage, lastText = '' } = outcome
  return { ...failed(planned, failure), usage, lastText: lastText.slice(-LAST_TEXT_CHARACTERS) }
}

const LAST_TEXT_CHARACTERS = 2000

const NO_TASK = { text: '', location: { file: '', line: 1, column: 1 } }

function loadInputs(run: RunContext, planned: PlannedStep): readonly InjectedArtifact[] {
  const { store } = run.request
  const find = (step: string, name: string): StoredArtifact | undefined =>
    run.log.state.steps.get(step)?.artifacts.find((artifact) => artifact.name === name)
  const inputs = injectArtifacts(planned.step.inject, find, store)
  const wantsFacts = planned.step.kind === 'prompt' && planned.step.standIn !== undefined
  return run.facts !== undefined && wantsFacts ? [run.facts, ...inputs] : inputs
}

function runnerOf(run: RunContext, planned: PlannedStep): StepRunner {
  if (planned.runner === 'engine') throw new Error('Internal error: no runner for this step')
  const runner = run.request.runners[planned.runner]
  if (runner === undefined) throw new Error(`Internal error: no runner for ${planned.runner} steps`)
  return runner
}

function stepContext(scope: Scope, task: string): StepContext {
  const { run, planned, attempt, previous } = scope.request
  const { request } = run
  return {
    run: { id: request.runId, name: request.plan.pipeline.name, startedAt: run.startedAt },
    planned,
    attempt,
    task,
    input: request.input,
    inputs: scope.inputs,
    snapshot: request.snapshot,
    previous,
    clock: request.clock,
    ids: request.ids,
    store: request.store,
    signal: scope.signal,
    workspace: () => scope.workspace.get(),
    check: async (artifacts) => (await examine(scope, artifacts)).problems,
    emit(event) {
      if (scope.ended) throw new Error('Internal error: an event after the end of its attempt')
      run.log.append(event)
    },
    budget: scope.budget,
  }
}

function examine(scope: Scope, artifacts: ReadonlyMap<string, Uint8Array>): Promise<Outputs> {
  const { workspace } = scope
  const files = workspace.wanted ? () => workspace.get() : undefined
  return checkOutputs(scope.request.planned.step, artifacts, files)
}

type Success = Extract<StepOutcome, { readonly status: 'succeeded' }>

/** Everything is in the store before an event names it. */
async function conclude(scope: Scope, outcome: Success): Promise<AttemptResult> {
  const { run, planned } = scope.request
  const { step } = planned
  const [outputs, patch] = await Promise.all([examine(scope, outcome.artifacts), changes(scope)])
  const { usage, lastText = '' } = outcome
  if (outputs.failure !== undefined) {
    const { problems } = outputs
    const end = lastText.slice(-LAST_TEXT_CHARACTERS)
    return { ok: false, ...outputs.failure, problems, lastText: end, usage }
  }
  const artifacts = storeArtifacts(step, outputs.artifacts, run.request.store)
  const stored = storePatch(patch ?? outcome.patch, run.request.store)
  const warnings = outputs.warnings.map((message) => warning(step.id, message))
  const succeeded: NewRunEvent = {
    type: 'step-succeeded',
    step: step.id,
    attempt: scope.request.attempt,
    artifacts,
    ...(stored && { patch: stored }),
    ...(outcome.verdict && { verdict: outcome.verdict }),
    message: outcome.message ?? planned.message,
    durationMs: Math.round(run.request.clock.monotonicMs() - scope.startedMs),
    usage,
  }
  const stores = artifacts.map((artifact) => storedEvent(step.id, artifact))
  return { ok: true, artifacts, events: [...warnings, ...stores, succeeded], usage }
}

async function changes(scope: Scope): Promise<Patch | undefined> {
  const { mount } = scope.request.planned.step
  if (mount?.mode !== 'readwrite' || !scope.workspace.wanted) return undefined
  const workspace = await scope.workspace.get()
  return workspace.diff()
}

function warning(step: string, message: string): NewRunEvent {
  return { type: 'warning', step, message: cut(message, 2000) }
}

function storedEvent(step: string, artifact: StoredArtifact): NewRunEvent {
  return { type: 'artifact-stored', step, artifact }
}

/** What an exception means for the attempt; a failed journal and bugs go on. */
function expected(scope: Scope, error: unknown): AttemptResult {
  const { planned } = scope.request
  if (isFatal(error)) throw error
  if (scope.signal.aborted) return failed(planned, abortReason(scope.signal))
  if (error instanceof WorkspaceLost) {
    return failed(planned, { reason: error.reason, message: error.message })
  }
  if (!(error instanceof WaveError)) throw error
  const { code, message, hint } = error
  return failed(planned, { reason: 'environment', code, message, ...(hint && { hint }) })
}

function isFatal(error: unknown): boolean {
  if (error instanceof WaveError) return error.code === 'journal-write-failed'
  return error instanceof Error && error.message.startsWith('Internal error')
}

function failed(planned: PlannedStep, failure: StepFailure): AttemptFailure {
  return {
    ok: false,
    failure: boundFailure(failure),
    effect: planned.step.retry.onFailure,
    problems: 'problems' in failure ? failure.problems : [],
    lastText: '',
    usage: undefined,
  }
}
