import { taskOf } from '../../pipeline/step-texts.ts'
import { renderTemplate } from '../../pipeline/template/template.ts'
import type { StepContext, StepOutcome, StepRunner } from '../../ports.ts'
import { abortReason } from './attempt-signal.ts'
import { failedAttempt } from './attempt-result.ts'
import type { AttemptResult, AttemptScope, Remains } from './attempt-result.ts'
import { runComposed } from '../compose/composed.ts'
import { changes, conclude, examineEarly, LAST_TEXT_CHARACTERS } from './conclude.ts'
import { runStepHooks } from './hooks.ts'
import { checkInputs } from './inputs.ts'
import { describeMaking, reuseStep } from '../cache/reuse-step.ts'
import { isLongWait, waitForProvider } from './provider-wait.ts'
import { templateScope } from '../scope.ts'
import { needsWorkspace } from './step-workspace.ts'

/** Does what the step is there for, then checks and stores what came of it. */
export async function perform(scope: AttemptScope): Promise<AttemptResult> {
  const { planned, request } = scope
  const badInput = checkInputs(request.task, scope.inputs)
  if (badInput !== undefined) return failedAttempt(planned, badInput)
  const composed = await runComposed(scope)
  if (composed !== undefined) {
    return 'artifacts' in composed ? conclude(scope, stepContext(scope, ''), composed) : composed
  }
  const task = renderTask(scope)
  if (!task.ok) return failedAttempt(planned, { reason: 'template-failed', message: task.message })
  if (request.replaces === undefined) {
    scope.made = describeMaking(scope, firstText(scope, task.text))
    const reused = await reuseStep(scope, scope.made)
    if (reused !== undefined) return reused
  }
  const context = stepContext(scope, task.text)
  if (needsWorkspace(planned)) scope.workspace.openAhead()
  const refused = await runStepHooks(scope, 'step_start')
  if (refused !== undefined) return failedAttempt(planned, refused)
  const outcome = await runnerOf(scope).run(context)
  return outcome.status === 'succeeded' ? conclude(scope, context, outcome) : giveUp(scope, outcome)
}

/** The runner has no outputs: it failed, was stopped, or has to wait for its provider. */
async function giveUp(
  scope: AttemptScope,
  outcome: Extract<StepOutcome, { readonly status: 'failed' }>,
): Promise<AttemptResult> {
  const { planned, signal } = scope
  const failure = signal.aborted ? abortReason(signal) : outcome.failure
  if (isLongWait(failure)) return waitForProvider(scope, failure)
  const { usage, lastText = '' } = outcome
  const remains = await remainsOf(scope)
  const end = lastText.slice(-LAST_TEXT_CHARACTERS)
  return failedAttempt(planned, failure, { usage, lastText: end, remains })
}

/** What a runner that failed has changed, for a step that repairs it. */
async function remainsOf(scope: AttemptScope): Promise<Remains | undefined> {
  if (scope.planned.step.retry.onFailure !== 'rework' || scope.signal.aborted) return undefined
  return { artifacts: new Map(), patch: await changes(scope) }
}

/** A retry may be told another attempt; what it is to come to is the same. */
function firstText(scope: AttemptScope, text: string): string {
  if (scope.request.chance === 1) return text
  const first = renderTask(scope, 1)
  return first.ok ? first.text : text
}

function renderTask(
  { request, inputs, planned }: AttemptScope,
  chance = request.chance,
): ReturnType<typeof renderTemplate> {
  const template = taskOf(planned.step)
  if (template === undefined) throw new Error('Internal error: a step without a task')
  return renderTemplate(template, templateScope(request.task, chance, inputs))
}

function runnerOf({ planned, request }: AttemptScope): StepRunner {
  const { runners } = request.task.frame.run.request
  const runner = planned.runner === 'engine' ? undefined : runners[planned.runner]
  if (runner === undefined) throw new Error(`Internal error: no runner for ${planned.runner} steps`)
  return runner
}

/** What a runner, or a contract, gets to know of the attempt. */
export function stepContext(scope: AttemptScope, task: string): StepContext {
  const { planned, request, signal, budget } = scope
  const { frame, item } = request.task
  const { run } = frame
  const { runId, clock, ids, store, redact } = run.request
  const context: StepContext = {
    run: { id: runId, name: frame.pipeline.name, startedAt: run.startedAt },
    planned,
    attempt: request.attempt,
    task,
    input: frame.input.text,
    env: frame.env,
    ...(item && { item: item.value }),
    inputs: scope.inputs,
    snapshot: request.start,
    previous: request.previous,
    clock,
    ids,
    store,
    recorded: run.resumption?.repliesFor(planned.step.id),
    redact,
    signal,
    workspace: () => scope.workspace.get(),
    check: (artifacts) => examineEarly(scope, context, artifacts),
    emit(event) {
      if (scope.ended) throw new Error('Internal error: an event after the end of its attempt')
      const stored = run.log.append(event)
      if ('step' in stored) scope.events.push(stored)
    },
    budget,
  }
  return context
}
