import { expect, test } from 'vitest'
import {
  chatSse,
  requestProblems,
  startWireServer,
  type WireServer,
} from '../../../test/support/wire-server.ts'
import { OpenAiChatModel } from './openai-chat.ts'
import { accessTo, collect, doneOf, failureOf, requestOf } from './testing/calls.ts'

const USAGE = {
  choices: [],
  usage: {
    prompt_tokens: 330,
    completion_tokens: 40,
    prompt_tokens_details: { cached_tokens: 300 },
    completion_tokens_details: { reasoning_tokens: 12 },
  },
}

function delta(content: object, finishReason: string | null = null): object {
  return { choices: [{ index: 0, delta: content, finish_reason: finishReason }] }
}

function calls(...pieces: object[]): object {
  return delta({ tool_calls: pieces })
}

function piece(
  index: number | undefined,
  id: string | undefined,
  args: string,
  name?: string,
): object {
  const fn = { ...(name === undefined ? {} : { name }), arguments: args }
  return {
    ...(index === undefined ? {} : { index }),
    ...(id === undefined ? {} : { id }),
    type: 'function',
    function: fn,
  }
}

async function serve(...bodies: string[]): Promise<{ model: OpenAiChatModel; server: WireServer }> {
  const server = await startWireServer(...bodies.map((body) => ({ sse: body })))
  return { server, model: new OpenAiChatModel(accessTo(`${server.url}/v1`)) }
}

const WHOLE = chatSse(delta({ content: 'Fine.' }), delta({}, 'stop'), USAGE)

test('the request is explicit and asks for usage', async () => {
  const { model, server } = await serve(WHOLE, WHOLE)
  await using _ = server
  await doneOf(model, requestOf({ effort: 'high' }))
  await doneOf(model, requestOf({ toolChoice: { name: 'submit' } }))
  const [first, second] = server.requests
  expect(first?.path).toBe('/v1/chat/completions')
  expect(requestProblems(first!, 'chat')).toEqual([])
  expect(first?.body).toMatchObject({
    max_tokens: 1000,
    stream_options: { include_usage: true },
    reasoning_effort: 'high',
    tool_choice: 'auto',
    messages: [
      { role: 'system', content: 'You investigate.' },
      { role: 'user', content: 'Why 500?' },
    ],
  })
  expect(second?.body.tool_choice).toEqual({ type: 'function', function: { name: 'submit' } })
})

test('usage that follows the finish reason counts', async () => {
  const { model, server } = await serve(WHOLE)
  await using _ = server
  expect((await doneOf(model)).usage).toEqual({
    input: 330,
    cacheRead: 300,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output: 40,
    reasoning: 12,
  })
})

test('missing usage is unknown', async () => {
  const { model, server } = await serve(chatSse(delta({ content: 'x' }), delta({}, 'stop')))
  await using _ = server
  expect((await doneOf(model)).usage).toBeUndefined()
})

test('reasoning of either spelling is thinking, not text', async () => {
  const { model, server } = await serve(
    chatSse(
      delta({ reasoning_content: 'Hm ' }),
      delta({ reasoning: 'ok.' }),
      delta({ content: 'Fine.' }, 'stop'),
    ),
  )
  await using _ = server
  const events = await collect(model)
  expect(events.slice(0, -1).map(({ type }) => type)).toEqual(['thinking', 'thinking', 'text'])
  expect(events.at(-1)).toMatchObject({ reply: { text: 'Fine.' } })
})

const A = { id: 'call_a', name: 'read', input: '{"path":"a"}' }
const B = { id: 'call_b', name: 'read', input: '{"path":"b"}' }

test.each<[string, object[]]>([
  [
    'one index each, in pieces',
    [
      calls(piece(0, 'call_a', '', 'read'), piece(1, 'call_b', '', 'read')),
      calls(piece(0, undefined, '{"path"')),
      calls(piece(1, undefined, '{"path":"b"}')),
      calls(piece(0, undefined, ':"a"}')),
    ],
  ],
  [
    'both with index 0',
    [calls(piece(0, 'call_a', A.input, 'read')), calls(piece(0, 'call_b', B.input, 'read'))],
  ],
  [
    'both with index 0, in pieces that repeat the id',
    [
      calls(piece(0, 'call_a', '{"path":', 'read')),
      calls(piece(0, 'call_a', '"a"}', 'read')),
      calls(piece(0, 'call_b', '{"path":"b"}', 'read')),
    ],
  ],
  [
    'without an index',
    [
      calls(piece(undefined, 'call_a', '{"path":', 'read')),
      calls(piece(undefined, undefined, '"a"}')),
      calls(piece(undefined, 'call_b', '{"path":"b"}', 'read')),
    ],
  ],
])('two calls are told apart: %s', async (_case, chunks) => {
  const { model, server } = await serve(chatSse(...chunks, delta({}, 'tool_calls')))
  await using _ = server
  const done = await doneOf(model)
  expect(done.stop).toBe('tools')
  expect(done.reply.toolCalls).toEqual([A, B])
})

