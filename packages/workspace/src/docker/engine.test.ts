import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
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

test.each([
  [
    'userns-remap',
    { SecurityOptions: ['name=seccomp', 'name=userns'], DockerRootDir: '/v/docker/100000.200000' },
    { rootUid: 100_000, rootGid: 200_000, isRootless: false },
  ],
  [
    'rootless',
    { SecurityOptions: ['name=rootless'], DockerRootDir: '/home/ada/docker' },
    { rootUid: 0, rootGid: 0, isRootless: true },
  ],
  ['plain', { SecurityOptions: ['name=seccomp'], DockerRootDir: '/v/1.2' }, undefined],
])('the users of a %s engine are known from what it says', async (_name, info, users) => {
  const folder = mkdtempSync(join(tmpdir(), 'wave-engine-'))
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(info))
  })
  server.listen(join(folder, 'docker.sock'))
  await once(server, 'listening')
  try {
    const host = `unix://${join(folder, 'docker.sock')}`
    const engine = await connectEngine({ host }, { variables: {}, home: folder, platform: 'linux' })
    expect(engine.users).toEqual(users)
  } finally {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  }
})
