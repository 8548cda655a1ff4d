import { expect, test } from 'vitest'
import { startWireServer } from '../../../test/support/wire-server.ts'
import { probeLocalServers } from './local-servers.ts'

const NOBODY = 'http://127.0.0.1:9'

test('servers that list models are found, others are not', async () => {
  await using ollama = await startWireServer({
    status: 200,
    body: JSON.stringify({ models: [{ name: 'qwen3:32b' }, { name: 7 }] }),
  })
  await using other = await startWireServer({ status: 200, body: '<html>' })
  const found = await probeLocalServers({
    origins: { Ollama: ollama.url, 'LM Studio': other.url, vLLM: NOBODY },
  })
  expect(found).toEqual([{ name: 'Ollama', baseUrl: `${ollama.url}/v1`, models: ['qwen3:32b'] }])
})

test('a server that does not answer in time, redirects or answers with too much is left out', async () => {
  await using silent = await startWireServer('silence')
  await using redirecting = await startWireServer({
    status: 302,
    headers: { location: 'http://127.0.0.1:9/' },
  })
  await using endless = await startWireServer({ endless: ' '.repeat(100_000) })
  const found = await probeLocalServers({
    timeoutMs: 200,
    origins: { Ollama: silent.url, 'LM Studio': redirecting.url, vLLM: endless.url },
  })
  expect(found).toEqual([])
})
