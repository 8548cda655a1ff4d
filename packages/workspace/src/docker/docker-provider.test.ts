import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectDocker } from './docker-provider.ts'

const ANSWERS: Readonly<Record<string, unknown>> = {
  '/info': { NCPU: 2, Runtimes: { runc: {} } },
  '/images/wave-sandbox:1/json': {
    Id: 'sha256:1',
    Os: 'linux',
    Config: { Labels: { 'dev.wave.fit': '1' } },
  },
}

/** Introduces itself, then takes every request and answers none. */
async function startFrozenEngine() {
  const folder = mkdtempSync(join(tmpdir(), 'wave-engine-'))
  const server = createServer((request, response) => {
    const answer = ANSWERS[decodeURIComponent(request.url ?? '')]
    if (answer === undefined) server.emit('stuck')
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  })
  server.listen(join(folder, 'docker.sock'))
  await once(server, 'listening')
  return {
    host: `unix://${join(folder, 'docker.sock')}`,
    stuck: once(server, 'stuck'),
    [Symbol.dispose]() {
      server.closeAllConnections()
      server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

test('an engine that answers no more does not hold up a cancelled step', async () => {
  using engine = await startFrozenEngine()
  const provider = await connectDocker({ host: engine.host, installId: 'i' })
  const controller = new AbortController()
  const spec = { run: 'run1', step: 's', attempt: 1, mount: undefined, inputs: [] }
  const opening = provider.open(spec, controller.signal)
  await engine.stuck
  controller.abort(new Error('enough'))
  await expect(opening).rejects.toThrow('enough')
})

test('a runtime that the engine does not have is refused, with what to do', async () => {
  using engine = await startFrozenEngine()
  const connecting = connectDocker({ host: engine.host, installId: 'i', runtime: 'runsc' })
  await expect(connecting).rejects.toMatchObject({
    code: 'runtime-missing',
    exitCode: 4,
    hint: expect.stringContaining('It has runc. Install gVisor'),
  })
})
