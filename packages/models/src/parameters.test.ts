import { AgentRunner } from '@wave/core'
import type { ModelParameter, ModelRequest, ResolvedModel, RunEvent } from '@wave/core'
import { ManualClock, sketchPlan, sketchStep, startRig } from '@wave/core/testing'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, expect, test } from 'vitest'
import {
  chatSse,
  sse,
  startWireServer,
  type WireAnswer,
  type WireServer,
} from '../../../test/support/wire-server.ts'
import { AnthropicModel } from './anthropic.ts'
import { createModelCatalog } from './catalog.ts'
import { OpenAiChatModel } from './openai-chat.ts'
import { OpenAiResponsesModel } from './openai-responses.ts'
import { accessTo, collect, failureOf, requestOf } from './testing/calls.ts'

const ADAPTERS = [
  { name: 'Anthropic', Adapter: AnthropicModel, limit: 'max_tokens' },
  { name: 'Responses', Adapter: OpenAiResponsesModel, limit: 'max_output_tokens' },
  { name: 'Chat', Adapter: OpenAiChatModel, limit: 'max_tokens' },
]

async function bodyOf(
  Adapter: (typeof ADAPTERS)[number]['Adapter'],
  changes: Partial<ModelRequest>,
): Promise<WireServer['requests'][number]['body']> {
  await using server = await startWireServer({ status: 400 })
  await collect(new Adapter(accessTo(server.url)), requestOf(changes))
  return server.requests[0]?.body ?? {}
}

describe.each(ADAPTERS)('$name', ({ Adapter, limit }) => {
  test('temperature and limit are on the wire, and nothing of the kind unless it was asked for', async () => {
    const body = await bodyOf(Adapter, { temperature: 0, maxOutputTokens: 77 })
    expect(body).toMatchObject({ temperature: 0, [limit]: 77 })
    expect(await bodyOf(Adapter, {})).not.toHaveProperty('temperature')
  })

  test.each<[object, ModelParameter | 'unnamed' | undefined]>([
    [{ param: 'temperature', code: 'unsupported_parameter' }, 'temperature'],
    [{ param: 'temperature', code: 'unsupported_value' }, 'temperature'],
    [{ param: 'reasoning.effort', code: 'unsupported_value' }, 'effort'],
    [{ param: limit, code: 'unsupported_parameter' }, 'maxOutputTokens'],
    [{ param: null, message: '`temperature` is deprecated for this model.' }, 'unnamed'],
    [{ param: 'tools[0].name' }, undefined],
    [{ param: null, code: 'model_not_found' }, undefined],
  ])('a 400 with %j refuses %s', async (detail, refuses) => {
    const error = { type: 'invalid_request_error', message: 'No.', ...detail }
    const body = JSON.stringify({ type: 'error', error })
    await using server = await startWireServer({ status: 400, body }, { status: 404, body })
    const model = new Adapter(accessTo(server.url))
    const failed = await failureOf(model)
    expect(failed.class).toBe('request')
    expect(failed.refuses).toBe(refuses)
    expect(await failureOf(model)).not.toHaveProperty('refuses')
  })
})

test.each(ADAPTERS.slice(1))('$name: a limit can be left to the provider', async (one) => {
  const body = await bodyOf(one.Adapter, { leavesLimitToProvider: true })
  expect(body).not.toHaveProperty(one.limit)
})

test('The catalog knows which models take a temperature and an effort, and says nothing of others', () => {
  const baseUrl = 'http://127.0.0.1:1/v1'
  const local = { kind: 'openai-compatible', baseUrl, loopback: true } as const
  const catalog = createModelCatalog(
    { providers: { anthropic: {}, openai: {}, local } },
    { ANTHROPIC_API_KEY: 'k', OPENAI_API_KEY: 'k' },
  )
  const takes = (name: string): ResolvedModel['takes'] => catalog.resolve(name)?.takes
  expect(takes('anthropic/claude-opus-5-5')).toEqual({ temperature: false, effort: true })
  expect(takes('anthropic/claude-haiku-4-5-20251001')).toEqual({ effort: false })
  expect(takes('openai/gpt-6-luna')).toEqual({ temperature: false, effort: true })
  expect(takes('openai/gpt-4.1')).toBeUndefined()
  expect(takes('local/claude-opus-5-5')).toBeUndefined()
  const most = (name: string): ResolvedModel['maxEffort'] => catalog.resolve(name)?.maxEffort
  expect(most('local/claude-opus-5-5')).toBe('high')
  expect(most('anthropic/claude-opus-5-5')).toBeUndefined()
})

