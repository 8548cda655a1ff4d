import { expect, test } from 'vitest'
import type { ModelRequest, Reply } from '@wave/core'
import {
  cacheMarkers,
  requestProblems,
  sse,
  startWireServer,
  type WireServer,
} from '../../../test/support/wire-server.ts'
import { AnthropicModel } from './anthropic.ts'
import { accessTo, collect, doneOf, failureOf, requestOf } from './testing/calls.ts'

const START = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    role: 'assistant',
    content: [],
    usage: {
      input_tokens: 10,
      cache_creation_input_tokens: 20,
      cache_read_input_tokens: 300,
      cache_creation: { ephemeral_5m_input_tokens: 15, ephemeral_1h_input_tokens: 5 },
      output_tokens: 1,
    },
  },
}

function reply(stopReason: string, ...events: object[]): string {
  return sse(
    START,
    ...events,
    {
      type: 'message_delta',
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: { output_tokens: 40, output_tokens_details: { thinking_tokens: 12 } },
    },
    { type: 'message_stop' },
  )
}

function block(index: number, content: object, ...deltas: object[]): object[] {
  return [
    { type: 'content_block_start', index, content_block: content },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
}

const THINKING = block(
  0,
  { type: 'thinking', thinking: '', signature: '' },
  { type: 'thinking_delta', thinking: 'Look at ' },
  { type: 'thinking_delta', thinking: 'orders.' },
  { type: 'signature_delta', signature: 'c2ln' },
)
const TEXT = block(1, { type: 'text', text: '' }, { type: 'text_delta', text: 'Reading.' })
function call(index: number, id: string, ...json: string[]): object[] {
  const start = { type: 'tool_use', id, name: 'read', input: {}, caller: { type: 'direct' } }
  const deltas = json.map((partial) => ({ type: 'input_json_delta', partial_json: partial }))
  return block(index, start, ...deltas)
}

async function serve(...bodies: string[]): Promise<{ model: AnthropicModel; server: WireServer }> {
  const server = await startWireServer(...bodies.map((body) => ({ sse: body })))
  return { server, model: new AnthropicModel(accessTo(server.url)) }
}

/** The conversation after `first`, with a result for each of its calls. */
function followUp(first: Reply, changes: Partial<ModelRequest> = {}): ModelRequest {
  const request = requestOf()
  const results = first.toolCalls.map(({ id }) => ({
    callId: id,
    text: `of ${id}`,
    isError: false,
  }))
  return requestOf({
    messages: [
      ...request.messages,
      { role: 'assistant', reply: first },
      { role: 'user', results, text: '' },
    ],
    ...changes,
  })
}

test('the request carries key, version, cap and tools, and nothing about sampling', async () => {
  const { model, server } = await serve(reply('end_turn', ...TEXT))
  await using _ = server
  await doneOf(model, requestOf({ effort: 'max' }))
  const [request] = server.requests
  expect(request?.path).toBe('/v1/messages')
  expect(requestProblems(request!, 'anthropic')).toEqual([])
  expect(request?.body).toMatchObject({
    model: 'model-x',
    max_tokens: 1000,
    tool_choice: { type: 'auto' },
    output_config: { effort: 'max' },
  })
  expect(Object.keys(request!.body)).not.toContain('thinking')
})

test('thinking, text and calls arrive in order, with raw inputs', async () => {
  const { model, server } = await serve(
    reply('tool_use', ...THINKING, ...TEXT, ...call(2, 'toolu_1', '{"path": ', '"a.ts"}')),
  )
  await using _ = server
  const events = await collect(model)
  const shown = events.filter(({ type }) => type === 'thinking' || type === 'text')
  expect(shown).toEqual([
    { type: 'thinking', delta: 'Look at ' },
    { type: 'thinking', delta: 'orders.' },
    { type: 'text', delta: 'Reading.' },
  ])
  expect(events.at(-1)).toMatchObject({
    type: 'done',
    stop: 'tools',
    reply: {
      text: 'Reading.',
      toolCalls: [{ id: 'toolu_1', name: 'read', input: '{"path": "a.ts"}' }],
    },
    usage: {
      input: 330,
      cacheRead: 300,
      cacheWrite5m: 15,
      cacheWrite1h: 5,
      output: 40,
      reasoning: 12,
    },
  })
})

test('content blocks go back byte for byte, with signatures, and every call is paired', async () => {
  const { model, server } = await serve(
    reply(
      'tool_use',
      ...THINKING,
      ...block(1, { type: 'redacted_thinking', data: 'ZGF0YQ==' }),
      ...call(2, 'toolu_1', '{"path":"a"}'),
      ...call(3, 'toolu_2', '{"path":"b"}'),
    ),
    reply('end_turn', ...TEXT),
  )
  await using _ = server
  const first = await doneOf(model)
  await doneOf(model, followUp(first.reply))
  const second = server.requests[1]!
  expect(requestProblems(second, 'anthropic')).toEqual([])
  expect(second.body.messages).toMatchObject([
    { role: 'user' },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Look at orders.', signature: 'c2ln' },
        { type: 'redacted_thinking', data: 'ZGF0YQ==' },
        {
          type: 'tool_use',
          id: 'toolu_1',
          name: 'read',
          input: { path: 'a' },
          caller: { type: 'direct' },
        },
        { type: 'tool_use', id: 'toolu_2', input: { path: 'b' } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'toolu_1', content: 'of toolu_1' },
        { type: 'tool_result', tool_use_id: 'toolu_2', content: 'of toolu_2' },
      ],
    },
  ])
})

