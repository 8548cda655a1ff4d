import type { ModelEvent, Usage } from '@wave/core'

export type TerminalEvent = Extract<ModelEvent, { type: 'done' | 'failed' }>
export type DeltaEvent = Extract<ModelEvent, { type: 'text' | 'thinking' }>

/**
 * Builds one reply out of a provider's raw events, in whatever pieces they come. Unknown events are
 * ignored; a wrong shape is never an exception.
 */
export interface Accumulator {
  /** `progress`: the reply grew by something that is not shown, such as tool arguments. */
  push(event: unknown): DeltaEvent | 'progress' | undefined
  /** Whether the provider's terminal marker has arrived. */
  readonly complete: boolean
  /** Characters of text, thinking and tool arguments so far, shown or not. */
  readonly received: number
  /** As far as reported; also of a call that failed. */
  usage(): Usage | undefined
  /** The terminal event. Without the terminal marker it is a failure, whatever has arrived. */
  finish(): TerminalEvent
}

/** The reply passed the cap for its text, thinking and tool arguments. */
export class ReplyTooLarge extends Error {
  override readonly name = 'ReplyTooLarge'
}

/** Text in pieces, under the cap of a whole reply. */
export class ReplySize {
  readonly #maxBytes: number
  #bytes = 0
  characters = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(text: string): string {
    this.#bytes += Buffer.byteLength(text)
    if (this.#bytes > this.#maxBytes)
      throw new ReplyTooLarge(`The reply passed ${this.#maxBytes} bytes.`)
    this.characters += text.length
    return text
  }
}

export const STREAM_ENDED: TerminalEvent = {
  type: 'failed',
  class: 'retryable',
  message: 'The stream ended before the reply was complete.',
}
