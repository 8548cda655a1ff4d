import type { Reply, StopKind, ToolCall, Usage } from '@wave/core'
import { asList, asRecord, asText, type Json } from '../json.ts'
import {
  type Accumulator,
  type DeltaEvent,
  ReplySize,
  STREAM_ENDED,
  type TerminalEvent,
} from './accumulator.ts'
import { openAiUsage } from './openai-usage.ts'
import { parseToolInput } from './tool-input.ts'

interface Call {
  readonly index: unknown
  id: string
  name: string
  input: string
}

const FAILURES: Readonly<Record<string, TerminalEvent>> = {
  content_filter: {
    type: 'failed',
    class: 'refusal',
    message: 'The content filter of the provider stopped the reply.',
  },
  error: { type: 'failed', class: 'retryable', message: 'The provider gave up on the reply.' },
}

/** The first choice of a Chat Completions stream. `wire` makes `Reply.wire` out of text and calls. */
export class ChatAccumulator implements Accumulator {
  readonly #size: ReplySize
  readonly #wire: (text: string, calls: readonly ToolCall[]) => unknown
  readonly #calls: Call[] = []
  #text = ''
  #refusal = ''
  #finishReason: string | undefined
  #usage: Json = {}

  constructor(maxBytes: number, wire: (text: string, calls: readonly ToolCall[]) => unknown) {
    this.#size = new ReplySize(maxBytes)
    this.#wire = wire
  }

  get complete(): boolean {
    return this.#finishReason !== undefined
  }

  get received(): number {
    return this.#size.characters
  }

  push(event: unknown): DeltaEvent | 'progress' | undefined {
    const chunk = asRecord(event)
    if (chunk.usage) this.#usage = asRecord(chunk.usage)
    const choice = asList(chunk.choices)
      .map(asRecord)
      .find((one) => (one.index ?? 0) === 0)
    if (!choice) return undefined
    this.#finishReason = asText(choice.finish_reason) ?? this.#finishReason
    return this.#delta(asRecord(choice.delta))
  }

  usage(): Usage | undefined {
    return openAiUsage(this.#usage, 'chat')
  }

  finish(): TerminalEvent {
    const usage = this.usage()
    const failure = this.#failure()
    if (failure) return { ...failure, ...(usage ? { usage } : {}) }
    return { type: 'done', stop: this.#stop(), reply: this.#reply(), usage }
  }

  #failure(): TerminalEvent | undefined {
    if (this.#finishReason === undefined) return STREAM_ENDED
    if (this.#refusal !== '' && this.#text === '')
      return { type: 'failed', class: 'refusal', message: 'The model refused.' }
    return FAILURES[this.#finishReason]
  }

  #stop(): StopKind {
    if (this.#finishReason === 'length') return 'length'
    if (this.#finishReason !== 'stop' && this.#finishReason !== 'tool_calls') return 'unknown'
    if (this.#calls.length === 0) return 'end'
    if (this.#finishReason === 'tool_calls') return 'tools'
    // Servers that say `stop` after calls: only what arrived whole may run.
    const whole = this.#calls.every((call) => call.name !== '' && parseToolInput(call.input))
    return whole ? 'tools' : 'unknown'
  }

  #delta(delta: Json): DeltaEvent | 'progress' | undefined {
    const calls = asList(delta.tool_calls).map(asRecord)
    for (const piece of calls) this.#grow(piece)
    this.#refusal += this.#size.add(asText(delta.refusal) ?? '')
    const thinking = this.#size.add(asText(delta.reasoning_content ?? delta.reasoning) ?? '')
    const text = this.#size.add(asText(delta.content) ?? '')
    this.#text += text
    if (text !== '') return { type: 'text', delta: text }
    if (thinking !== '') return { type: 'thinking', delta: thinking }
    return calls.length > 0 || asText(delta.refusal) ? 'progress' : undefined
  }

  #grow(piece: Json): void {
    const call = this.#callFor(piece)
    const fn = asRecord(piece.function)
    if (call.name === '') call.name = this.#size.add(asText(fn.name) ?? '')
    call.input += this.#size.add(asText(fn.arguments) ?? '')
  }

  /** Calls are told apart by index and id: some servers give several calls the same index. */
  #callFor(piece: Json): Call {
    const id = asText(piece.id) ?? ''
    const index = piece.index ?? (id === '' ? this.#calls.at(-1)?.index : id)
    const current = this.#calls.findLast((call) => call.index === index)
    if (current && (id === '' || id === current.id || current.id === '')) {
      if (current.id === '') current.id = id
      return current
    }
    const call: Call = { index, id: this.#size.add(id), name: '', input: '' }
    this.#calls.push(call)
    return call
  }

  #reply(): Reply {
    const toolCalls = this.#calls.map((call, position) => ({
      id: call.id === '' ? `call_${position}` : call.id,
      name: call.name,
      input: call.input,
    }))
    return { text: this.#text, toolCalls, wire: this.#wire(this.#text, toolCalls) }
  }
}
