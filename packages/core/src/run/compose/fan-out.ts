import type { StepFailure } from '../../events.ts'
import type { ArtifactDeclaration, Iterate } from '../../pipeline/pipeline.ts'
import { renderTemplate } from '../../pipeline/template/template.ts'
import { failedAttempt } from '../step/attempt-result.ts'
import type { AttemptScope } from '../step/attempt-result.ts'
import { evaluate } from '../conditions.ts'
import { itemsFrame } from '../frame.ts'
import type { Frame, Task } from '../frame.ts'
import type { StepState } from '../state.ts'
import { conditionScope, templateScope } from '../scope.ts'
import type { Composed } from './composed.ts'
import { fanOutResult } from './fan-out-result.ts'
import { runItems } from './graph.ts'
import { parseItems } from './items.ts'

/** Runs the step once per item of a list, each in a sandbox of its own. */
export async function runFanOut(scope: AttemptScope, iterate: Iterate): Promise<Composed> {
  const { planned, request } = scope
  const listed = await listItems(scope, iterate)
  if (!listed.ok) return failedAttempt(planned, listed.failure)
  const { items } = listed
  if (items.length > iterate.maxItems) {
    const message = `The list has ${items.length} items, more than the ${iterate.maxItems} of "max_items".`
    return failedAttempt(planned, { reason: 'condition-failed', message })
  }
  const { concurrency } = request.task.frame
  const frame = itemsFrame(request.task, items, {
    concurrency:
      iterate.mode === 'sequential' ? 1 : Math.min(iterate.maxConcurrent ?? Infinity, concurrency),
    failurePolicy: iterate.onFailure === 'fail' ? 'cancel_all' : 'continue',
  })
  const end = await runItems(scope, frame)
  if (end !== undefined) return end
  return results(scope, iterate, frame)
}

type Listed =
  | { readonly ok: true; readonly items: readonly unknown[] }
  | { readonly ok: false; readonly failure: StepFailure }

async function listItems({ request, inputs }: AttemptScope, { items }: Iterate): Promise<Listed> {
  const { task, chance, start } = request
  switch (items.kind) {
    case 'list': {
      const decided = evaluate(items.over, conditionScope(task), 'list')
      if (!decided.ok) return decided
      if (Array.isArray(decided.value)) return { ok: true, items: decided.value }
      return refused('"iterate.over" is not a list.')
    }
    case 'text': {
      const rendered = renderTemplate(items.text, templateScope(task, chance, inputs))
      return rendered.ok ? readItems(rendered.text) : refused(rendered.message)
    }
    case 'file': {
      const content = await start.read(items.path)
      if (content === undefined) return refused(`There is no file ${items.path} in the snapshot.`)
      return readItems(new TextDecoder().decode(content))
    }
    default:
      return items satisfies never
  }
}

function readItems(text: string): Listed {
  const parsed = parseItems(text)
  return parsed.ok ? parsed : refused(parsed.message)
}

function refused(message: string): Listed {
  return { ok: false, failure: { reason: 'condition-failed', message } }
}

function results(scope: AttemptScope, iterate: Iterate, frame: Frame): Composed {
  const { planned } = scope
  const ended = frame.tasks.map((task) => ({ task, status: stateIn(task)?.status }))
  const failed = ended.filter(({ status }) => status !== 'succeeded').length
  const { minSuccessRate = 0 } = iterate
  const tooFew = ended.length - failed < minSuccessRate * ended.length
  if (failed > 0 && (iterate.onFailure === 'fail' || tooFew)) {
    const failure: StepFailure = { reason: 'items-failed', failed, items: ended.length }
    return failedAttempt(planned, failure)
  }
  const isPartial = failed > 0 || frame.tasks.some((task) => stateIn(task)?.partial === true)
  const artifacts = planned.step.artifacts.map(
    (declared) => [declared.name, resultOf(declared, frame)] as const,
  )
  return {
    status: 'succeeded',
    artifacts: new Map(artifacts),
    usage: undefined,
    ...(isPartial && { partial: true }),
  }
}

function resultOf(declared: ArtifactDeclaration, frame: Frame): Uint8Array {
  const { store } = frame.run.request
  const items = frame.tasks.map((task) => {
    const state = stateIn(task)
    const found = state?.artifacts.find(({ name }) => name === declared.name)
    return {
      iteration: task.item?.iteration ?? 0,
      item: task.item?.value,
      outcome: outcomeOf(state?.status),
      artifact: found && { type: found.type, content: store.get(found) },
    }
  })
  return fanOutResult(declared, items)
}

function stateIn({ planned, frame }: Task): StepState | undefined {
  return frame.run.log.state.steps.get(planned.step.id)
}

function outcomeOf(status: string | undefined): 'completed' | 'failed' | 'skipped' {
  if (status === 'succeeded') return 'completed'
  return status === 'failed' ? 'failed' : 'skipped'
}
