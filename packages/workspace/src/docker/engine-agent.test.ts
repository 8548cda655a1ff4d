import { once } from 'node:events'
import { get } from 'node:http'
import { createServer, connect, type Socket } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EngineAgent } from './engine-agent.ts'

const PATIENCE = { pingEveryMs: 20, pingTimeoutMs: 40 }
const PONG = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK'

/** Takes every request, and answers pings as long as it is told to. */
async function startEngine() {
  const folder = mkdtempSync(join(tmpdir(), 'wave-engine-'))
  const path = join(folder, 'docker.sock')
  const engine = { answers: true, pings: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      if (!bytes.includes('/_ping')) return
      engine.pings++
      server.emit('ping')
      if (engine.answers) socket.write(PONG)
    })
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    engine,
    agent: new EngineAgent(() => connect({ path }), PATIENCE),
    ping: () => once(server, 'ping'),
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      rmSync(folder, { recursive: true })
    },
  }
}

function ask(agent: EngineAgent): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const request = get({ agent, host: 'docker', path: '/never' }, () => resolve('answered'))
  request.on('error', (cause) => resolve('code' in cause ? String(cause.code) : cause.message))
  return promise
}

test('a request may take its time while the engine answers pings', async () => {
  using server = await startEngine()
  const asking = ask(server.agent)
  for (let pings = 0; pings < 4; pings++) await server.ping()
  expect(await Promise.race([asking, Promise.resolve('waiting')])).toBe('waiting')
  server.agent.giveUp()
  expect(await asking).toBe('ETIMEDOUT')
})

test('an engine that stops answering is given up with every request', async () => {
  using server = await startEngine()
  server.engine.answers = false
  expect(await Promise.all([ask(server.agent), ask(server.agent)])).toEqual([
    'ETIMEDOUT',
    'ETIMEDOUT',
  ])
  expect(server.engine.pings).toBe(2)
  // Until it answers again nobody waits for it any more.
  expect(await ask(server.agent)).toBe('ETIMEDOUT')
  server.engine.answers = true
  const answered = () => server.ping().then(() => 'waiting')
  await expect.poll(() => Promise.race([ask(server.agent), answered()])).toBe('waiting')
  server.agent.giveUp()
})
