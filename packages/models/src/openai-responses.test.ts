import { expect, test } from 'vitest'
import {
  requestProblems,
  sse,
  startWireServer,
  type WireServer,
} from '../../../test/support/wire-server.ts'
import { OpenAiResponsesModel } from './openai-responses.ts'
import { accessTo, collect, doneOf, failureOf, requestOf } from './testing/calls.ts'

const REASONING = {
  type: 'reasoning',
  id: 'rs_1',
  summary: [],
  encrypted_content: 'gAAAAAB',
}
const TEXT = {
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  phase: 'commentary',
  content: [{ type: 'output_text', text: 'Reading.', annotations: [] }],
}
const USAGE = {
  input_tokens: 330,
  input_tokens_details: { cached_tokens: 300, cache_write_tokens: 20 },
  output_tokens: 40,
  output_tokens_details: { reasoning_tokens: 12 },
  total_tokens: 370,
}

function call(id: string, args: string): object {
  return { type: 'function_call', id: `fc_${id}`, call_id: id, name: 'read', arguments: args }
}

function reply(final: object, ...items: object[]): string {
  return sse(
    { type: 'response.created', response: { status: 'in_progress' } },
    ...items.flatMap((item, index) => [
      { type: 'response.output_item.added', output_index: index, item },
      { type: 'response.output_item.done', output_index: index, item },
    ]),
    final,
  )
}

function completed(...output: object[]): object {
  return { type: 'response.completed', response: { status: 'completed', output, usage: USAGE } }
}

async function serve(
  ...bodies: string[]
): Promise<{ model: OpenAiResponsesModel; server: WireServer }> {
  const server = await startWireServer(...bodies.map((body) => ({ sse: body })))
  return { server, model: new OpenAiResponsesModel(accessTo(`${server.url}/v1`)) }
}

test('the request is stateless, explicit and asks for encrypted reasoning', async () => {
  const { model, server } = await serve(reply(completed(), TEXT))
  await using _ = server
  await doneOf(model, requestOf({ effort: 'max', cacheKey: `incident-response/${'x'.repeat(80)}` }))
  const request = server.requests[0]!
  expect(request.path).toBe('/v1/responses')
  expect(requestProblems(request, 'responses')).toEqual([])
  expect(request.body).toMatchObject({
    model: 'model-x',
    instructions: 'You investigate.',
    max_output_tokens: 1000,
    store: false,
    include: ['reasoning.encrypted_content'],
    reasoning: { effort: 'max' },
    tool_choice: 'auto',
    prompt_cache_key: expect.stringMatching(/^.{1,64}$/),
  })
  expect(request.body).not.toHaveProperty('previous_response_id')
})

test('items come back unchanged and in order, behind them the results', async () => {
  const items = [REASONING, TEXT, call('call_1', '{"path":"a"}'), call('call_2', '{"path":"b"}')]
  const { model, server } = await serve(
    reply(completed(...items), ...items),
    reply(completed(), TEXT),
  )
  await using _ = server
  const first = await doneOf(model)
  expect(first).toMatchObject({
    stop: 'tools',
    reply: {
      text: 'Reading.',
      toolCalls: [
        { id: 'call_1', name: 'read', input: '{"path":"a"}' },
        { id: 'call_2', name: 'read', input: '{"path":"b"}' },
      ],
    },
    usage: { input: 330, cacheRead: 300, cacheWrite5m: 20, output: 40, reasoning: 12 },
  })
  const results = [
    { callId: 'call_1', text: 'one', isError: false },
    { callId: 'call_2', text: 'two', isError: true },
  ]
  await doneOf(
    model,
    requestOf({
      messages: [
        ...requestOf().messages,
        { role: 'assistant', reply: first.reply },
        { role: 'user', results, text: '' },
      ],
    }),
  )
  const second = server.requests[1]!
  expect(requestProblems(second, 'responses')).toEqual([])
  expect(second.body.input).toEqual([
    { role: 'user', content: [{ type: 'input_text', text: 'Why 500?' }] },
    ...items,
    { type: 'function_call_output', call_id: 'call_1', output: 'one' },
    { type: 'function_call_output', call_id: 'call_2', output: 'Error: two' },
  ])
})

test('deltas of text and reasoning are shown, those of arguments are only counted', async () => {
  const { model, server } = await serve(
    sse(
      { type: 'response.reasoning_summary_text.delta', delta: 'Hm. ' },
      { type: 'response.output_text.delta', delta: 'Read' },
      { type: 'response.function_call_arguments.delta', delta: '{"path":' },
      completed(TEXT),
    ),
  )
  await using _ = server
  const events = await collect(model)
  expect(events.slice(0, -1)).toEqual([
    { type: 'thinking', delta: 'Hm. ' },
    { type: 'text', delta: 'Read' },
    { type: 'progress', characters: 8 },
  ])
})

