import type { Model } from '../ports.ts'
import type { ModelEvent, ModelRequest, Reply, Usage } from './messages.ts'
import { interruptible } from './stop.ts'

export type Done = Extract<ModelEvent, { type: 'done' }>
export type Failed = Extract<ModelEvent, { type: 'failed' }>

/** What came of a call. */
export interface Heard {
  /** Undefined when the signal fired first. */
  readonly event: Done | Failed | undefined
  /** How much arrived, whatever became of it; 0 when nothing did. */
  readonly characters: number
  /** What the provider had reported before the end. */
  readonly usage: Usage | undefined
}

/** Reads a stream up to its terminal event. One that just ends is a failure like a lost connection. */
export async function listen(
  model: Model,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<Heard> {
  const events = model.stream(request, signal)[Symbol.asyncIterator]()
  let characters = 0
  let usage: Usage | undefined
  try {
    for (;;) {
      const next = await interruptible(events.next(), signal)
      if (next === undefined) return { event: undefined, characters, usage }
      const event = next.done === true ? ENDED_EARLY : next.value
      if (event.type === 'done') {
        return { event, characters: characters + sizeOf(event.reply), usage }
      }
      if (event.type === 'failed') {
        return {
          event: signal.aborted ? undefined : event,
          characters,
          usage: event.usage ?? usage,
        }
      }
      if (event.type === 'usage') ({ usage } = event)
      else characters += event.delta.length
    }
  } catch (error) {
    if (!signal.aborted) throw error
    return { event: undefined, characters, usage }
  } finally {
    // Not awaited: an adapter that ignores the signal must not hold up the stop.
    events.return?.().catch(() => undefined)
  }
}

function sizeOf(reply: Reply): number {
  return JSON.stringify([reply.text, reply.toolCalls]).length
}

const ENDED_EARLY: Failed = {
  type: 'failed',
  class: 'retryable',
  message: 'The stream ended without a terminal event.',
}
