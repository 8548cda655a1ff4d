import type { AttemptScope } from '../step/attempt-result.ts'
import { failedAttempt } from '../step/attempt-result.ts'
import type { DispatchEnd } from '../dispatch-end.ts'
import { headerOf } from '../frame.ts'
import type { Frame, Task } from '../frame.ts'
import type { Composed } from './composed.ts'

/** How the steps in a step went. */
export type GraphEnd =
  | { readonly ok: true; readonly partial: boolean }
  | { readonly ok: false; readonly end: Composed }

/** Records the steps of a graph below this step, and runs them. */
export async function runGraph(scope: AttemptScope, frame: Frame): Promise<GraphEnd> {
  add(scope, frame)
  return judge(scope, await scope.request.task.frame.run.dispatch(frame, scope.signal))
}

/**
 * The items of a fan-out. Undefined: all of them have ended, well or not, which is for the fan-out to judge;
 * else how it ends without: where one failure ends the rest, that is the one to tell.
 */
export async function runItems(scope: AttemptScope, frame: Frame): Promise<Composed | undefined> {
  add(scope, frame)
  const end = await scope.request.task.frame.run.dispatch(frame, scope.signal)
  const { stopped, waiting, failures } = end
  if (stopped !== undefined) return failedAttempt(scope.planned, stopped)
  const rejected = failures.find(({ effect }) => effect === 'rejected')
  if (rejected !== undefined) return rejectedBy(scope, rejected)
  const fatal = frame.failurePolicy === 'continue' ? undefined : failures.find(isDecisive)
  if (fatal !== undefined) return failedBy(scope, fatal)
  return waiting.length > 0 ? { status: 'waiting', events: [] } : undefined
}

function add(scope: AttemptScope, frame: Frame): void {
  // Items are repaired by a step of the graph around them.
  const repairs = [...frame.repairs.values()].filter((task) => task.frame === frame)
  const { log } = scope.request.task.frame.run
  // A step that goes on has told of most of them before.
  const isNew = ({ planned }: Task): boolean => log.state.steps.get(planned.step.id) === undefined
  const added = [...frame.tasks, ...repairs]
  const steps = (scope.request.resumed === true ? added.filter(isNew) : added).map(headerOf)
  if (steps.length === 0 && added.length > 0) return
  log.append({ type: 'steps-added', step: scope.planned.step.id, steps })
}

type Failure = DispatchEnd['failures'][number]

function rejectedBy({ planned }: AttemptScope, { id, failure }: Failure): Composed {
  return failedAttempt(
    planned,
    { reason: 'child-failed', step: id, failure },
    { effect: 'rejected' },
  )
}

function failedBy({ planned }: AttemptScope, { id, failure }: Failure): Composed {
  return failedAttempt(planned, { reason: 'child-failed', step: id, failure })
}

function judge(scope: AttemptScope, end: DispatchEnd): GraphEnd {
  const { planned } = scope
  const { stopped, waiting, failures } = end
  if (stopped !== undefined) return { ok: false, end: failedAttempt(planned, stopped) }
  const rejected = failures.find(({ effect }) => effect === 'rejected')
  if (rejected !== undefined) return { ok: false, end: rejectedBy(scope, rejected) }
  const fatal = failures.find(isDecisive) ?? failures.find(({ effect }) => effect === 'fail')
  if (fatal !== undefined) return { ok: false, end: failedBy(scope, fatal) }
  if (waiting.length > 0) return { ok: false, end: { status: 'waiting', events: [] } }
  return { ok: true, partial: end.partial || failures.length > 0 }
}

/** Siblings that were cancelled because of another failure tell nothing. */
function isDecisive({ effect, failure }: Failure): boolean {
  return effect === 'fail' && failure.reason !== 'cancelled'
}
