import type { NewRunEvent } from '../../events.ts'
import type { GateStep } from '../../pipeline/pipeline.ts'
import { renderTemplate } from '../../pipeline/template/template.ts'
import { abortReason } from '../step/attempt-signal.ts'
import { failedAttempt } from '../step/attempt-result.ts'
import type { AttemptScope } from '../step/attempt-result.ts'
import { sleep } from '../clock.ts'
import { notify } from '../step/hooks.ts'
import { templateScope } from '../scope.ts'
import type { Composed } from './composed.ts'

/** Waits for a time, or takes the answer that was given in advance; without one, the run is suspended. */
export async function runGate(scope: AttemptScope, step: GateStep): Promise<Composed> {
  if (step.gate.type === 'timer') return runTimer(scope, step)
  const { task } = scope.request
  const { answers = {} } = task.frame.run.request
  const given = [step.id, task.local.step.id].find((id) => Object.hasOwn(answers, id))
  if (given !== undefined) return answer(scope, step, answers[given] ?? '')
  if (isOverdue(scope, step)) return byDefault(scope, step)
  const message = renderMessage(scope, step)
  const { choices, waitMs } = step.gate
  const waiting: NewRunEvent = {
    type: 'gate-waiting',
    step: step.id,
    message: message.slice(0, 2000),
    choices: choices.map(({ key, label }) => ({ key, label })),
    waitMs,
  }
  task.frame.run.log.onceRecorded(waiting, () =>
    notify(task.frame, 'gate_waiting', { task, outcome: 'suspended' }),
  )
  return { status: 'waiting', events: [waiting] }
}

async function runTimer(scope: AttemptScope, step: GateStep): Promise<Composed> {
  const { run } = scope.request.task.frame
  using _ = run.time.pause()
  await sleep(run.request.clock, step.gate.waitMs ?? 0, scope.signal)
  if (scope.signal.aborted) return failedAttempt(scope.planned, abortReason(scope.signal))
  return byDefault(scope, step)
}

/**
 * Whether a gate that asked before the run was resumed has waited long enough for its default. The one place
 * where a recorded time decides: while no process runs, no other clock does. One that was set back makes
 * the gate wait longer.
 */
function isOverdue({ request, planned }: AttemptScope, { gate }: GateStep): boolean {
  const { resumption, request: asked } = request.task.frame.run
  const since = resumption?.askedAt(planned.step.id)
  if (since === undefined || gate.waitMs === undefined || gate.defaultChoice === undefined) {
    return false
  }
  return Date.parse(asked.clock.nowUtc()) - Date.parse(since) >= gate.waitMs
}

function byDefault(scope: AttemptScope, { gate }: GateStep): Composed {
  return answered(scope, { choice: gate.defaultChoice ?? '', text: '', by: 'timeout' })
}

/** `key`, or `key:text` where the gate takes a text. */
function answer(scope: AttemptScope, { gate }: GateStep, given: string): Composed {
  const at = gate.freeform ? given.indexOf(':') : -1
  const choice = at === -1 ? given : given.slice(0, at)
  const text = at === -1 ? '' : given.slice(at + 1)
  const chosen = gate.choices.find(({ key }) => key === choice)
  if (chosen === undefined) {
    // The command line has checked it; an answer for a child's gate may not fit this one.
    const known = gate.choices.map(({ key }) => key).join(', ')
    const message = `The answer "${choice.slice(0, 100)}" is none of ${known}.`
    return failedAttempt(scope.planned, { reason: 'branch-failed', message })
  }
  const end = answered(scope, { choice, text, by: 'user' })
  if (!chosen.fail) return end
  return failedAttempt(
    scope.planned,
    { reason: 'gate-rejected', choice: chosen.label },
    { effect: 'rejected' },
  )
}

function answered(
  scope: AttemptScope,
  given: { readonly choice: string; readonly text: string; readonly by: 'user' | 'timeout' },
): Composed {
  const { log } = scope.request.task.frame.run
  log.append({ type: 'gate-answered', step: scope.planned.step.id, ...given })
  const { choice, text } = given
  const content = Buffer.from(JSON.stringify({ choice, text }))
  return { status: 'succeeded', artifacts: new Map([['answer', content]]), usage: undefined }
}

function renderMessage(scope: AttemptScope, { gate, id }: GateStep): string {
  if (gate.message === undefined) return `"${id}" waits for an answer.`
  const { task, chance } = scope.request
  const rendered = renderTemplate(gate.message, templateScope(task, chance, scope.inputs))
  return rendered.ok ? rendered.text : rendered.message
}
