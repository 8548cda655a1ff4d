/**
 * A scripted provider for end-to-end runs: aimock speaks the real HTTP APIs of both vendors, a script says
 * what the model answers. It accepts any key and any parameter; what requests look like is tested against
 * wire-server.ts.
 */
import { type ChatCompletionRequest, type FixtureResponse, LLMock } from '@copilotkit/aimock'

/** What the model does in one step of a pipeline, turn by turn. */
export interface ScriptedStep {
  /** The step is found by an artifact that its `submit` tool asks for … */
  readonly submits?: string
  /** … or by words in its system prompt or first message. All that is given must fit. */
  readonly says?: string
  /** Started over by a new attempt, because that is a new conversation. */
  readonly turns: readonly ScriptedTurn[]
}

/** An answer, or how to make one out of the results of all tools so far, in order. */
export type ScriptedTurn = ScriptedAnswer | ((results: readonly string[]) => ScriptedAnswer)

export type ScriptedAnswer =
  | { readonly calls: readonly ScriptedCall[]; readonly text?: string }
  | { readonly text: string }
  /** A failure of the provider, once per visit: a retry of the same turn gets it again. */
  | { readonly status: number; readonly message: string }

export interface ScriptedCall {
  readonly tool: string
  /** Text: sent as it is, to play malformed arguments. */
  readonly input: Readonly<Record<string, unknown>> | string
}

/** One request, as aimock understood it. */
export interface SeenRequest {
  /** Position in the script; undefined when no step fitted. */
  readonly step: number | undefined
  readonly turn: number
  readonly model: string
  readonly tools: readonly string[]
  /** All text of all messages, system prompt included. */
  readonly text: string
}

export type MockedVendor = 'anthropic' | 'openai' | 'openai-compatible'

export interface Aimock extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string
  readonly requests: readonly SeenRequest[]
  /** `baseUrl` as the adapter of a vendor wants it. */
  baseUrl(vendor: MockedVendor): string
  /** The `providers` and `models` of a user configuration that sends everything here. JSON is YAML. */
  userConfig(vendor: MockedVendor): {
    readonly providers: Readonly<Record<string, unknown>>
    readonly models: Readonly<Record<string, unknown>>
  }
}

/** The variable that `userConfig` names for the key. Any value will do. */
export const AIMOCK_KEY_VARIABLE = 'WAVE_TEST_KEY'

const MODELS: Readonly<Record<MockedVendor, string>> = {
  anthropic: 'claude-sonnet-5-5',
  openai: 'gpt-6-sol',
  'openai-compatible': 'mock-model',
}

/** Each answer reports this much. */
export const TOKENS_PER_ANSWER = { input: 2_000, output: 100 }

export async function startAimock(script: readonly ScriptedStep[]): Promise<Aimock> {
  const requests: SeenRequest[] = []
  const mock = new LLMock({ port: 0, host: '127.0.0.1', logLevel: 'silent', strict: true })
  mock.on({ predicate: () => true }, (request) => {
    const seen = see(request, script)
    requests.push(seen)
    return respond(request, script, seen)
  })
  const origin = await mock.start()
  const baseUrl = (vendor: MockedVendor): string =>
    vendor === 'anthropic' ? origin : `${origin}/v1`
  return {
    origin,
    requests,
    baseUrl,
    userConfig: (vendor) => ({
      providers: {
        mock: {
          kind: vendor,
          baseUrl: baseUrl(vendor),
          loopback: true,
          keyEnv: AIMOCK_KEY_VARIABLE,
        },
      },
      models: Object.fromEntries(
        ['cheapest', 'balanced', 'strongest'].map((tier) => [
          tier,
          { provider: 'mock', model: MODELS[vendor], contextTokens: 200_000 },
        ]),
      ),
    }),
    async [Symbol.asyncDispose]() {
      await mock.stop()
    },
  }
}

function see(request: ChatCompletionRequest, script: readonly ScriptedStep[]): SeenRequest {
  const step = script.findIndex((one) => fits(one, request))
  return {
    step: step === -1 ? undefined : step,
    turn: turnOf(request),
    model: request.model,
    tools: toolNames(request),
    text: request.messages.map((message) => textOf(message.content)).join('\n'),
  }
}

function fits(step: ScriptedStep, request: ChatCompletionRequest): boolean {
  const { submits, says } = step
  const opening = request.messages.slice(0, 2).map((message) => textOf(message.content))
  return (
    (submits !== undefined || says !== undefined) &&
    (submits === undefined || submittable(request).includes(submits)) &&
    (says === undefined || opening.join('\n').includes(says))
  )
}

/** The properties of the `submit` tool: the step's artifacts. */
function submittable(request: ChatCompletionRequest): string[] {
  const submit = request.tools?.find((tool) => tool.function.name === 'submit')
  const schema = submit?.function.parameters ?? {}
  const properties: unknown = 'properties' in schema ? schema.properties : {}
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : []
}

function toolNames(request: ChatCompletionRequest): string[] {
  return (request.tools ?? []).map((tool) => tool.function.name)
}

/** How many answers are in the conversation. One answer may have become several messages in a row. */
function turnOf({ messages }: ChatCompletionRequest): number {
  return messages.filter(
    ({ role }, at) => role === 'assistant' && messages[at - 1]?.role !== 'assistant',
  ).length
}

function respond(
  request: ChatCompletionRequest,
  script: readonly ScriptedStep[],
  seen: SeenRequest,
): FixtureResponse {
  const step = seen.step === undefined ? undefined : script[seen.step]
  const turn = step?.turns[seen.turn]
  if (turn === undefined) {
    const where = step === undefined ? 'no step' : `step ${seen.step}, no turn ${seen.turn}`
    return failure(400, `The script has ${where} for: ${submittable(request).join(', ')}`)
  }
  const answer = typeof turn === 'function' ? turn(resultsIn(request)) : turn
  if ('status' in answer) return failure(answer.status, answer.message)
  const { input, output } = TOKENS_PER_ANSWER
  const usage = {
    input_tokens: input,
    output_tokens: output,
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
  }
  if (!('calls' in answer)) return { content: answer.text, usage }
  const toolCalls = answer.calls.map((call, at) => ({
    // Told apart by turn, so that a conversation never holds one id twice.
    id: `call_${seen.step}_${seen.turn}_${at}`,
    name: call.tool,
    arguments: typeof call.input === 'string' ? call.input : JSON.stringify(call.input),
  }))
  return answer.text === undefined
    ? { toolCalls, usage }
    : { content: answer.text, toolCalls, usage }
}

function failure(status: number, message: string): FixtureResponse {
  return { status, error: { message, type: 'invalid_request_error' } }
}

function resultsIn({ messages }: ChatCompletionRequest): string[] {
  return messages.filter(({ role }) => role === 'tool').map(({ content }) => textOf(content))
}

function textOf(content: ChatCompletionRequest['messages'][number]['content']): string {
  if (content === null) return ''
  return typeof content === 'string' ? content : content.map((part) => part.text ?? '').join('')
}
