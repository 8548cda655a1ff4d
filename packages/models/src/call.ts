import type { ModelEvent } from '@wave/core'
import {
  type Accumulator,
  type DeltaEvent,
  ReplyTooLarge,
  type TerminalEvent,
} from './accumulate/accumulator.ts'
import { CALL_LIMITS, CallGuard, type CallLimits, type Trip } from './call-guard.ts'
import { classOf, describeFault, type Fault, faultOf, refusedBy } from './failure.ts'
import type { Json } from './json.ts'

/** Where a model is reached, and with what. */
export interface ProviderAccess {
  /** As in the user's configuration. */
  readonly name: string
  readonly apiKey: string
  /** Where the key came from, as the user knows it. */
  readonly keySetting: string
  readonly baseUrl: string
  /** Tells a refused request that was too long from one that was wrong. */
  readonly contextTokens?: number
  readonly limits?: Partial<CallLimits>
}

/** One request to one provider. */
export interface Call {
  readonly access: ProviderAccess
  readonly limits: CallLimits
  readonly body: Json
  readonly accumulator: Accumulator
  /** The raw events of the provider's stream. */
  send(guard: CallGuard): Promise<AsyncIterable<unknown>>
}

export function limitsOf(access: ProviderAccess, defaults: Partial<CallLimits> = {}): CallLimits {
  return { ...CALL_LIMITS, ...defaults, ...access.limits }
}

/** Runs one call: deltas as they come, then exactly one terminal event. An aborted call just ends. */
export async function* streamCall(call: Call, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  if (signal.aborted) return
  using guard = new CallGuard(call.limits, signal)
  let thrown: unknown
  const arrivals = new Arrivals(call.accumulator)
  const early = new EarlyUsage(call.accumulator)
  try {
    for await (const event of await call.send(guard)) {
      const grown = call.accumulator.push(event)
      if (grown) guard.contentArrived()
      if (call.accumulator.complete) guard.replyFinished()
      yield* arrivals.tell(typeof grown === 'object' ? grown : undefined)
      yield* early.take()
    }
  } catch (error) {
    thrown = error
  }
  if (signal.aborted) return
  const end = terminalEvent(call, guard.trip, thrown)
  yield end.type === 'failed' && !guard.mayBeBilled ? { ...end, isUnbilled: true } : end
}

/** What came, shown or not: of a call that breaks off, its price is estimated by it. */
class Arrivals {
  readonly #accumulator: Accumulator
  #told = 0

  constructor(accumulator: Accumulator) {
    this.#accumulator = accumulator
  }

  /** What came since the last event of the provider; `shown` is as much of it as is to be shown. */
  tell(shown: DeltaEvent | undefined): readonly ModelEvent[] {
    const { received } = this.#accumulator
    const characters = received - this.#told - (shown?.delta.length ?? 0)
    this.#told = received
    return [
      ...(characters > 0 ? [{ type: 'progress', characters } as const] : []),
      ...(shown === undefined || shown.delta === '' ? [] : [shown]),
    ]
  }
}

/** What a provider reports before the end: of a call that is cut off, it is all that is known. */
class EarlyUsage {
  readonly #accumulator: Accumulator
  #isTold = false

  constructor(accumulator: Accumulator) {
    this.#accumulator = accumulator
  }

  /** Empty unless it is new. */
  take(): readonly ModelEvent[] {
    const usage = this.#isTold ? undefined : this.#accumulator.usage()
    if (usage === undefined) return []
    this.#isTold = true
    return this.#accumulator.complete ? [] : [{ type: 'usage', usage }]
  }
}

/** A whole reply stays one, even if the connection broke right after it. */
function terminalEvent(call: Call, trip: Trip | undefined, thrown: unknown): TerminalEvent {
  if (thrown instanceof ReplyTooLarge || trip === 'bytes')
    return failed(call, 'request', { message: 'The reply is larger than wave accepts.' })
  if (call.accumulator.complete) return wholeEnd(call.accumulator)
  if (trip !== undefined) return failed(call, 'retryable', { message: tripMessage(call, trip) })
  if (thrown === undefined) return call.accumulator.finish()
  const fault = faultOf(thrown)
  if (!fault) throw thrown
  return failed(call, tooLong(call, fault) ? 'overflow' : classOf(fault), fault)
}

function wholeEnd(accumulator: Accumulator): TerminalEvent {
  const end = accumulator.finish()
  return end.type === 'failed' ? { ...end, isWhole: true } : end
}

function tripMessage(call: Call, trip: Exclude<Trip, 'bytes'>): string {
  const { headersMs, idleMs, progressMs, totalMs } = call.limits
  const late = `The call took longer than ${totalMs / 1000} s.`
  const messages: Record<typeof trip, string> = {
    headers: `No answer within ${headersMs / 1000} s.`,
    idle: `The stream stood still for ${idleMs / 1000} s.`,
    progress: `No content within ${progressMs / 1000} s.`,
    total: late,
    linger: late,
  }
  return messages[trip]
}

/**
 * Anthropic and most compatible servers give a prompt that is too long no type of its own. What can tell
 * it from another mistake, without reading the words, is its size: no token is shorter than two bytes on average.
 */
function tooLong(call: Call, fault: Fault): boolean {
  const { contextTokens } = call.access
  const vague = fault.status === 400 && classOf(fault) === 'request'
  return (
    vague && contextTokens !== undefined && JSON.stringify(call.body).length >= 2 * contextTokens
  )
}

function failed(call: Call, failure: TerminalFailure['class'], fault: Fault): TerminalFailure {
  const usage = call.accumulator.usage()
  const refuses = failure === 'request' ? refusedBy(fault) : undefined
  return {
    type: 'failed',
    class: failure,
    message: describeFault(fault, call.access),
    ...(fault.retryAfterMs === undefined ? {} : { retryAfterMs: fault.retryAfterMs }),
    ...(refuses && { refuses }),
    ...(usage ? { usage } : {}),
  }
}

type TerminalFailure = Extract<TerminalEvent, { type: 'failed' }>
