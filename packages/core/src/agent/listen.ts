import type { Model } from '../ports.ts'
import type { ModelEvent, ModelRequest, Reply, Usage } from './messages.ts'
import { interruptible } from './stop.ts'

export type Done = Extract<ModelEvent, { type: 'done' }>
export type Failed = Extract<ModelEvent, { type: 'failed' }>

/** What came of a call. */
export interface Heard {
  /** Undefined when the signal fired first. */
  readonly event: Done | Failed | undefined
  /** How much arrived, shown or not, whatever became of it. */
  readonly characters: number
  /** As reported last, at the end or before. */
  readonly usage: Usage | undefined
}

/** Reads a stream up to its terminal event. One that just ends is a failure like a lost connection. */
export async function listen(
  model: Model,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<Heard> {
  const events = model.stream(request, signal)[Symbol.asyncIterator]()
  let heard: Heard = { event: undefined, characters: 0, usage: undefined }
  try {
    for (;;) {
      const next = await interruptible(events.next(), signal)
      if (next === undefined) return heard
      const event = next.done === true ? ENDED_EARLY : next.value
      if (event.type === 'done' || event.type === 'failed') return atEnd(heard, event, signal)
      heard = grown(heard, event)
    }
  } catch (error) {
    if (!signal.aborted) throw error
    return heard
  } finally {
    // Not awaited: an adapter that ignores the signal must not hold up the stop.
    events.return?.().catch(() => undefined)
  }
}

function grown(heard: Heard, event: Exclude<ModelEvent, Done | Failed>): Heard {
  if (event.type === 'usage') return { ...heard, usage: event.usage }
  const more = event.type === 'progress' ? event.characters : event.delta.length
  return { ...heard, characters: heard.characters + more }
}

function atEnd(heard: Heard, event: Done | Failed, signal: AbortSignal): Heard {
  if (event.type === 'done') {
    const characters = Math.max(heard.characters, sizeOf(event.reply))
    return { event, characters, usage: event.usage }
  }
  const usage = event.usage ?? heard.usage
  return { ...heard, event: signal.aborted ? undefined : event, usage }
}

function sizeOf(reply: Reply): number {
  return JSON.stringify([reply.text, reply.toolCalls]).length
}

const ENDED_EARLY: Failed = {
  type: 'failed',
  class: 'retryable',
  message: 'The stream ended without a terminal event.',
}
