import type { Message, Model, ModelEvent, ModelRequest, Reply } from '@wave/core'
import { createHash } from 'node:crypto'
import { ResponsesAccumulator } from './accumulate/responses.ts'
import type { CallGuard } from './call-guard.ts'
import { limitsOf, type ProviderAccess, streamCall } from './call.ts'
import { asList, asRecord, isRecord, type Json } from './json.ts'
import { NO_KEEPALIVE, postStream } from './openai-client.ts'

/** What `Reply.wire` holds. */
interface ResponsesReply {
  readonly api: 'openai-responses'
  readonly model: string
  readonly items: readonly Json[]
}

/** Models of OpenAI, through the Responses API. Nothing is stored there: every request carries all. */
export class OpenAiResponsesModel implements Model {
  readonly #access: ProviderAccess

  constructor(access: ProviderAccess) {
    this.#access = access
  }

  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
    const access = this.#access
    const limits = limitsOf(access, NO_KEEPALIVE)
    const body = responsesBody(request)
    const accumulator = new ResponsesAccumulator(limits.maxReplyBytes, (items): ResponsesReply => ({
      api: 'openai-responses',
      model: request.model,
      items,
    }))
    const send = (guard: CallGuard): Promise<AsyncIterable<unknown>> =>
      postStream({ access, guard }, '/responses', body)
    return streamCall({ access, limits, body, accumulator, send }, signal)
  }
}

export function responsesBody(request: ModelRequest): Json {
  return {
    model: request.model,
    ...(!request.leavesLimitToProvider && { max_output_tokens: request.maxOutputTokens }),
    stream: true,
    store: false,
    include: ['reasoning.encrypted_content'],
    ...(request.system === '' ? {} : { instructions: request.system }),
    ...(request.cacheKey === undefined ? {} : { prompt_cache_key: cacheKey(request.cacheKey) }),
    ...(request.effort === undefined ? {} : { reasoning: { effort: request.effort } }),
    ...(request.temperature !== undefined && { temperature: request.temperature }),
    ...toolPart(request),
    input: request.messages.flatMap((message) => inputItems(message, request.model)),
  }
}

function toolPart(request: ModelRequest): Json {
  if (request.tools.length === 0) return {}
  const { toolChoice } = request
  return {
    tools: request.tools.map((tool) => ({
      type: 'function',
      name: tool.name,
      description: tool.description,
      parameters: tool.inputSchema,
      // Strict mode would need every schema rewritten; what comes back is checked against the real one.
      strict: false,
    })),
    tool_choice: toolChoice === 'auto' ? 'auto' : { type: 'function', name: toolChoice.name },
  }
}

function inputItems(message: Message, model: string): Json[] {
  if (message.role === 'assistant') return replyItems(message.reply, model)
  const results = message.results.map((result) => ({
    type: 'function_call_output',
    call_id: result.callId,
    // There is no error flag on this API.
    output: result.isError ? `Error: ${result.text}` : result.text,
  }))
  const text =
    message.text === ''
      ? []
      : [{ role: 'user', content: [{ type: 'input_text', text: message.text }] }]
  return [...results, ...text]
}

function replyItems(reply: Reply, model: string): Json[] {
  const wire = asRecord(reply.wire)
  if (wire.api === 'openai-responses' && wire.model === model)
    return asList(wire.items).filter(isRecord)
  const text = reply.text === '' ? [] : [{ role: 'assistant', content: reply.text }]
  const calls = reply.toolCalls.map((call) => ({
    type: 'function_call',
    call_id: call.id,
    name: call.name,
    arguments: call.input,
  }))
  return [...text, ...calls]
}

/** At most 64 characters. */
function cacheKey(key: string): string {
  return key.length <= 64 ? key : createHash('sha256').update(key).digest('hex')
}
