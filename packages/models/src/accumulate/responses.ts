import type { Reply, ToolCall, Usage } from '@wave/core'
import { classOf } from '../failure.ts'
import { asCount, asList, asRecord, asText, type Json } from '../json.ts'
import {
  type Accumulator,
  type DeltaEvent,
  ReplySize,
  STREAM_ENDED,
  type TerminalEvent,
} from './accumulator.ts'
import { openAiUsage } from './openai-usage.ts'

const TERMINAL = new Set(['response.completed', 'response.incomplete', 'response.failed'])

/** Output items of the Responses API, in order. `wire` makes `Reply.wire` out of them. */
export class ResponsesAccumulator implements Accumulator {
  readonly #size: ReplySize
  readonly #wire: (items: readonly Json[]) => unknown
  readonly #items = new Map<number, Json>()
  #response: Json | undefined

  constructor(maxBytes: number, wire: (items: readonly Json[]) => unknown) {
    this.#size = new ReplySize(maxBytes)
    this.#wire = wire
  }

  get complete(): boolean {
    return this.#response !== undefined
  }

  get received(): number {
    return this.#size.characters
  }

  push(event: unknown): DeltaEvent | 'progress' | undefined {
    const record = asRecord(event)
    const type = asText(record.type) ?? ''
    if (TERMINAL.has(type)) {
      // The event's name counts: some servers leave `status` out.
      this.#response = { status: type.slice('response.'.length), ...asRecord(record.response) }
      return undefined
    }
    if (type === 'response.output_item.done') {
      this.#items.set(asCount(record.output_index) ?? this.#items.size, asRecord(record.item))
      return 'progress'
    }
    return type.endsWith('.delta') ? this.#delta(type, asText(record.delta) ?? '') : undefined
  }

  #delta(type: string, text: string): DeltaEvent | 'progress' {
    this.#size.add(text)
    if (type === 'response.output_text.delta') return { type: 'text', delta: text }
    return type.startsWith('response.reasoning') ? { type: 'thinking', delta: text } : 'progress'
  }

  usage(): Usage | undefined {
    return openAiUsage(asRecord(this.#response?.usage), 'responses')
  }

  finish(): TerminalEvent {
    const response = this.#response
    const usage = this.usage()
    const counted = usage ? { usage } : {}
    switch (response?.status) {
      case 'completed':
        return this.#completed(usage)
      case 'incomplete':
        return this.#incomplete(asText(asRecord(response.incomplete_details).reason), usage)
      case 'failed': {
        const code = asText(asRecord(response.error).code)
        return {
          type: 'failed',
          class: classOf({ code }),
          message: `The provider gave up on the reply${code === undefined ? '' : ` (${code})`}.`,
          ...counted,
        }
      }
      default:
        return { ...STREAM_ENDED, ...counted }
    }
  }

  #completed(usage: Usage | undefined): TerminalEvent {
    const reply = this.#reply()
    if (hasRefusal(this.#output()))
      return {
        type: 'failed',
        class: 'refusal',
        message: 'The model refused.',
        ...(usage ? { usage } : {}),
      }
    return { type: 'done', stop: reply.toolCalls.length > 0 ? 'tools' : 'end', reply, usage }
  }

  #incomplete(reason: string | undefined, usage: Usage | undefined): TerminalEvent {
    if (reason === 'content_filter')
      return {
        type: 'failed',
        class: 'refusal',
        message: 'The content filter of the provider stopped the reply.',
        ...(usage ? { usage } : {}),
      }
    const stop = reason === 'max_output_tokens' ? 'length' : 'unknown'
    return { type: 'done', stop, reply: this.#reply(), usage }
  }

  /** Items as they were finished; the final response lists them too, but some servers leave it empty. */
  #output(): readonly Json[] {
    const finished = [...this.#items].toSorted(([a], [b]) => a - b).map(([, item]) => item)
    const listed = asList(this.#response?.output).map(asRecord)
    return listed.length > finished.length ? listed : finished
  }

  #reply(): Reply {
    const output = this.#output()
    return {
      text: output.flatMap(messageParts).map(partText).join(''),
      toolCalls: output.filter((item) => item.type === 'function_call').map(toolCall),
      wire: this.#wire(output),
    }
  }
}

function toolCall(item: Json): ToolCall {
  return {
    id: asText(item.call_id) ?? '',
    name: asText(item.name) ?? '',
    input: asText(item.arguments) ?? '',
  }
}

function messageParts(item: Json): readonly Json[] {
  return item.type === 'message' ? asList(item.content).map(asRecord) : []
}

function partText(part: Json): string {
  return part.type === 'output_text' ? (asText(part.text) ?? '') : ''
}

function hasRefusal(output: readonly Json[]): boolean {
  return output.flatMap(messageParts).some((part) => part.type === 'refusal')
}
