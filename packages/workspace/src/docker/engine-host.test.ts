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

const SELECTED = {
  '.docker/config.json': { currentContext: 'colima' },
  [contextFile('colima')]: colima,
}

test('DOCKER_HOST comes first', () => {
  const found = resolve(home(SELECTED), {
    DOCKER_HOST: 'tcp://127.0.0.1:2375',
    DOCKER_CONTEXT: 'colima',
  })
  expect(found).toEqual({ host: 'tcp://127.0.0.1:2375' })
})

test('the selected context is used, as the docker command does', () => {
  const expected = { host: 'unix:///home/ada/.colima/docker.sock', context: 'colima' }
  expect(resolve(home(SELECTED))).toMatchObject(expected)
  const named = home({ [contextFile('colima')]: colima })
  expect(resolve(named, { DOCKER_CONTEXT: 'colima' })).toMatchObject(expected)
  const elsewhere = { DOCKER_CONTEXT: 'colima', DOCKER_CONFIG: join(named, '.docker') }
  expect(resolve(home(), elsewhere)).toMatchObject(expected)
})

test('a context brings its certificates along', () => {
  const tls = contextFile('remote').replace('/meta/', '/tls/').replace('meta.json', 'docker')
  const remote = { docker: { Host: 'tcp://10.0.0.1:2376', SkipTLSVerify: true } }
  const folder = home({
    [contextFile('remote')]: { Name: 'remote', Endpoints: remote },
    [`${tls}/ca.pem`]: 'x',
  })
  expect(resolve(folder, { DOCKER_CONTEXT: 'remote' })).toEqual({
    host: 'tcp://10.0.0.1:2376',
    context: 'remote',
    tlsFolder: join(folder, tls),
    skipVerify: true,
  })
})

test('DOCKER_TLS_VERIFY asks for certificates, from DOCKER_CERT_PATH or the settings', () => {
  const variables = { DOCKER_HOST: 'tcp://10.0.0.1', DOCKER_TLS_VERIFY: '1' }
  const folder = home()
  expect(resolve(folder, variables).tlsFolder).toBe(join(folder, '.docker'))
  expect(resolve(folder, { ...variables, DOCKER_CERT_PATH: '/certs' }).tlsFolder).toBe('/certs')
})

test('another engine never stands in for a context that is not there', () => {
  const folder = home({ '.docker/config.json': { currentContext: 'gone' } })
  const refused = expect.objectContaining({
    code: 'docker-unreachable',
    message: 'There is no Docker context "gone".',
  })
  expect(() => resolve(folder)).toThrow(refused)
  expect(() => resolve(home(), { DOCKER_CONTEXT: 'gone' })).toThrow(refused)
})

test.each([
  ['nothing is set', {}],
  ['the default context is selected', { '.docker/config.json': { currentContext: 'default' } }],
  ['the settings are damaged', { '.docker/config.json': '{' }],
  [
    'the context names no engine',
    {
      '.docker/config.json': { currentContext: 'c' },
      [contextFile('c')]: { Endpoints: { docker: { Host: '' } } },
    },
  ],
])('when %s it is the default socket', (_when, files) => {
  expect(resolve(home(files)).host).toBe(DEFAULT)
})
