import type { RunEvent } from '../../events.ts'
import { isOfApply } from '../../of-apply.ts'
import { recordedCost, totalCost } from '../call-costs.ts'
import type { TotalCost } from '../call-costs.ts'
import { readWorkingMs } from '../resume/spent.ts'
import { fold, totalUsage } from '../state.ts'
import type { RunState } from '../state.ts'
import { isRightlySkipped } from './glance.ts'
import type { RunGlance } from './glance.ts'

/** What can be told of a run in one line, out of all its events. `pid`: the process that holds the lock of the run. */
export function glanceAtEvents(
  events: readonly RunEvent[],
  pid: number | undefined,
  nowMs: number,
): Omit<RunGlance, 'run'> {
  const state = fold(events)
  const { started, finished } = state
  const about = { ...conditionOf(state, pid), ...costOf(state, pid) }
  if (started === undefined) return { condition: about.condition }
  const usage = finished === undefined ? totalUsage(state) : finished.usage
  const endMs = about.condition === 'running' ? nowMs : undefined
  return {
    ...about,
    pipeline: started.pipeline.name,
    mode: started.mode,
    startedAt: started.at,
    durationMs: finished?.durationMs ?? underWayMs(events, endMs),
    steps: countSteps(state),
    ...(usage !== undefined && { usage }),
  }
}

function conditionOf(
  { finished }: RunState,
  pid: number | undefined,
): Pick<RunGlance, 'condition' | 'pid' | 'verdict' | 'exitCode'> {
  if (finished === undefined) {
    return pid === undefined ? { condition: 'interrupted' } : { condition: 'running', pid }
  }
  const { outcome, verdict, exitCode } = finished
  return { condition: outcome, ...(verdict !== undefined && { verdict }), exitCode }
}

function countSteps({ steps }: RunState): { readonly done: number; readonly total: number } {
  const own = steps.values().filter(({ parent }) => parent === undefined)
  const done = own.filter(
    ({ status, skippedBecause }) =>
      status === 'succeeded' || (status === 'skipped' && isRightlySkipped(skippedBecause)),
  )
  return { done: done.length, total: own.length }
}

function costOf(state: RunState, pid: number | undefined): TotalCost {
  const { finished } = state
  if (finished === undefined) {
    // A call that is under way has not cost anything yet, unless nobody listens any more.
    return totalCost(pid === undefined ? state : { ...state, openCalls: [] })
  }
  return recordedCost(finished)
}

/** By the clock on the wall, for people; `nowMs` is undefined for a run that was cut off. */
function underWayMs(events: readonly RunEvent[], nowMs: number | undefined): number {
  const place = Math.max(0, events.findLastIndex(isBeginning))
  const began = events[place]
  const last = events.findLast((event) => !isOfApply(event))
  if (began === undefined || last === undefined) return 0
  const beforeMs = readWorkingMs(events.slice(0, place))
  return beforeMs + Math.max(0, (nowMs ?? Date.parse(last.at)) - Date.parse(began.at))
}

function isBeginning({ type }: RunEvent): boolean {
  return type === 'run-started' || type === 'run-resumed'
}