function answer(stopReason: string): WireAnswer {
  return {
    sse: sse(
      { type: 'message_start', message: { role: 'assistant', usage: { input_tokens: 7 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'fine' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: stopReason }, usage: { output_tokens: 2 } },
      { type: 'message_stop' },
    ),
  }
}
const WHOLE_CHAT: WireAnswer = {
  sse: chatSse({ choices: [{ index: 0, delta: { content: 'fine' }, finish_reason: 'stop' }] }),
}

type Address = Pick<WireServer, 'url'>

/** A run of one step whose candidates are these two providers. Waiting between tries takes no time. */
async function runWith(first: Address, second: Address, timeoutMs = 900_000) {
  const providers = {
    anthropic: { baseUrl: first.url, loopback: true },
    local: { kind: 'openai-compatible', baseUrl: `${second.url}/v1`, loopback: true },
  } as const
  const catalog = createModelCatalog({ providers }, { ANTHROPIC_API_KEY: 'k' })
  const names = ['anthropic/claude-sonnet-4', 'local/qwen']
  const models = names.flatMap((name) => catalog.resolve(name) ?? [])
  const choice = { name: names[0], fallbacks: names.slice(1), effort: undefined }
  const model = { ...choice, temperature: 0.3, maxOutputTokens: 500 }
  const plan = sketchPlan([sketchStep({ id: 'ask', model, timeoutMs })], {
    planned: { ask: { models } },
  })
  const clock = new ManualClock()
  const events: RunEvent[] = []
  const onEvent = (event: RunEvent): void => {
    events.push(event)
    const waitMs = event.type === 'model-failed' ? event.retryInMs : undefined
    if (waitMs !== undefined) void clock.advance(waitMs)
  }
  const agent = new AgentRunner()
  const runners = { agent, command: agent, evidence: agent }
  const rig = startRig({ plan, runners, clock, onEvent })
  const of = <T extends RunEvent['type']>(type: T) =>
    events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type)
  return { clock, of, result: rig.result }
}

const BUSY = { status: 503 }

test('Four times 503 lead to the next candidate, and the journal names who answered', async () => {
  await using first = await startWireServer(BUSY, BUSY, BUSY, BUSY)
  await using second = await startWireServer(WHOLE_CHAT)
  const run = await runWith(first, second)
  expect(await run.result).toMatchObject({ exitCode: 0 })
  expect([first.requests.length, second.requests.length]).toEqual([4, 1])
  expect(run.of('model-response').map(({ model }) => model)).toEqual(['local/qwen'])
  expect(second.requests[0]?.body).toMatchObject({ temperature: 0.3, max_tokens: 500 })
})

test.each([401, 402, 403, 404])('%i leads to the next candidate at once', async (status) => {
  await using first = await startWireServer({ status })
  await using second = await startWireServer(WHOLE_CHAT)
  const run = await runWith(first, second)
  expect(await run.result).toMatchObject({ exitCode: 0 })
  expect([first.requests.length, second.requests.length]).toEqual([1, 1])
})

test('A candidate that refuses the temperature answers without it, and the run says so', async () => {
  const error = { type: 'invalid_request_error', message: '`temperature` is deprecated.' }
  const body = JSON.stringify({ type: 'error', error })
  await using first = await startWireServer({ status: 400, body }, answer('end_turn'))
  await using second = await startWireServer()
  const run = await runWith(first, second)
  expect(await run.result).toMatchObject({ exitCode: 0 })
  expect(first.requests.map((request) => request.body.temperature)).toEqual([0.3, undefined])
  expect(run.of('warning').map(({ message }) => message)).toEqual([
    expect.stringMatching(/^temperature 0\.3 is not sent: anthropic\/claude-sonnet-4 refused /),
  ])
})

test('When no candidate is left, the run ends with exit code 7', async () => {
  await using first = await startWireServer({ status: 401 })
  await using second = await startWireServer({ status: 404 })
  const run = await runWith(first, second)
  expect(await run.result).toMatchObject({ exitCode: 7 })
  expect(run.of('step-failed')[0]?.failure).toMatchObject({
    model: 'local/qwen',
    message: expect.stringContaining('Check the name of the model, and the baseUrl'),
  })
})

test.each([
  ['max_tokens', { reason: 'limit-reached', limit: 'tokens', scope: 'step' }],
  ['refusal', { reason: 'model-refused' }],
])(
  'An answer that ends with %s fails the attempt, and nobody else is asked',
  async (stop, failure) => {
    await using first = await startWireServer(answer(stop))
    await using second = await startWireServer()
    const run = await runWith(first, second)
    await run.result
    expect(run.of('step-failed')[0]?.failure).toEqual(failure)
    expect([first.requests.length, second.requests.length]).toEqual([1, 0])
  },
)

test('The time limit of a step ends the call that is in flight, on the wire as well', async () => {
  const arrived = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    response.once('close', left.resolve)
    request.resume().once('end', arrived.resolve)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const run = await runWith(
    { url: `http://127.0.0.1:${port}` },
    { url: 'http://127.0.0.1:1' },
    1000,
  )
  await arrived.promise
  await run.clock.advance(1000)
  await run.result
  await left.promise
  server.close()
  const failure = { reason: 'limit-reached', limit: 'time', scope: 'step', allowed: 1000 }
  expect(run.of('step-failed').map((event) => event.failure)).toEqual([failure])
})
