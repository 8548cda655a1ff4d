import { createServer, type RequestListener } from 'node:http'
import { expect, test } from 'vitest'
import { openChannels } from './channels.ts'

const MESSAGE = { run: 'r1', pipeline: 'assess', event: 'run_failed', outcome: 'failed' }

test('a message goes to the channel as JSON, with headers from the environment', async () => {
  await using server = await serve((_, response) => response.writeHead(204).end())
  const oncall = webhook(`${server.url}/hook?key=1`, { Authorization: 'ONCALL_TOKEN' })
  const notify = openChannels({ oncall }, { ONCALL_TOKEN: 'Bearer canary' })
  expect(await notify('oncall', MESSAGE)).toBeUndefined()
  expect(server.requests).toEqual([
    {
      target: 'POST /hook?key=1',
      authorization: 'Bearer canary',
      type: 'application/json',
      body: JSON.stringify(MESSAGE),
    },
  ])
})

test('a redirect is not followed', async () => {
  await using other = await serve((_, response) => response.end())
  await using server = await serve((_, response) =>
    response.writeHead(307, { location: other.url }).end(),
  )
  const notify = openChannels({ oncall: webhook(server.url) }, {})
  expect(await notify('oncall', MESSAGE)).toBe('the answer was status 307')
  expect(other.requests).toEqual([])
})

test('what goes wrong is told without the address', async () => {
  await using server = await serve((_, response) => response.writeHead(500).end('secret'))
  await using silent = await serve(() => {})
  const gone = await serve(() => {})
  await gone[Symbol.asyncDispose]()
  const channels = {
    broken: webhook(server.url),
    silent: webhook(silent.url),
    gone: webhook(gone.url),
    keyless: webhook(server.url, { Authorization: 'MISSING' }),
    odd: webhook(server.url, { Authorization: 'ODD' }),
  }
  const notify = openChannels(channels, { ODD: 'a\nb' }, 50)
  const names = ['broken', 'silent', 'gone', 'keyless', 'odd', 'nobody', 'constructor']
  expect(await Promise.all(names.map((name) => notify(name, MESSAGE)))).toEqual([
    'the answer was status 500',
    'there was no answer within 0.05 s',
    'it could not be reached: ECONNREFUSED',
    'MISSING is not set',
    'ODD is no value for a header',
    'there is no channel "nobody"',
    'there is no channel "constructor"',
  ])
})

test.each([
  [{ url: 'http://hooks.example.com/' }, 'uses http: to another machine'],
  [{ url: 'http://127.0.0.1/' }, 'is on this machine, which needs "loopback: true"'],
  [{ url: 'https://169.254.169.254/', loopback: true }, 'is an IP address'],
  [{ url: 'file:///etc/passwd' }, 'is neither https: nor http:'],
  [{ url: 'https://hooks.example.com/', headers: { Host: 'X' } }, 'the header "Host"'],
  [{ url: 'https://hooks.example.com/', headers: { 'a\nb': 'X' } }, 'cannot send the header'],
])('%j is refused before anything runs', (channel, message) => {
  expect(() => openChannels({ oncall: { kind: 'webhook', ...channel } }, {})).toThrow(
    expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining(message) }),
  )
})

function webhook(url: string, headers?: Record<string, string>) {
  return { kind: 'webhook', url, loopback: true, ...(headers && { headers }) } as const
}

async function serve(answer: RequestListener) {
  const requests: object[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method, url, headers } = request
      requests.push({
        target: `${method} ${url}`,
        authorization: headers.authorization,
        type: headers['content-type'],
        body: Buffer.concat(chunks).toString(),
      })
      answer(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