test('cache markers stand at the end of the system prompt and of the last two user messages', async () => {
  const { model, server } = await serve(
    reply('tool_use', ...call(0, 'toolu_1', '{}')),
    reply('tool_use', ...call(0, 'toolu_2', '{}')),
    reply('end_turn', ...TEXT),
  )
  await using _ = server
  const first = await doneOf(model)
  const second = await doneOf(model, followUp(first.reply))
  const third = followUp(first.reply).messages
  await doneOf(
    model,
    requestOf({
      messages: [
        ...third,
        { role: 'assistant', reply: second.reply },
        { role: 'user', results: [{ callId: 'toolu_2', text: '', isError: true }], text: 'Hurry.' },
      ],
    }),
  )
  expect(server.requests.map(({ body }) => cacheMarkers(body))).toEqual([
    ['system.0', 'messages.0.0'],
    ['system.0', 'messages.0.0', 'messages.2.0'],
    ['system.0', 'messages.2.0', 'messages.4.1'],
  ])
})

test('earlier bytes do not change from turn to turn, apart from the markers', async () => {
  const { model, server } = await serve(
    reply('tool_use', ...THINKING, ...call(1, 'toolu_1', '{"path":"a"}')),
    reply('end_turn', ...TEXT),
  )
  await using _ = server
  const first = await doneOf(model)
  await doneOf(model, followUp(first.reply))
  const [before, after] = server.requests.map(({ text }) =>
    text.replaceAll(',"cache_control":{"type":"ephemeral"}', ''),
  )
  expect(after!.startsWith(before!.slice(0, -2))).toBe(true)
})

test('thinking is left out once something in front of it has changed', async () => {
  const thought = reply('tool_use', ...THINKING, ...call(1, 'toolu_1', '{"path":"a"}'))
  const { model, server } = await serve(thought, thought, thought, thought)
  await using _ = server
  const first = await doneOf(model)
  await doneOf(model, followUp(first.reply))
  await doneOf(model, followUp(first.reply, { system: 'Another prompt.' }))
  await doneOf(model, followUp(first.reply, { tools: requestOf().tools.slice(1) }))
  const kinds = server.requests.map(({ text }) => text.includes('"thinking":'))
  expect(kinds).toEqual([false, true, false, false])
})

test('the thinking of another model or provider is not sent on, its calls are', async () => {
  const { model, server } = await serve(
    reply('tool_use', ...THINKING, ...call(1, 'toolu_1', '{"path":"a"}')),
    reply('end_turn', ...TEXT),
    reply('end_turn', ...TEXT),
  )
  await using _ = server
  const first = await doneOf(model)
  await doneOf(model, followUp(first.reply, { model: 'model-y' }))
  await doneOf(model, followUp({ ...first.reply, wire: { api: 'openai-chat' } }))
  for (const request of server.requests.slice(1)) {
    expect(requestProblems(request, 'anthropic')).toEqual([])
    expect(request.text).not.toContain('"thinking"')
    expect(request.text).toContain('toolu_1')
  }
})

test('the call ids of other servers are written as Anthropic takes them, with their results', async () => {
  const { model, server } = await serve(reply('end_turn', ...TEXT))
  await using _ = server
  const wire = { api: 'openai-chat' }
  const toolCalls = [{ id: 'functions.read:0', name: 'read', input: '{"path":"a"}' }]
  await doneOf(model, followUp({ text: '', toolCalls, wire }))
  expect(server.requests.flatMap((one) => requestProblems(one, 'anthropic'))).toEqual([])
  const text = server.requests[0]?.text
  expect(text).toContain('"id":"functions_read_0"')
  expect(text).toContain('"tool_use_id":"functions_read_0"')
})

test('MA-14 MA-17 inputs stay raw: nothing is repaired, and two calls with one id stay two', async () => {
  const inputs = ['{"path": "a', '{"path":1,"path":2}', '[]', '{"__proto__":{}}']
  const { model, server } = await serve(
    reply('tool_use', ...inputs.flatMap((input, index) => call(index, 'toolu_1', input))),
    reply('end_turn'),
  )
  await using _ = server
  const done = await doneOf(model)
  expect(done.reply.toolCalls.map(({ input }) => input)).toEqual(inputs)
  await doneOf(model, requestOf({ messages: [{ role: 'assistant', reply: done.reply }] }))
  expect(server.requests[1]?.text).toContain(JSON.stringify({ INVALID_JSON: '{"path": "a' }))
})