test('the final response stands in for items that were never announced, and the other way round', async () => {
  const { model, server } = await serve(reply(completed(TEXT)), reply(completed(), TEXT))
  await using _ = server
  expect((await doneOf(model)).reply.text).toBe('Reading.')
  expect((await doneOf(model)).reply.text).toBe('Reading.')
})

test('a forced tool is named', async () => {
  const { model, server } = await serve(reply(completed(), TEXT))
  await using _ = server
  await doneOf(model, requestOf({ toolChoice: { name: 'submit' } }))
  expect(server.requests[0]?.body.tool_choice).toEqual({ type: 'function', name: 'submit' })
})

function ended(type: 'incomplete' | 'failed', detail: object): string {
  return reply({ type: `response.${type}`, response: { status: type, ...detail } }, TEXT)
}

test('MA-12 an incomplete response is done only as what it is', async () => {
  const { model, server } = await serve(
    ended('incomplete', { incomplete_details: { reason: 'max_output_tokens' } }),
    ended('incomplete', { incomplete_details: { reason: 'steered' } }),
  )
  await using _ = server
  expect((await doneOf(model)).stop).toBe('length')
  expect((await doneOf(model)).stop).toBe('unknown')
})

test.each([
  ['incomplete', { incomplete_details: { reason: 'content_filter' } }, 'refusal'],
  ['failed', { error: { code: 'server_error' } }, 'retryable'],
  ['failed', { error: { code: 'rate_limit_exceeded' } }, 'retryable'],
  ['failed', { error: { code: 'insufficient_quota' } }, 'quota'],
  ['failed', { error: { code: 'context_length_exceeded' } }, 'overflow'],
  ['failed', { error: { code: 'bio_policy' } }, 'refusal'],
  ['failed', {}, 'retryable'],
] as const)('response.%s with %j fails as %s', async (type, detail, expected) => {
  const { model, server } = await serve(ended(type, { ...detail, usage: USAGE }))
  await using _ = server
  expect(await failureOf(model)).toMatchObject({ class: expected, usage: { input: 330 } })
})

test('a refusal item is a refusal', async () => {
  const refusal = { ...TEXT, content: [{ type: 'refusal', refusal: 'I cannot.' }] }
  const { model, server } = await serve(reply(completed(refusal), refusal))
  await using _ = server
  expect((await failureOf(model)).class).toBe('refusal')
})

test('MA-10 a stream that ends while in progress is a failure', async () => {
  const { model, server } = await serve(
    sse({ type: 'response.in_progress', response: { status: 'in_progress', output: [TEXT] } }),
  )
  await using _ = server
  expect((await failureOf(model)).class).toBe('retryable')
})

test.each([
  [429, 'insufficient_quota', 'quota'],
  [400, 'context_length_exceeded', 'overflow'],
  [400, 'content_policy_violation', 'refusal'],
])('MA-16 status %i with code %s fails as %s', async (status, code, expected) => {
  await using server = await startWireServer({
    status,
    body: JSON.stringify({ error: { message: 'No.', type: 'invalid_request_error', code } }),
  })
  const failure = await failureOf(new OpenAiResponsesModel(accessTo(server.url)))
  expect(failure.class).toBe(expected)
})

test('missing usage is unknown', async () => {
  const { model, server } = await serve(
    reply({ type: 'response.completed', response: { output: [TEXT] } }),
  )
  await using _ = server
  expect((await doneOf(model)).usage).toBeUndefined()
})

test('the reply of another provider is retold in text and calls', async () => {
  const { model, server } = await serve(reply(completed(), TEXT))
  await using _ = server
  const retold = {
    text: 'Look.',
    toolCalls: [{ id: 'toolu_1', name: 'read', input: '{"path":"a"}' }],
    wire: { api: 'anthropic', content: [] },
  }
  await doneOf(
    model,
    requestOf({
      messages: [
        { role: 'assistant', reply: retold },
        { role: 'user', results: [{ callId: 'toolu_1', text: 'x', isError: false }], text: '' },
      ],
    }),
  )
  expect(requestProblems(server.requests[0]!, 'responses')).toEqual([])
  expect(server.requests[0]?.body.input).toMatchObject([
    { role: 'assistant', content: 'Look.' },
    { type: 'function_call', call_id: 'toolu_1', arguments: '{"path":"a"}' },
    { type: 'function_call_output', call_id: 'toolu_1' },
  ])
})
