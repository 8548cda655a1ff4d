import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resolveHost } from './engine-host.ts'

const DEFAULT = 'unix:///var/run/docker.sock'

function home(files: Readonly<Record<string, unknown>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'wave-home-'))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(
      join(folder, path),
      typeof content === 'string' ? content : JSON.stringify(content),
    )
  }
  return folder
}

const contextFile = (name: string) =>
  `.docker/contexts/meta/${createHash('sha256').update(name).digest('hex')}/meta.json`
const colima = {
  Name: 'colima',
  Endpoints: { docker: { Host: 'unix:///home/ada/.colima/docker.sock' } },
}

function resolve(folder: string, variables: Record<string, string> = {}) {
  return resolveHost({ variables, home: folder, platform: 'linux' })
}

test('DOCKER_HOST comes first', () => {
  const folder = home({
    '.docker/config.json': { currentContext: 'colima' },
    [contextFile('colima')]: colima,
  })
  expect(resolve(folder, { DOCKER_HOST: 'tcp://127.0.0.1:2375' })).toBe('tcp://127.0.0.1:2375')
})

test('the selected context is used, as the docker command does', () => {
  const files = {
    '.docker/config.json': { currentContext: 'colima' },
    [contextFile('colima')]: colima,
  }
  expect(resolve(home(files))).toBe('unix:///home/ada/.colima/docker.sock')
  const named = home({ [contextFile('colima')]: colima })
  expect(resolve(named, { DOCKER_CONTEXT: 'colima' })).toBe('unix:///home/ada/.colima/docker.sock')
})

test.each([
  ['nothing is set', {}],
  ['the default context is selected', { '.docker/config.json': { currentContext: 'default' } }],
  ['the settings are damaged', { '.docker/config.json': '{' }],
  ['the context is missing', { '.docker/config.json': { currentContext: 'gone' } }],
  [
    'the context names no engine',
    { '.docker/config.json': { currentContext: 'c' }, [contextFile('c')]: [1] },
  ],
])('when %s it is the default socket', (_when, files) => {
  expect(resolve(home(files))).toBe(DEFAULT)
})
