import { createHash } from 'node:crypto'
import type { Message, Model, ModelEvent, ModelRequest, Reply, ToolResult } from '@wave/core'
import { AnthropicAccumulator } from './accumulate/anthropic.ts'
import { replayableInput } from './accumulate/tool-input.ts'
import { type CallGuard, guardedFetch } from './call-guard.ts'
import { limitsOf, type ProviderAccess, streamCall } from './call.ts'
import { asList, asRecord, isRecord, type Json } from './json.ts'
import { knownModel } from './known-models.ts'
import { SILENT } from './silent.ts'

type WireMessage = { readonly role: 'user' | 'assistant'; readonly content: Json[] }

/** What `Reply.wire` holds. */
interface AnthropicReply {
  readonly api: 'anthropic'
  readonly model: string
  /** Digest of everything that stood before the reply. */
  readonly prefix: string
  readonly content: readonly Json[]
}

const CACHED = { type: 'ephemeral' }

/** Models of Anthropic, through the Messages API. */
export class AnthropicModel implements Model {
  readonly #access: ProviderAccess

  constructor(access: ProviderAccess) {
    this.#access = access
  }

  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
    const access = this.#access
    const limits = limitsOf(access)
    const { body, prefix } = anthropicBody(request)
    const accumulator = new AnthropicAccumulator(
      limits.maxReplyBytes,
      (content): AnthropicReply => ({ api: 'anthropic', model: request.model, prefix, content }),
    )
    const send = (guard: CallGuard): Promise<AsyncIterable<unknown>> =>
      openStream(access, body, guard)
    return streamCall({ access, limits, body, accumulator, send }, signal)
  }
}

async function openStream(
  access: ProviderAccess,
  body: Json,
  guard: CallGuard,
): Promise<AsyncIterable<unknown>> {
  const { default: Anthropic } = await import('@anthropic-ai/sdk')
  const client = new Anthropic({
    apiKey: access.apiKey,
    baseURL: access.baseUrl,
    maxRetries: 0,
    timeout: limitsOf(access).totalMs,
    fetch: guardedFetch(guard, access.apiKey),
    logger: SILENT,
    logLevel: 'off',
    openTelemetry: false,
  })
  // Not `messages.create`: its types leave no room for content that is replayed as it came.
  return await client.post<AsyncIterable<unknown>>('/v1/messages', {
    body,
    stream: true,
    signal: guard.signal,
  })
}

/** The request body, and the digest that its reply will be tied to. */
export function anthropicBody(request: ModelRequest): { body: Json; prefix: string } {
  const tools = request.tools.map((tool) => ({
    name: tool.name,
    description: tool.description,
    input_schema: tool.inputSchema,
  }))
  const { messages, prefix } = wireMessages(request, JSON.stringify([request.system, tools]))
  markCached(messages)
  const body = {
    model: request.model,
    // Not to be left out on this API.
    max_tokens: request.maxOutputTokens,
    stream: true,
    ...systemPart(request.system),
    ...toolPart(request, tools),
    ...(request.effort !== undefined && { output_config: { effort: request.effort } }),
    ...(request.temperature !== undefined && { temperature: request.temperature }),
    messages,
  }
  return { body, prefix }
}

function systemPart(system: string): Json {
  if (system === '') return {}
  return { system: [{ type: 'text', text: system, cache_control: CACHED }] }
}

function toolPart(request: ModelRequest, tools: readonly Json[]): Json {
  if (tools.length === 0) return {}
  return { tools, tool_choice: toolChoice(request) }
}

/**
 * Models of the 5.5 generation and later answer a forced tool with status 400, older ones only while they
 * think. There `auto` is the nearest thing; the conversation itself has to ask for the tool.
 */
function toolChoice(request: ModelRequest): Json {
  if (request.toolChoice === 'auto' || !knownModel(request.model)?.forcesTools)
    return { type: 'auto' }
  return { type: 'tool', name: request.toolChoice.name }
}

/**
 * A thinking block is valid only behind exactly what the model saw when it made it. The loop may have
 * shortened older tool results since: such a reply goes back without its thinking, instead of failing
 * the request.
 */
function wireMessages(
  request: ModelRequest,
  head: string,
): { messages: WireMessage[]; prefix: string } {
  const digest = createHash('sha256').update(head)
  const messages: WireMessage[] = []
  for (const message of request.messages) {
    const prefix = digest.copy().digest('hex')
    const content =
      message.role === 'user'
        ? userContent(message)
        : assistantContent(message.reply, request.model, prefix)
    if (content.length === 0) continue
    messages.push({ role: message.role, content })
    digest.update(JSON.stringify([message.role, content]))
  }
  return { messages, prefix: digest.digest('hex') }
}

function userContent(message: Extract<Message, { role: 'user' }>): Json[] {
  const text = message.text === '' ? [] : [{ type: 'text', text: message.text }]
  return [...message.results.map(resultBlock), ...text]
}

function resultBlock(result: ToolResult): Json {
  return {
    type: 'tool_result',
    tool_use_id: wireId(result.callId),
    content: result.text,
    ...(result.isError ? { is_error: true } : {}),
  }
}

function assistantContent(reply: Reply, model: string, prefix: string): Json[] {
  const wire = asRecord(reply.wire)
  if (wire.api !== 'anthropic' || wire.model !== model) return foreignContent(reply)
  const content = asList(wire.content).filter(isRecord)
  const kept = wire.prefix === prefix ? content : content.filter((block) => !isThinking(block))
  // The API makes empty text blocks, but does not take them back.
  return kept.filter((block) => block.type !== 'text' || block.text !== '')
}

function isThinking(block: Json): boolean {
  return block.type === 'thinking' || block.type === 'redacted_thinking'
}

/** The reply of another model or provider: what was said and called, without its private parts. */
function foreignContent(reply: Reply): Json[] {
  const text = reply.text === '' ? [] : [{ type: 'text', text: reply.text }]
  const calls = reply.toolCalls.map((call) => ({
    type: 'tool_use',
    id: wireId(call.id),
    name: call.name,
    input: replayableInput(call.input),
  }))
  return [...text, ...calls]
}

/** Anthropic refuses ids with other characters, such as `functions.read:0` from a fallback's first model. */
function wireId(id: string): string {
  return id.replaceAll(/[^\w-]/g, '_')
}

/** Breakpoints at the end of the last two user messages: they move along with the conversation. */
function markCached(messages: WireMessage[]): void {
  for (const { content } of messages.filter(({ role }) => role === 'user').slice(-2))
    content[content.length - 1] = { ...content.at(-1), cache_control: CACHED }
}
