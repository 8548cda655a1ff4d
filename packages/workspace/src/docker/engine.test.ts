import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectEngine } from './engine.ts'

test('certificates that cannot be read are told as what keeps the engine from answering', async () => {
  const home = mkdtempSync(join(tmpdir(), 'wave-home-'))
  const variables = { DOCKER_TLS_VERIFY: '1' }
  try {
    await expect(
      connectEngine({ host: 'tcp://127.0.0.1:1' }, { variables, home, platform: 'linux' }),
    ).rejects.toMatchObject({ code: 'docker-unreachable' })
  } finally {
    rmSync(home, { recursive: true })
  }
})