test('calls without an id get one, and go back with it', async () => {
  const { model, server } = await serve(
    chatSse(calls(piece(0, undefined, '{"path":"a"}', 'read')), delta({}, 'tool_calls')),
    WHOLE,
  )
  await using _ = server
  const done = await doneOf(model)
  const callId = done.reply.toolCalls[0]!.id
  expect(callId).not.toBe('')
  await doneOf(
    model,
    requestOf({
      messages: [
        ...requestOf().messages,
        { role: 'assistant', reply: done.reply },
        { role: 'user', results: [{ callId, text: 'bytes', isError: true }], text: '' },
      ],
    }),
  )
  expect(requestProblems(server.requests[1]!, 'chat')).toEqual([])
  expect(server.requests[1]?.body.messages).toMatchObject([
    {},
    {},
    { role: 'assistant', content: null, tool_calls: [{ id: callId, type: 'function' }] },
    { role: 'tool', tool_call_id: callId, content: 'Error: bytes' },
  ])
})

test.each([
  ['stop', '{"path":"a"}', 'tools'],
  ['stop', '{"path":"a', 'unknown'],
  ['tool_calls', '{"path":"a', 'tools'],
  ['length', '{"path":"a', 'length'],
  ['function_call', '{"path":"a"}', 'unknown'],
])('MA-12 MA-13 finish reason %s behind input %s is done: %s', async (reason, input, stop) => {
  const { model, server } = await serve(
    chatSse(calls(piece(0, 'call_a', input, 'read')), delta({}, reason)),
  )
  await using _ = server
  const done = await doneOf(model)
  expect(done.stop).toBe(stop)
  expect(done.reply.toolCalls[0]?.input).toBe(input)
})

test.each([
  ['content_filter', 'refusal'],
  ['error', 'retryable'],
])('finish reason %s fails as %s', async (reason, expected) => {
  const { model, server } = await serve(chatSse(delta({ content: 'x' }), delta({}, reason), USAGE))
  await using _ = server
  expect(await failureOf(model)).toMatchObject({ class: expected, usage: { input: 330 } })
})

test('a refusal instead of content is a refusal', async () => {
  const { model, server } = await serve(chatSse(delta({ refusal: 'I cannot.' }), delta({}, 'stop')))
  await using _ = server
  expect((await failureOf(model)).class).toBe('refusal')
})

test.each([
  [{ message: 'rate', code: 429 }, 'retryable'],
  [{ message: 'credits', code: 402 }, 'quota'],
  [{ message: 'key', code: 401 }, 'auth'],
  [{ message: 'long', code: 'context_length_exceeded' }, 'overflow'],
  [{ message: 'oops' }, 'retryable'],
])('MA-09 an error chunk %j fails as %s', async (error, expected) => {
  const { model, server } = await serve(chatSse(delta({ content: 'x' }), { error }))
  await using _ = server
  expect((await failureOf(model)).class).toBe(expected)
})

test('MA-10 the closing mark without a finish reason is a failure', async () => {
  const { model, server } = await serve(chatSse(delta({ content: 'x' })))
  await using _ = server
  expect((await failureOf(model)).class).toBe('retryable')
})

test('input that is not JSON goes back as text, not repaired', async () => {
  const { model, server } = await serve(
    chatSse(calls(piece(0, 'call_a', '{"path":"a', 'read')), delta({}, 'tool_calls')),
    WHOLE,
  )
  await using _ = server
  const { reply } = await doneOf(model)
  await doneOf(model, requestOf({ messages: [{ role: 'assistant', reply }] }))
  expect(server.requests[1]?.text).toContain(
    JSON.stringify(JSON.stringify({ INVALID_JSON: '{"path":"a' })),
  )
})
