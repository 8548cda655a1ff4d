import type { Reply, StopKind, ToolCall, Usage } from '@wave/core'
import { asCount, asRecord, asText, type Json } from '../json.ts'
import {
  type Accumulator,
  type DeltaEvent,
  ReplySize,
  STREAM_ENDED,
  type TerminalEvent,
} from './accumulator.ts'
import { replayableInput } from './tool-input.ts'

interface Block {
  readonly start: Json
  text: string
  thinking: string
  signature: string
  input: string
  readonly citations: unknown[]
}

const STOPS: Readonly<Record<string, StopKind>> = {
  end_turn: 'end',
  stop_sequence: 'end',
  tool_use: 'tools',
  max_tokens: 'length',
  pause_turn: 'pause',
}

/** Content blocks of the Messages API, in order. `wire` makes `Reply.wire` out of them. */
export class AnthropicAccumulator implements Accumulator {
  readonly #size: ReplySize
  readonly #wire: (content: readonly Json[]) => unknown
  readonly #blocks: Block[] = []
  /** By index; a second block with the same index takes its place here, not in the reply. */
  readonly #open = new Map<unknown, Block>()
  #usage: Json = {}
  #stopReason: string | undefined
  #stopped = false

  constructor(maxBytes: number, wire: (content: readonly Json[]) => unknown) {
    this.#size = new ReplySize(maxBytes)
    this.#wire = wire
  }

  get complete(): boolean {
    return this.#stopped && this.#stopReason !== undefined
  }

  get received(): number {
    return this.#size.characters
  }

  push(event: unknown): DeltaEvent | 'progress' | undefined {
    const record = asRecord(event)
    switch (record.type) {
      case 'message_start':
        this.#mergeUsage(asRecord(record.message).usage)
        return undefined
      case 'content_block_start':
        return this.#start(record)
      case 'content_block_delta':
        return this.#grow(this.#open.get(record.index), asRecord(record.delta))
      case 'message_delta':
        this.#mergeUsage(record.usage)
        this.#stopReason = asText(asRecord(record.delta).stop_reason) ?? this.#stopReason
        return 'progress'
      case 'message_stop':
        this.#stopped = true
        return undefined
      default:
        return undefined
    }
  }

  usage(): Usage | undefined {
    return anthropicUsage(this.#usage)
  }

  finish(): TerminalEvent {
    const usage = this.usage()
    const counted = usage ? { usage } : {}
    if (!this.complete) return { ...STREAM_ENDED, ...counted }
    if (this.#stopReason === 'refusal')
      return { type: 'failed', class: 'refusal', message: 'The model refused.', ...counted }
    if (this.#stopReason === 'model_context_window_exceeded')
      return {
        type: 'failed',
        class: 'overflow',
        message: 'The conversation filled the context window of the model.',
        ...counted,
      }
    const stop = STOPS[this.#stopReason ?? ''] ?? 'unknown'
    return { type: 'done', stop, reply: this.#reply(), usage }
  }

  #start(event: Json): DeltaEvent | 'progress' {
    const start = asRecord(event.content_block)
    const block: Block = {
      start,
      text: this.#size.add(asText(start.text) ?? ''),
      thinking: this.#size.add(asText(start.thinking) ?? ''),
      signature: asText(start.signature) ?? '',
      input: '',
      citations: Array.isArray(start.citations) ? [...start.citations] : [],
    }
    this.#blocks.push(block)
    this.#open.set(event.index, block)
    return block.text === '' ? 'progress' : { type: 'text', delta: block.text }
  }

  #grow(block: Block | undefined, delta: Json): DeltaEvent | 'progress' | undefined {
    if (!block) return undefined
    const piece = (key: string): string => this.#size.add(asText(delta[key]) ?? '')
    switch (delta.type) {
      case 'text_delta': {
        const text = piece('text')
        block.text += text
        return { type: 'text', delta: text }
      }
      case 'thinking_delta': {
        const text = piece('thinking')
        block.thinking += text
        return { type: 'thinking', delta: text }
      }
      case 'signature_delta':
        block.signature += piece('signature')
        return 'progress'
      case 'input_json_delta':
        block.input += piece('partial_json')
        return 'progress'
      case 'citations_delta':
        this.#size.add(JSON.stringify(delta.citation ?? null))
        block.citations.push(delta.citation)
        return 'progress'
      default:
        return undefined
    }
  }

  #mergeUsage(usage: unknown): void {
    // Later counts are totals; fields that they leave out or null keep the earlier value.
    const known = Object.entries(asRecord(usage)).filter(([, value]) => value !== null)
    this.#usage = { ...this.#usage, ...Object.fromEntries(known) }
  }

  #reply(): Reply {
    return {
      text: this.#blocks.map((block) => (block.start.type === 'text' ? block.text : '')).join(''),
      toolCalls: this.#blocks.filter((block) => block.start.type === 'tool_use').map(toolCall),
      wire: this.#wire(this.#blocks.map(contentBlock)),
    }
  }
}

/** `input_tokens` leaves out what the cache wrote and read; ours is everything that was sent. */
function anthropicUsage(usage: Json): Usage | undefined {
  const fresh = asCount(usage.input_tokens)
  const output = asCount(usage.output_tokens)
  if (fresh === undefined || output === undefined) return undefined
  const cacheRead = asCount(usage.cache_read_input_tokens) ?? 0
  const written = asCount(usage.cache_creation_input_tokens) ?? 0
  const cacheWrite1h = Math.min(
    written,
    asCount(asRecord(usage.cache_creation).ephemeral_1h_input_tokens) ?? 0,
  )
  return {
    input: fresh + written + cacheRead,
    cacheRead,
    cacheWrite5m: written - cacheWrite1h,
    cacheWrite1h,
    output,
    reasoning: asCount(asRecord(usage.output_tokens_details).thinking_tokens) ?? 0,
  }
}

function toolCall(block: Block): ToolCall {
  return {
    id: asText(block.start.id) ?? '',
    name: asText(block.start.name) ?? '',
    input: rawInput(block),
  }
}

/** A call without arguments streams no JSON: its input stands in the start event. */
function rawInput(block: Block): string {
  return block.input === '' ? JSON.stringify(block.start.input ?? {}) : block.input
}

function contentBlock(block: Block): Json {
  const cited = block.citations.length === 0 ? {} : { citations: block.citations }
  switch (block.start.type) {
    case 'text':
      return { ...block.start, text: block.text, ...cited }
    case 'thinking':
      return { ...block.start, thinking: block.thinking, signature: block.signature }
    case 'tool_use':
    case 'server_tool_use':
      return { ...block.start, input: replayableInput(rawInput(block)) }
    default:
      return block.start
  }
}
