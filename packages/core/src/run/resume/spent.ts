import type { RunEvent } from '../../events.ts'
import type { Amount, Spent } from '../budget.ts'
import type { RunState } from '../state.ts'
import { partsByStep } from './stored-results.ts'

/** Tokens and money of the recorded calls. What nobody reported then is not known now either. */
export function readSpent(events: Iterable<RunEvent>, { steps }: RunState): Spent {
  const byStep = new Map<string, Amount>()
  let run: Amount = { tokens: 0, usd: 0 }
  for (const event of events) {
    if (event.type !== 'model-response' && event.type !== 'model-failed') continue
    const { step, usage, costUsd = 0 } = event
    const used = { tokens: (usage?.input ?? 0) + (usage?.output ?? 0), usd: costUsd }
    byStep.set(step, plus(byStep.get(step), used))
    run = plus(run, used)
  }
  const parts = partsByStep(steps)
  const of = (id: string): Amount => {
    const own = byStep.get(id) ?? { tokens: 0, usd: 0 }
    return (parts.get(id) ?? []).reduce((sum, part) => plus(sum, of(part.id)), own)
  }
  return { run, of }
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
