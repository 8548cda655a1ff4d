/** A model behind the Chat Completions API that plays a list of turns and keeps whole requests, roles included. */
import {
  chatSse,
  startWireServer,
  type WireAnswer,
  type WireRequest,
} from '../../support/wire-server.ts'

export interface Call {
  readonly tool: string
  readonly input: Readonly<Record<string, unknown>>
}

export type Turn = { readonly text: string; readonly calls?: readonly Call[] }

export interface ChatScript extends AsyncDisposable {
  readonly requests: readonly WireRequest[]
  /** A user configuration that sends every tier here. JSON is YAML. */
  readonly userConfig: string
}

export const CHAT_KEY_VARIABLE = 'WAVE_TEST_KEY'

export async function startChatScript(turns: readonly Turn[]): Promise<ChatScript> {
  const server = await startWireServer(...turns.map(answerOf))
  const provider = { kind: 'openai-compatible', baseUrl: server.url, loopback: true }
  const model = { provider: 'mock', model: 'm', contextTokens: 200_000 }
  return {
    requests: server.requests,
    userConfig: JSON.stringify({
      providers: { mock: { ...provider, keyEnv: CHAT_KEY_VARIABLE } },
      models: { cheapest: model, balanced: model, strongest: model },
    }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

let made = 0

function answerOf({ text, calls = [] }: Turn): WireAnswer {
  const called = calls.map(({ tool, input }, index) => {
    made += 1
    const call = { name: tool, arguments: JSON.stringify(input) }
    return { index, id: `call_${made}`, type: 'function', function: call }
  })
  const delta = {
    role: 'assistant',
    content: text,
    ...(called.length > 0 && { tool_calls: called }),
  }
  const end = called.length > 0 ? 'tool_calls' : 'stop'
  const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 }
  return {
    sse: chatSse(
      { choices: [{ index: 0, delta }] },
      { choices: [{ index: 0, delta: {}, finish_reason: end }] },
      { choices: [], usage },
    ),
  }
}

/** What one message says to the model. */
export interface Said {
  readonly role: string
  readonly text: string
}

export function saidIn({ body }: WireRequest): readonly Said[] {
  const messages: unknown = body['messages']
  if (!Array.isArray(messages)) throw new Error('The request has no messages')
  return messages.map((message: { role: string; content?: unknown }) => ({
    role: message.role,
    text: textOf(message.content),
  }))
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return typeof content === 'string' ? content : ''
  return content.map((part: { text?: string }) => part.text ?? '').join('')
}

export function toolsOf({ body }: WireRequest): readonly string[] {
  const tools: unknown = body['tools']
  if (!Array.isArray(tools)) return []
  return tools.map((tool: { function: { name: string } }) => tool.function.name)
}
