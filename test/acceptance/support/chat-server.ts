/** A provider on loopback that speaks Chat Completions and answers by what it is asked. */
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chatSse } from '../../support/wire-server.ts'

export interface ChatRequest {
  readonly model: string
  /** All text of all messages. */
  readonly text: string
  readonly body: Readonly<Record<string, unknown>>
}

/** What the model says; a number is a failure with that status, `silence` no answer at all. */
export type ChatReply = string | number | typeof SILENCE | HalfReply
export const SILENCE = Symbol('silence')

/** A stream that begins, stays open, and is reset then. */
interface HalfReply {
  readonly begins: string
  readonly until: Promise<unknown>
}

export interface ChatServer extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly ChatRequest[]
}

export async function startChat(
  reply: (request: ChatRequest, index: number) => ChatReply,
): Promise<ChatServer> {
  const requests: ChatRequest[] = []
  const server = createServer((request, response) => {
    void read(request).then((seen) => {
      requests.push(seen)
      const answer = reply(seen, requests.length - 1)
      if (answer === SILENCE) return
      if (typeof answer === 'number') {
        // At once: nobody waits for it in a test.
        response.writeHead(answer, { 'content-type': 'application/json', 'retry-after-ms': '1' })
        response.end(JSON.stringify({ error: { message: `status ${answer}` } }))
        return
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      if (typeof answer === 'string') {
        response.end(said(answer))
        return
      }
      response.write(delta(answer.begins))
      void answer.until.then(() => response.socket?.resetAndDestroy())
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

function said(content: string): string {
  return chatSse(
    { choices: [{ index: 0, delta: { role: 'assistant', content } }] },
    { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { choices: [], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } },
  )
}

function delta(content: string): string {
  const chunk = { choices: [{ index: 0, delta: { role: 'assistant', content } }] }
  return `data: ${JSON.stringify(chunk)}\n\n`
}

async function read(request: IncomingMessage): Promise<ChatRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const body: Record<string, unknown> = JSON.parse(Buffer.concat(chunks).toString())
  const messages = Array.isArray(body['messages']) ? body['messages'] : []
  const text = messages.map((message: { content?: unknown }) => textOf(message.content)).join('\n')
  return { model: String(body['model']), text, body }
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((part: { text?: string }) => part.text ?? '').join('')
}
