/** Stands between wave and a provider, hands everything on as it is, and keeps what wave sent. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RecordingProxy extends AsyncDisposable {
  readonly origin: string
  /** Path and body of every request, as they came. The key is where it belongs: in a header. */
  readonly sent: readonly string[]
  /** The headers that hold a key, to tell that there was one. */
  readonly keys: readonly string[]
}

export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const sent: string[] = []
  const keys: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const path = request.url ?? '/'
      sent.push(`${request.method} ${path}\n${body.toString()}`)
      keys.push(String(request.headers.authorization ?? request.headers['x-api-key']))
      void forward(`${target}${path}`, body).then(({ status, text }) => {
        response.writeHead(status, { 'content-type': 'text/event-stream' })
        response.end(text)
      })
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port')
  return {
    origin: `http://127.0.0.1:${address.port}`,
    sent,
    keys,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

async function forward(url: string, body: Buffer): Promise<{ status: number; text: string }> {
  const headers = {
    'content-type': 'application/json',
    authorization: 'Bearer any',
    'anthropic-version': '2023-06-01',
  }
  const answer = await fetch(url, { method: 'POST', headers, body: body.toString() })
  return { status: answer.status, text: await answer.text() }
}
