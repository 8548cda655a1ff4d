import { describe, expect, test, vi } from 'vitest'
import type { Model } from '@wave/core'
import {
  chatSse,
  sse,
  startWireServer,
  type WireAnswer,
  type WireServer,
} from '../../../test/support/wire-server.ts'
import { AnthropicModel } from './anthropic.ts'
import type { CallLimits } from './call-guard.ts'
import type { ProviderAccess } from './call.ts'
import { OpenAiChatModel } from './openai-chat.ts'
import { OpenAiResponsesModel } from './openai-responses.ts'
import { accessTo, collect, doneOf, failureOf, KEY, requestOf } from './testing/calls.ts'

interface Adapter {
  readonly name: string
  open(access: ProviderAccess): Model
  /** A whole reply that says "fine". */
  readonly whole: string
  /** The beginning of a reply, up to and with some text. */
  readonly begun: string
  /** One delta, repeated in the test of the byte cap. */
  readonly delta: string
  /** The beginning of a reply that calls a tool, up to and with eight characters of its arguments. */
  readonly calling: string
  readonly keepAlive: string
  readonly errorEvent: string
  error(type: string, message: string): string
}

const ANTHROPIC_BEGUN = sse(
  {
    type: 'message_start',
    message: { role: 'assistant', usage: { input_tokens: 7, output_tokens: 1 } },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'fine' } },
)
const ANTHROPIC_CALLING = sse(
  { type: 'message_start', message: { usage: { input_tokens: 7, output_tokens: 1 } } },
  {
    type: 'content_block_start',
    index: 0,
    content_block: { type: 'tool_use', id: 'c', name: 'read', input: {} },
  },
  {
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'input_json_delta', partial_json: '{"path":' },
  },
)
const RESPONSES_BEGUN = sse(
  { type: 'response.created', response: { id: 'r', status: 'in_progress', output: [] } },
  { type: 'response.output_text.delta', output_index: 0, delta: 'fine' },
)
const CHAT_BEGUN = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'fine' } }] })}\n\n`
const MESSAGE = {
  type: 'message',
  role: 'assistant',
  content: [{ type: 'output_text', text: 'fine' }],
}

const ADAPTERS: Adapter[] = [
  {
    name: 'Anthropic',
    open: (access) => new AnthropicModel(access),
    whole:
      ANTHROPIC_BEGUN +
      sse(
        { type: 'content_block_stop', index: 0 },
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
        { type: 'message_stop' },
      ),
    begun: ANTHROPIC_BEGUN,
    calling: ANTHROPIC_CALLING,
    delta: sse({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: 'x'.repeat(60_000) },
    }),
    keepAlive: sse({ type: 'ping' }),
    errorEvent: sse({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
    error: (type, message) => JSON.stringify({ type: 'error', error: { type, message } }),
  },
  {
    name: 'Responses',
    open: (access) => new OpenAiResponsesModel(access),
    whole:
      RESPONSES_BEGUN +
      sse(
        { type: 'response.output_item.done', output_index: 0, item: MESSAGE },
        { type: 'response.completed', response: { status: 'completed', output: [MESSAGE] } },
      ),
    begun: RESPONSES_BEGUN,
    calling: sse({
      type: 'response.function_call_arguments.delta',
      output_index: 0,
      delta: '{"path":',
    }),
    delta: sse({ type: 'response.output_text.delta', output_index: 0, delta: 'x'.repeat(60_000) }),
    keepAlive: sse({ type: 'response.in_progress' }),
    errorEvent: sse({ type: 'error', code: 'server_error', message: 'Oops' }),
    error: (type, message) => JSON.stringify({ error: { type, message, code: null } }),
  },
  {
    name: 'Chat',
    open: (access) => new OpenAiChatModel(access),
    whole: CHAT_BEGUN + chatSse({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    begun: CHAT_BEGUN,
    calling: chatSse(
      { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: {} }] } }] },
      {
        choices: [
          {
            index: 0,
            delta: { tool_calls: [{ index: 0, function: { arguments: '{"path":' } }] },
          },
        ],
      },
    ).replace('data: [DONE]\n\n', ''),
    delta: `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'x'.repeat(60_000) } }] })}\n\n`,
    keepAlive: ': OPENROUTER PROCESSING\n\n',
    errorEvent: `data: ${JSON.stringify({ error: { message: 'Provider returned error', code: 502 } })}\n\n`,
    error: (type, message) => JSON.stringify({ error: { type, message, code: null } }),
  },
]

describe.each(ADAPTERS)('$name', (adapter) => {
  const start = async (
    answers: WireAnswer[],
    limits: Partial<CallLimits> = {},
  ): Promise<{ model: Model; server: WireServer }> => {
    const server = await startWireServer(...answers)
    return { server, model: adapter.open(accessTo(server.url, limits)) }
  }

  test('a whole reply is done, and its text came as deltas', async () => {
    const { model, server } = await start([{ sse: adapter.whole }])
    await using _ = server
    const events = await collect(model)
    expect(events).toContainEqual({ type: 'text', delta: 'fine' })
    expect(events.at(-1)).toMatchObject({ type: 'done', stop: 'end', reply: { text: 'fine' } })
  })

  test('bytes in pieces of one make the same reply', async () => {
    const { model, server } = await start([{ sse: adapter.whole, pieceBytes: 1 }])
    await using _ = server
    expect((await doneOf(model)).reply.text).toBe('fine')
  })

  test('an answer without a body is worth another try', async () => {
    const { model, server } = await start([{ status: 204, body: '' }])
    await using _ = server
    expect(await failureOf(model)).toMatchObject({ class: 'retryable' })
  })

  test('a server that does not end the stream after the reply does not hold it up', async () => {
    const { model, server } = await start([{ sse: adapter.whole, afterwards: 'stall' }], {
      lingerMs: 50,
    })
    await using _ = server
    expect((await doneOf(model)).reply.text).toBe('fine')
  })

  test.each([
    [401, 'authentication_error', 'auth'],
    [403, 'permission_error', 'auth'],
    [402, 'billing_error', 'quota'],
    [408, 'timeout_error', 'retryable'],
    [409, 'conflict_error', 'retryable'],
    [429, 'rate_limit_error', 'retryable'],
    [500, 'api_error', 'retryable'],
    [529, 'overloaded_error', 'retryable'],
    [400, 'invalid_request_error', 'request'],
    [404, 'not_found_error', 'request'],
    [413, 'request_too_large', 'overflow'],
    [422, 'invalid_request_error', 'request'],
  ])(
    'MA-03 MA-04 status %i (%s) fails as %s, after one request',
    async (status, type, expected) => {
      const { model, server } = await start([{ status, body: adapter.error(type, 'No.') }])
      await using _ = server
      const failure = await failureOf(model)
      expect(failure.class).toBe(expected)
      expect(failure.isUnbilled).toBe(true)
      expect(failure.message).toContain(`test-provider answered ${status}`)
      expect(server.requests).toHaveLength(1)
    },
  )

  test('MA-04 a refused key names the provider and the setting', async () => {
    const { model, server } = await start([
      { status: 401, body: adapter.error('authentication_error', 'invalid key') },
    ])
    await using _ = server
    const { message } = await failureOf(model)
    expect(message).toContain('test-provider')
    expect(message).toContain('TEST_KEY')
  })

  test('MA-01 retry-after is handed on, in seconds or exact', async () => {
    const { model, server } = await start([
      { status: 429, headers: { 'retry-after': '1' } },
      { status: 429, headers: { 'retry-after-ms': '20', 'retry-after': '9' } },
      { status: 429, headers: { 'retry-after': 'soon' } },
    ])
    await using _ = server
    expect((await failureOf(model)).retryAfterMs).toBe(1000)
    expect((await failureOf(model)).retryAfterMs).toBe(20)
    expect((await failureOf(model)).retryAfterMs).toBeUndefined()
  })

  test('CK-01 a date to try again at counts from the time of the answer: our own clock may be wrong', async () => {
    const date = 'Sun, 22 Nov 2099 10:00:00 GMT'
    const until = 'Sun, 22 Nov 2099 10:00:30 GMT'
    const { model, server } = await start([
      { status: 429, headers: { date, 'retry-after': until } },
    ])
    await using _ = server
    expect((await failureOf(model)).retryAfterMs).toBe(30_000)
  })

  test('MA-03 an HTML page with status 502 is retryable and is not quoted', async () => {
    const { model, server } = await start([
      {
        status: 502,
        body: '<html>Bad gateway</html>',
        headers: { 'content-type': 'text/html' },
      },
    ])
    await using _ = server
    const failure = await failureOf(model)
    expect(failure.class).toBe('retryable')
    expect(failure.message).not.toContain('html')
  })

  test('MA-05 a server that never answers runs into the header timer', async () => {
    const { model, server } = await start(['silence'], { headersMs: 150 })
    await using _ = server
    const failure = await failureOf(model)
    expect(failure).toMatchObject({ class: 'retryable' })
    expect(failure.message).toContain('No answer within 0.15 s')
    // It has the whole request, and may be at work on it.
    expect(server.requests).toHaveLength(1)
    expect(failure).not.toHaveProperty('isUnbilled')
  })

  test('MA-06 a reset connection is retryable, and may be billed once the request was read', async () => {
    const { model, server } = await start(['reset'])
    await using _ = server
    const failure = await failureOf(model)
    expect(failure.class).toBe('retryable')
    expect(server.requests).toHaveLength(1)
    expect(failure).not.toHaveProperty('isUnbilled')
  })

  test('MA-06 a port where nobody listens is retryable', async () => {
    const { model, server } = await start([])
    await server[Symbol.asyncDispose]()
    const failure = await failureOf(model)
    expect(failure).toMatchObject({ class: 'retryable', isUnbilled: true })
    expect(failure.message).toMatch(/\(ECONNREFUSED\)\. Check the network, .* server .* running\.$/)
  })

  test('MA-06 a name that nobody knows and a server without TLS bill nothing', async () => {
    const { server } = await start([])
    await using _ = server
    const tooLong = `http://${'x'.repeat(64)}.invalid`
    for (const url of [tooLong, server.url.replace('http:', 'https:')]) {
      // oxlint-disable-next-line no-await-in-loop
      const failure = await failureOf(adapter.open(accessTo(url)))
      expect(failure).toMatchObject({ class: 'retryable', isUnbilled: true })
    }
  })

  test('MA-07 a stall in mid-stream runs into the idle timer', async () => {
    const { model, server } = await start([{ sse: adapter.begun, afterwards: 'stall' }], {
      idleMs: 150,
    })
    await using _ = server
    const failure = await failureOf(model)
    expect(failure.class).toBe('retryable')
    expect(failure.message).toContain('stood still')
  })

  test('MA-07 keep-alives hold off the idle timer, not the progress timer', async () => {
    const { model, server } = await start([{ endless: adapter.keepAlive, everyMs: 20 }], {
      idleMs: 400,
      progressMs: 1_000,
    })
    await using _ = server
    const failure = await failureOf(model)
    expect(failure.class).toBe('retryable')
    expect(failure.message).toContain('No content within 1 s')
  })

  test('MA-05 content that never ends runs into the total timer', async () => {
    const { model, server } = await start([{ endless: adapter.begun, everyMs: 20 }], {
      totalMs: 300,
    })
    await using _ = server
    expect((await failureOf(model)).message).toContain('longer than 0.3 s')
  })

  test('MA-09 an error event after status 200 is retryable', async () => {
    const { model, server } = await start([{ sse: adapter.begun + adapter.errorEvent }])
    await using _ = server
    expect((await failureOf(model)).class).toBe('retryable')
  })

  test('MA-10 a stream that just ends is a failure, and so is an empty one', async () => {
    const { model, server } = await start([{ sse: adapter.begun }, { sse: '' }])
    await using _ = server
    const begun = await failureOf(model)
    const empty = await failureOf(model)
    expect([begun.class, empty.class]).toEqual(['retryable', 'retryable'])
    // Status 200: both may be billed.
    for (const failure of [begun, empty]) expect(failure).not.toHaveProperty('isUnbilled')
  })

  test('MA-10 what arrived before the end is told, also what is not shown', async () => {
    const { model, server } = await start([{ sse: adapter.calling }, { sse: adapter.whole }])
    await using _ = server
    const events = await collect(model)
    const sizes = events.flatMap((event) => (event.type === 'progress' ? [event.characters] : []))
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(8)
    expect(events.at(-1)).toMatchObject({ type: 'failed' })
    expect(events.at(-1)).not.toHaveProperty('isWhole')
    // Text is counted where it is shown.
    const shown = await collect(model)
    expect(shown.filter(({ type }) => type === 'progress')).toEqual([])
  })

  test('MA-10 a body that is cut is a failure', async () => {
    const { model, server } = await start([{ sse: adapter.begun, afterwards: 'cut' }])
    await using _ = server
    expect((await failureOf(model)).class).toBe('retryable')
  })

  test('MA-10 a stream that is not JSON is a failure', async () => {
    const { model, server } = await start([{ sse: 'event: message_start\ndata: {"type":\n\n' }])
    await using _ = server
    expect((await failureOf(model)).class).toBe('retryable')
  })

  test('events of no known shape neither crash nor make a reply', async () => {
    const odd = sse(
      { type: 'content_block_delta', index: 3 },
      { type: 'message_delta' },
      { a: null },
    )
    const { model, server } = await start([{ sse: `${odd}data: [1,null]\n\ndata: "text"\n\n` }])
    await using _ = server
    expect((await failureOf(model)).class).toBe('retryable')
  })

  test('MA-18 50 MB of deltas end at the byte cap', async () => {
    const { model, server } = await start([{ endless: adapter.begun + adapter.delta }])
    await using _ = server
    const before = process.memoryUsage().rss
    const failure = await failureOf(model)
    expect(failure.class).toBe('request')
    expect(failure.message).toContain('larger than wave accepts')
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024)
  })

  test('MA-18 a body that is no event at all ends at a byte cap too', async () => {
    const { model, server } = await start([{ endless: ': keep-alive\n'.repeat(10_000) }], {
      maxReplyBytes: 100_000,
    })
    await using _ = server
    expect((await failureOf(model)).class).toBe('request')
  })

  test('CT-07 a redirect is not followed and its target gets nothing', async () => {
    await using other = await startWireServer({ sse: adapter.whole })
    const { model, server } = await start([
      { status: 307, headers: { location: `${other.url}/elsewhere` } },
    ])
    await using _ = server
    const failure = await failureOf(model)
    expect(failure.class).toBe('request')
    expect(failure.message).toContain('redirect')
    expect(failure.isUnbilled).toBe(true)
    expect(other.requests).toHaveLength(0)
  })

  test('SC-05 a provider that echoes headers and keys does not get them into an event', async () => {
    const forms = [KEY, Buffer.from(KEY).toString('base64'), encodeURIComponent(KEY)]
    const echo = `authorization: Bearer ${KEY}, seen ${forms.join(' ')} x-api-key: abc, ok`
    const { model, server } = await start([
      { status: 400, body: adapter.error('invalid_request_error', echo) },
    ])
    await using _ = server
    const { message } = await failureOf(model)
    for (const form of [...forms, 'Bearer s', 'abc']) expect(message).not.toContain(form)
    expect(message).toContain('[redacted]')
  })

  test('MA-16 a 400 without a code is an overflow only if the request could fill the window', async () => {
    const server = await startWireServer(
      { status: 400, body: adapter.error('invalid_request_error', 'prompt is too long') },
      { status: 400, body: adapter.error('invalid_request_error', 'prompt is too long') },
    )
    await using _ = server
    const model = adapter.open({ ...accessTo(server.url), contextTokens: 2_000 })
    expect((await failureOf(model)).class).toBe('request')
    const long = requestOf({
      messages: [{ role: 'user', results: [], text: 'word '.repeat(1_000) }],
    })
    expect((await failureOf(model, long)).class).toBe('overflow')
  })

  test('an abort ends the stream at once: before the request, before the answer, in the middle', async () => {
    const { model, server } = await start(['silence', { sse: adapter.begun, afterwards: 'stall' }])
    await using _ = server
    expect(await collect(model, requestOf(), AbortSignal.abort())).toEqual([])

    const early = new AbortController()
    const waiting = collect(model, requestOf(), early.signal)
    await vi.waitFor(() => expect(server.requests).toHaveLength(1))
    early.abort()
    expect(await waiting).toEqual([])

    const late = new AbortController()
    const seen: string[] = []
    for await (const event of model.stream(requestOf(), late.signal)) {
      if (event.type === 'usage' || event.type === 'progress') continue
      seen.push(event.type)
      late.abort()
    }
    expect(seen).toEqual(['text'])
  })

  test('a consumer that stops reading closes the connection', async () => {
    const { model, server } = await start([{ endless: adapter.begun, everyMs: 5 }])
    for await (const event of model.stream(requestOf(), new AbortController().signal))
      if (event.type === 'text') break
    await server[Symbol.asyncDispose]()
    expect(server.requests).toHaveLength(1)
  })
})

