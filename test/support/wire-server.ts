/** A provider on loopback that plays byte-exact answers and keeps the raw requests. For the adapters' tests. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface WireRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** As it came. */
  readonly text: string
  readonly body: Readonly<Record<string, unknown>>
}

/** How the server answers one request. */
export type WireAnswer =
  | {
      readonly sse: string
      /** Sends the bytes in pieces of this size; default: all at once. */
      readonly pieceBytes?: number
      /** After the last byte: end the answer, cut the connection, or keep it open; default: `end`. */
      readonly afterwards?: 'end' | 'cut' | 'stall'
    }
  /** Goes on with `piece` until the client leaves. */
  | { readonly endless: string; readonly everyMs?: number }
  | {
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** Takes the request and never answers, or resets the connection. */
  | 'silence'
  | 'reset'

export interface WireServer extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly WireRequest[]
  /** Answers that nobody asked for yet. */
  readonly left: number
}

/** Answers in order; a request beyond the last one gets status 599, which every adapter reports. */
export async function startWireServer(...answers: readonly WireAnswer[]): Promise<WireServer> {
  const requests: WireRequest[] = []
  const server = createServer((request, response) => {
    void serve(request, response)
  })
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = answers[requests.length] ?? { status: 599, body: 'no answer left' }
    requests.push(await capture(request))
    await play(answer, response)
  }
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    requests,
    get left() {
      return Math.max(0, answers.length - requests.length)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return address.port
}

async function capture(request: IncomingMessage): Promise<WireRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const text = Buffer.concat(chunks).toString()
  const parsed: unknown = JSON.parse(text === '' ? '{}' : text)
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    text,
    body: isRecord(parsed) ? parsed : {},
  }
}

async function play(answer: WireAnswer, response: ServerResponse): Promise<void> {
  if (answer === 'silence') return
  if (answer === 'reset') {
    response.socket?.resetAndDestroy()
    return
  }
  if ('status' in answer) {
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
    response.end(answer.body ?? '{}')
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  if ('endless' in answer) await playEndless(answer.endless, answer.everyMs ?? 0, response)
  else await playSse(answer, response)
}

async function playSse(
  answer: Extract<WireAnswer, { sse: string }>,
  response: ServerResponse,
): Promise<void> {
  const bytes = Buffer.from(answer.sse)
  const size = answer.pieceBytes ?? bytes.length
  for (let at = 0; at < bytes.length; at += size)
    await write(response, bytes.subarray(at, at + size))
  if (answer.afterwards === 'cut') response.socket?.resetAndDestroy()
  else if (answer.afterwards !== 'stall') response.end()
}

async function playEndless(
  piece: string,
  everyMs: number,
  response: ServerResponse,
): Promise<void> {
  while (!response.destroyed) {
    await write(response, Buffer.from(piece))
    if (everyMs > 0) await sleep(everyMs)
  }
}

/** Waits for the kernel to take the bytes, so that pieces arrive as pieces and nothing piles up. */
async function write(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  await new Promise((resolve) => {
    response.write(bytes, resolve)
  })
}

/** `event:` and `data:` lines, as Anthropic and the Responses API send them. */
export function sse(...events: readonly object[]): string {
  return events
    .map((event) => {
      const name = 'type' in event ? `event: ${String(event.type)}\n` : ''
      return `${name}data: ${JSON.stringify(event)}\n\n`
    })
    .join('')
}

/** `data:` lines with the closing mark, as Chat Completions sends them. */
export function chatSse(...chunks: readonly object[]): string {
  const lines = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
  return `${lines.join('')}data: [DONE]\n\n`
}

const SAMPLING = ['temperature', 'top_p', 'top_k', 'seed', 'frequency_penalty', 'presence_penalty']

/**
 * What is wrong with a request of any adapter, in words. Empty: a Bearer key, no other credential, streaming,
 * an explicit cap, no sampling parameters, and every tool call answered exactly once, right behind it.
 */
export function requestProblems(
  request: WireRequest,
  api: 'anthropic' | 'responses' | 'chat',
): string[] {
  const { body, headers } = request
  const cap = { anthropic: 'max_tokens', responses: 'max_output_tokens', chat: 'max_tokens' }[api]
  const checks: [ok: boolean, problem: string][] = [
    [/^Bearer \S+$/.test(String(headers.authorization)), 'no Bearer key'],
    [headers['x-api-key'] === undefined, 'an x-api-key header'],
    [api !== 'anthropic' || headers['anthropic-version'] !== undefined, 'no anthropic-version'],
    [body.stream === true, 'not streaming'],
    [typeof body[cap] === 'number', `no ${cap}`],
    ...SAMPLING.map((name): [boolean, string] => [!(name in body), `sampling parameter ${name}`]),
  ]
  const failed = checks.filter(([ok]) => !ok).map(([, problem]) => problem)
  return [...failed, ...pairingProblems(body, api)]
}

function pairingProblems(
  body: WireRequest['body'],
  api: 'anthropic' | 'responses' | 'chat',
): string[] {
  const entries = list(api === 'responses' ? body.input : body.messages)
  const parts = entries.flatMap((entry) => (api === 'anthropic' ? list(entry.content) : [entry]))
  const open = new Set<unknown>()
  const problems: string[] = []
  for (const part of parts) {
    for (const call of callsOf(part)) open.add(call)
    const answered = part.tool_use_id ?? part.tool_call_id ?? outputOf(part)
    if (answered === undefined) {
      if (open.size > 0 && part.role === 'user')
        problems.push(`unanswered: ${[...open].join(', ')}`)
    } else if (!open.delete(answered))
      problems.push(`result without call: ${JSON.stringify(answered)}`)
  }
  return open.size > 0 ? [...problems, `unanswered: ${[...open].join(', ')}`] : problems
}

function callsOf(part: Record<string, unknown>): unknown[] {
  if (part.type === 'tool_use') return [part.id]
  if (part.type === 'function_call') return [part.call_id]
  return list(part.tool_calls).map((call) => call.id)
}

function outputOf(part: Record<string, unknown>): unknown {
  return part.type === 'function_call_output' ? part.call_id : undefined
}

/** Paths of all cache markers of an Anthropic request, in order: `system.0`, `messages.2.1`. */
export function cacheMarkers(body: WireRequest['body']): string[] {
  const marked = (blocks: unknown, path: string): string[] =>
    list(blocks).flatMap((block, index) => ('cache_control' in block ? [`${path}.${index}`] : []))
  return [
    ...marked(body.tools, 'tools'),
    ...marked(body.system, 'system'),
    ...list(body.messages).flatMap((message, index) =>
      marked(message.content, `messages.${index}`),
    ),
  ]
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
