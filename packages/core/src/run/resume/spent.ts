import type { RunEvent } from '../../events.ts'
import type { CallAmount } from '../../step-events.ts'
import type { Amount, Spent } from '../budget.ts'
import type { RunState } from '../state.ts'
import { partsByStep } from './stored-results.ts'

/**
 * Tokens and money of the recorded calls, as limits count them: what nobody reported is there by estimate, and
 * a call without an end with all that was reserved for it.
 */
export function readSpent(events: Iterable<RunEvent>, { steps }: RunState): Spent {
  const byStep = new Map<string, Amount>()
  let run: Amount = { tokens: 0, usd: 0 }
  const add = (step: string, used: Amount): void => {
    byStep.set(step, plus(byStep.get(step), used))
    run = plus(run, used)
  }
  const open: Request[] = []
  for (const event of events) {
    if (event.type === 'model-request') open.push(event)
    else if (event.type === 'model-response' || event.type === 'model-failed') {
      add(event.step, usedBy(event))
      const isReused = event.type === 'model-response' && event.reused === true
      if (!isReused) close(open, event)
    }
  }
  for (const { step, reserved } of open) add(step, asSpent(reserved))
  const parts = partsByStep(steps)
  const of = (id: string): Amount => {
    const own = byStep.get(id) ?? { tokens: 0, usd: 0 }
    return (parts.get(id) ?? []).reduce((sum, part) => plus(sum, of(part.id)), own)
  }
  return { run, of }
}

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>
type Request = EventOf<'model-request'>
type End = EventOf<'model-response' | 'model-failed'>

function usedBy({ usage, costUsd = 0, estimated }: End): Amount {
  if (estimated !== undefined) return asSpent(estimated)
  return { tokens: (usage?.input ?? 0) + (usage?.output ?? 0), usd: costUsd }
}

/** Nothing where older versions recorded nothing. */
function asSpent({ tokens, usd = 0 }: CallAmount = { tokens: 0 }): Amount {
  return { tokens, usd }
}

/** The newest of equal requests is the one that has ended: the process of the others is gone. */
function close(open: Request[], { step, key }: End): void {
  const at = open.findLastIndex((request) => request.step === step && request.key === key)
  if (at >= 0) open.splice(at, 1)
}

function plus(left: Amount | undefined, right: Amount): Amount {
  if (left === undefined) return right
  return { tokens: left.tokens + right.tokens, usd: left.usd + right.usd }
}

/**
 * How long the run was under way, as far as that is recorded: in full for the times that it came to an end,
 * and at least as long as the longest step of those that were cut off.
 */
export function readWorkingMs(events: Iterable<RunEvent>): number {
  let endedMs = 0
  let longestMs = 0
  for (const event of events) {
    if (event.type === 'run-finished') {
      endedMs = event.durationMs
      longestMs = 0
    } else if (event.type === 'run-resumed') {
      endedMs += longestMs
      longestMs = 0
    } else if (event.type === 'step-succeeded' || event.type === 'step-failed') {
      longestMs = Math.max(longestMs, event.durationMs)
    }
  }
  return endedMs + longestMs
}
