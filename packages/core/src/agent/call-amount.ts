import type { CallAmount } from '../step-events.ts'
import type { ResolvedModel } from '../ports.ts'
import type { Heard } from './listen.ts'
import { NO_USAGE } from './messages.ts'
import type { ModelRequest, Usage } from './messages.ts'
import type { TokenEstimate } from './tokens.ts'

/** What limits count for a call. */
interface Counted {
  readonly used: Usage
  /** The provider has not said so: it may bill more or less. */
  readonly isEstimated: boolean
}

/** Unknown is never zero: what a call that broke off will be billed for is counted by estimate. */
export function countCall(estimate: TokenEstimate, request: ModelRequest, heard: Heard): Counted {
  const { usage, characters } = heard
  if (usage !== undefined && isFinal(heard)) return { used: usage, isEstimated: false }
  if (isUnbilled(heard)) return { used: NO_USAGE, isEstimated: false }
  const estimated = estimate.used(request, characters)
  if (usage === undefined) return { used: estimated, isEstimated: true }
  // What is reported early is the input; the output has only begun then.
  const used = { ...usage, output: Math.max(usage.output, estimated.output) }
  return { used, isEstimated: true }
}

/** In US dollars; undefined when it is not known, which is so for every reply that broke off. */
export function billedUsd(heard: Heard, model: ResolvedModel): number | undefined {
  if (!isFinal(heard)) return undefined
  if (heard.usage !== undefined) return model.cost(heard.usage)
  return isUnbilled(heard) ? 0 : undefined
}

/** As limits count it, when it is resumed. */
export function callAmount({ input, output }: Usage, usd: number | undefined): CallAmount {
  return { tokens: input + output, ...(usd !== undefined && { usd }) }
}

/** Whether the provider will report no more. */
function isFinal(heard: Heard): boolean {
  const { event } = heard
  return event?.type === 'done' || event?.isWhole === true || isUnbilled(heard)
}

/** One that got no answer, or that nobody listens to any more, may be at work. */
function isUnbilled({ event }: Heard): boolean {
  return event?.type === 'failed' && event.isUnbilled === true
}
