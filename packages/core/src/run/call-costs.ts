import type { NewRunEvent, RunEvent } from '../events.ts'

type EventOf<T extends NewRunEvent['type']> = Extract<RunEvent, { readonly type: T }>

/** An event about a call of a model. */
export type CallEvent = EventOf<'model-request' | 'model-response' | 'model-failed'>

/** What the calls of a run have cost. */
export interface CallCosts {
  /** US dollars of the calls whose price is known. */
  readonly costUsd: number
  /** Calls whose price or usage is unknown. */
  readonly unpricedCalls: number
  /** The step of each call that has no end yet. */
  readonly openCalls: readonly string[]
}

export const NO_CALLS: CallCosts = { costUsd: 0, unpricedCalls: 0, openCalls: [] }

/** US dollars in all, or as much of it as is known: it was more then. */
export interface TotalCost {
  readonly costUsd?: number
  readonly leastUsd?: number
}

/** As the end of a run tells it. */
export function recordedCost({ costUsd, leastUsd }: TotalCost): TotalCost {
  return { ...(costUsd !== undefined && { costUsd }), ...(leastUsd !== undefined && { leastUsd }) }
}

export function totalCost({ costUsd, unpricedCalls, openCalls }: CallCosts): TotalCost {
  return unpricedCalls === 0 && openCalls.length === 0 ? { costUsd } : { leastUsd: costUsd }
}

export function isCallEvent(event: RunEvent): event is CallEvent {
  return (
    event.type === 'model-request' ||
    event.type === 'model-response' ||
    event.type === 'model-failed'
  )
}

export function afterCall<T extends CallCosts>(costs: T, event: CallEvent): T {
  const { step } = event
  if (event.type === 'model-request') return { ...costs, openCalls: [...costs.openCalls, step] }
  const isReused = event.type === 'model-response' && event.reused === true
  const openCalls = isReused ? costs.openCalls : withoutOne(costs.openCalls, step)
  const { costUsd } = event
  return costUsd === undefined
    ? { ...costs, openCalls, unpricedCalls: costs.unpricedCalls + 1 }
    : { ...costs, openCalls, costUsd: costs.costUsd + costUsd }
}

/** Calls that nobody will hear the end of: of this step, or of all. What they cost is not known. */
export function giveUpCalls<T extends CallCosts>(costs: T, step?: string): T {
  if (costs.openCalls.length === 0) return costs
  const openCalls = step === undefined ? [] : costs.openCalls.filter((calling) => calling !== step)
  const given = costs.openCalls.length - openCalls.length
  return { ...costs, openCalls, unpricedCalls: costs.unpricedCalls + given }
}

function withoutOne(calls: readonly string[], step: string): readonly string[] {
  const place = calls.indexOf(step)
  return place < 0 ? calls : calls.toSpliced(place, 1)
}