test('two calls under one index are told apart', async () => {
  const { model, server } = await serve(
    reply('tool_use', ...call(0, 'toolu_1', '{"path":"a"}'), ...call(0, 'toolu_2', '{"path":"b"}')),
  )
  await using _ = server
  const { reply: both } = await doneOf(model)
  expect(both.toolCalls).toEqual([
    { id: 'toolu_1', name: 'read', input: '{"path":"a"}' },
    { id: 'toolu_2', name: 'read', input: '{"path":"b"}' },
  ])
})

test('a call without arguments has an empty object as input', async () => {
  const { model, server } = await serve(reply('tool_use', ...call(0, 'toolu_1', '')))
  await using _ = server
  expect((await doneOf(model)).reply.toolCalls[0]?.input).toBe('{}')
})

test.each([
  ['end_turn', 'end'],
  ['stop_sequence', 'end'],
  ['tool_use', 'tools'],
  ['max_tokens', 'length'],
  ['pause_turn', 'pause'],
  ['something_new', 'unknown'],
])('stop reason %s is done: %s', async (reason, stop) => {
  const { model, server } = await serve(reply(reason, ...TEXT))
  await using _ = server
  expect((await doneOf(model)).stop).toBe(stop)
})

test.each([
  ['refusal', 'refusal'],
  ['model_context_window_exceeded', 'overflow'],
])('stop reason %s is a failure with its usage', async (reason, expected) => {
  const { model, server } = await serve(reply(reason, ...TEXT))
  await using _ = server
  expect(await failureOf(model)).toMatchObject({
    class: expected,
    usage: { output: 40 },
    isWhole: true,
  })
})

test('MA-12 a call that the token limit cut is done: length', async () => {
  const { model, server } = await serve(reply('max_tokens', ...call(0, 'toolu_1', '{"path":"a')))
  await using _ = server
  expect(await doneOf(model)).toMatchObject({ stop: 'length' })
})

test('a paused reply goes back last, unchanged', async () => {
  const { model, server } = await serve(reply('pause_turn', ...TEXT), reply('end_turn', ...TEXT))
  await using _ = server
  const paused = await doneOf(model)
  const messages = [...requestOf().messages, { role: 'assistant' as const, reply: paused.reply }]
  await doneOf(model, requestOf({ messages }))
  expect(server.requests[1]?.body.messages).toMatchObject([
    { role: 'user' },
    { role: 'assistant', content: [{ type: 'text', text: 'Reading.' }] },
  ])
})

test('missing usage is unknown, and a failure tells what was used so far', async () => {
  const bare = sse(
    { type: 'message_start', message: {} },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
    { type: 'message_stop' },
  )
  const { model, server } = await serve(bare, sse(START, ...TEXT))
  await using _ = server
  expect((await doneOf(model)).usage).toBeUndefined()
  expect(await failureOf(model)).toMatchObject({ class: 'retryable', usage: { input: 330 } })
})

test.each([
  ['overloaded_error', 'retryable'],
  ['api_error', 'retryable'],
  ['authentication_error', 'auth'],
  ['billing_error', 'quota'],
  ['invalid_request_error', 'request'],
])('MA-09 an error event of type %s fails as %s', async (type, expected) => {
  const { model, server } = await serve(
    sse(START, { type: 'error', error: { type, message: 'Not now.' } }),
  )
  await using _ = server
  expect(await failureOf(model)).toMatchObject({ class: expected, usage: { input: 330 } })
})

test('a tool is forced only where the model accepts that', async () => {
  const { model, server } = await serve(
    ...['claude-haiku-4-5', 'claude-opus-5-5', 'new-model'].map(() => reply('end_turn', ...TEXT)),
  )
  await using _ = server
  for (const id of ['claude-haiku-4-5', 'claude-opus-5-5', 'new-model'])
    await doneOf(model, requestOf({ model: id, toolChoice: { name: 'submit' } }))
  expect(server.requests.map(({ body }) => body.tool_choice)).toEqual([
    { type: 'tool', name: 'submit' },
    { type: 'auto' },
    { type: 'auto' },
  ])
})

test('unknown blocks are kept and sent back, empty text is not', async () => {
  const { model, server } = await serve(
    reply(
      'end_turn',
      ...block(0, { type: 'text', text: '' }),
      ...block(1, { type: 'novelty', value: [1] }),
    ),
    reply('end_turn'),
  )
  await using _ = server
  const done = await doneOf(model)
  await doneOf(
    model,
    requestOf({
      messages: [
        ...requestOf().messages,
        { role: 'assistant', reply: done.reply },
        { role: 'user', results: [], text: 'Go on.' },
      ],
    }),
  )
  expect(server.requests[1]?.body.messages).toMatchObject([
    {},
    { content: [{ type: 'novelty', value: [1] }] },
    {},
  ])
})
