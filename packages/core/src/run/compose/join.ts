import type { AggregateStep } from '../../pipeline/pipeline.ts'
import { failedAttempt } from '../step/attempt-result.ts'
import type { AttemptScope } from '../step/attempt-result.ts'
import { stateOf } from '../frame.ts'
import type { Task } from '../frame.ts'
import { joinArtifacts } from './aggregate.ts'
import type { JoinInput } from './aggregate.ts'
import type { Composed } from './composed.ts'

/** Joins artifacts of several steps. Those that do not exist are for the strategy to judge. */
export function runJoin(scope: AttemptScope, step: AggregateStep): Promise<Composed> {
  const { task } = scope.request
  const inputs = step.from.map((source) => inputOf(task, source))
  const joined = joinArtifacts(step, inputs)
  if (joined.ok) {
    return Promise.resolve({
      status: 'succeeded',
      artifacts: joined.artifacts,
      usage: undefined,
    })
  }
  const { message } = joined
  return Promise.resolve(failedAttempt(scope.planned, { reason: 'aggregate-failed', message }))
}

function inputOf(
  { frame }: Task,
  { step, artifact }: { readonly step: string; readonly artifact: string },
): JoinInput {
  const state = stateOf(frame, step)
  const found = state?.artifacts.find(({ name }) => name === artifact)
  const producer = frame.tasks.find((task) => task.local.step.id === step)
  return {
    step,
    artifact,
    type: found?.type ?? 'text',
    content: found && frame.run.request.store.get(found),
    fanOut: producer?.local.step.iterate !== undefined,
    ...makerOf(producer),
  }
}

/** The model that answered, where there was no choice of several. */
function makerOf(producer: Task | undefined): Pick<JoinInput, 'provider' | 'model'> {
  const [model, ...fallbacks] = producer?.planned.models ?? []
  if (model === undefined || fallbacks.length > 0) return {}
  return { provider: model.provider, model: model.model }
}