test('CT-06 keys, addresses and headers from the environment reach no request', async () => {
  const planted = {
    ANTHROPIC_CUSTOM_HEADERS: 'x-planted: 1\nauthorization: Bearer planted',
    OPENAI_CUSTOM_HEADERS: 'x-planted: 1\nauthorization: Bearer planted',
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
    OPENAI_BASE_URL: 'http://127.0.0.1:9',
    ANTHROPIC_API_KEY: 'planted',
    ANTHROPIC_AUTH_TOKEN: 'planted',
    OPENAI_API_KEY: 'planted',
    OPENAI_ORG_ID: 'planted',
    OPENAI_PROJECT_ID: 'planted',
  }
  const before = { ...process.env }
  Object.assign(process.env, planted)
  try {
    await using server = await startWireServer(
      ...ADAPTERS.map((adapter) => ({ sse: adapter.whole })),
    )
    for (const adapter of ADAPTERS) await doneOf(adapter.open(accessTo(server.url)))
    for (const { headers } of server.requests) {
      expect(headers.authorization).toBe(`Bearer ${KEY}`)
      expect(JSON.stringify(headers)).not.toContain('planted')
    }
  } finally {
    for (const name of Object.keys(planted)) delete process.env[name]
    Object.assign(process.env, before)
  }
})
