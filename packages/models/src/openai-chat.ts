import type { Message, Model, ModelEvent, ModelRequest, Reply, ToolCall } from '@wave/core'
import { ChatAccumulator } from './accumulate/chat.ts'
import { parseToolInput, replayableInput } from './accumulate/tool-input.ts'
import type { CallGuard } from './call-guard.ts'
import { limitsOf, type ProviderAccess, streamCall } from './call.ts'
import { asRecord, isRecord, type Json } from './json.ts'
import { NO_KEEPALIVE, postStream } from './openai-client.ts'

/** What `Reply.wire` holds. */
interface ChatReply {
  readonly api: 'openai-chat'
  readonly model: string
  readonly message: Json
}

/** A local server may load the model and read the whole prompt before it sends its first byte. */
const PATIENT = { ...NO_KEEPALIVE, headersMs: 180_000 }

/** Models behind any server that speaks Chat Completions. */
export class OpenAiChatModel implements Model {
  readonly #access: ProviderAccess

  constructor(access: ProviderAccess) {
    this.#access = access
  }

  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
    const access = this.#access
    const limits = limitsOf(access, PATIENT)
    const body = chatBody(request)
    const accumulator = new ChatAccumulator(limits.maxReplyBytes, (text, calls): ChatReply => ({
      api: 'openai-chat',
      model: request.model,
      message: assistantMessage(text, calls),
    }))
    const send = (guard: CallGuard): Promise<AsyncIterable<unknown>> =>
      postStream({ access, guard }, '/chat/completions', body)
    return streamCall({ access, limits, body, accumulator, send }, signal)
  }
}

export function chatBody(request: ModelRequest): Json {
  const system = request.system === '' ? [] : [{ role: 'system', content: request.system }]
  return {
    model: request.model,
    // The older name, because every server knows it.
    ...(!request.leavesLimitToProvider && { max_tokens: request.maxOutputTokens }),
    stream: true,
    stream_options: { include_usage: true },
    ...(request.effort !== undefined && { reasoning_effort: request.effort }),
    ...(request.temperature !== undefined && { temperature: request.temperature }),
    ...toolPart(request),
    messages: [...system, ...request.messages.flatMap((message) => wireMessages(message, request))],
  }
}

function toolPart(request: ModelRequest): Json {
  if (request.tools.length === 0) return {}
  const { toolChoice } = request
  return {
    tools: request.tools.map((tool) => ({
      type: 'function',
      function: {
        name: tool.name,
        description: tool.description,
        parameters: tool.inputSchema,
      },
    })),
    tool_choice:
      toolChoice === 'auto' ? 'auto' : { type: 'function', function: { name: toolChoice.name } },
  }
}

function wireMessages(message: Message, request: ModelRequest): Json[] {
  if (message.role === 'assistant') return [replyMessage(message.reply, request.model)]
  const results = message.results.map((result) => ({
    role: 'tool',
    tool_call_id: result.callId,
    // There is no error flag on this API.
    content: result.isError ? `Error: ${result.text}` : result.text,
  }))
  return [...results, ...(message.text === '' ? [] : [{ role: 'user', content: message.text }])]
}

function replyMessage(reply: Reply, model: string): Json {
  const wire = asRecord(reply.wire)
  if (wire.api === 'openai-chat' && wire.model === model && isRecord(wire.message))
    return wire.message
  return assistantMessage(reply.text, reply.toolCalls)
}

function assistantMessage(text: string, calls: readonly ToolCall[]): Json {
  if (calls.length === 0) return { role: 'assistant', content: text }
  return {
    role: 'assistant',
    content: text === '' ? null : text,
    tool_calls: calls.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: replayableArguments(call.input) },
    })),
  }
}

/** Several servers parse the arguments of earlier calls and refuse the request if that fails. */
function replayableArguments(raw: string): string {
  return parseToolInput(raw) ? raw : JSON.stringify(replayableInput(raw))
}
