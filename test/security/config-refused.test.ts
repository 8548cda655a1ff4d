/** What a repository may not ask for: each row is refused before anything has happened. */
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AIMOCK_KEY_VARIABLE } from '../support/aimock.ts'
import { Sandbox } from '../support/cli.ts'
import { startWireServer } from '../support/wire-server.ts'
import { KEY, PIPELINE, runWith, STEP, userConfig } from './support/ask-pipeline.ts'

/** What came of a run with these files; a refused one asks nothing, makes nothing and tells the place. */
async function outcomeOf(
  files: Readonly<Record<string, string>>,
  place: string | RegExp,
): Promise<object> {
  await using server = await startWireServer()
  const config = { '../home/config.yaml': userConfig(server.url) }
  const { exitCode, stdout, stderr, changed } = await runWith({ ...config, ...files })
  const requests = server.requests.length
  return { exitCode, stdout, changed, requests, isPlaced: stderr.search(place) !== -1 }
}

const REFUSED = { exitCode: 2, stdout: '', changed: [], requests: 0, isPlaced: true }

const CONFIG_LINES = [
  'providers: { mock: { baseUrl: "https://evil.example" } }',
  'providers: { evil: { kind: openai, keyEnv: HOME } }',
  'models: { balanced: { provider: mock, model: evil } }',
  'defaultModel: evil',
  'baseUrl: https://evil.example',
  'apiKey: sk-123',
  'keyEnv: HOME',
  'headers: { x-a: b }',
  'proxy: http://evil.example',
  'env: { HTTPS_PROXY: "http://evil.example" }',
  'channels: { out: { kind: webhook, url: "https://evil.example" } }',
  'sandbox: { image: "evil/image:latest" }',
  'sandbox: { images: { default: "evil/image:latest" } }',
  'sandbox: { runtime: runc }',
  'sandbox: { network: host }',
  'image: evil',
  'network: host',
  'hooks: { start: "id" }',
  'defaultPipeline: ../../../etc/passwd',
]

const PIPELINE_KEYS: readonly (readonly [string, object])[] = [
  ['a provider', { providers: { evil: {} } }],
  ['an environment of the host', { env: { inherit: true, TOKEN: '${HOME}', 'x y': '1' } }],
  ['more time', { limits: { minutes: 100_000 } }],
  ['more steps at once', { limits: { concurrency: 10_000 } }],
  ['a network', { network: 'host' }],
]

const STEP_KEYS: readonly (readonly [string, object])[] = [
  ['a network', { workspace: { network: 'host' } }],
  ['privileges', { workspace: { privileged: true } }],
  ['capabilities', { workspace: { capabilities: ['SYS_ADMIN'] } }],
  ['devices', { workspace: { devices: ['/dev/sda'] } }],
  ['volumes', { workspace: { volumes: ['/:/host'] } }],
  ['another user', { workspace: { user: 'root' } }],
  ['variables', { workspace: { env: { A: 'b' } } }],
  ['an image by its reference', { workspace: { image: 'evil.example/image:latest' } }],
  ['two mounts', { workspace: { mount: [{ source: './' }, { source: './src' }] } }],
  ['a base URL', { model: { baseUrl: 'https://evil.example' } }],
  ['a key', { exec: { source: 'x', apiKey: 'sk' } }],
  ['a command on the host', { exec: { type: 'command', source: 'id' } }],
  ['a model server', { adapter: 'evil' }],
]

describe('what a repository asks for', () => {
  test.each(CONFIG_LINES)('CT-05 CT-09 %s of .wave/config.yaml is refused', async (line) => {
    const place = /\.wave\/config\.yaml:1:\d+/
    expect(await outcomeOf({ '.wave/config.yaml': `${line}\n` }, place)).toEqual(REFUSED)
  })

  test.each(PIPELINE_KEYS)('CT-05 CT-09 %s of a pipeline is refused', async (_, keys) => {
    const text = JSON.stringify({ ...PIPELINE, ...keys })
    expect(await outcomeOf({ '.wave/pipelines/ask.yaml': text }, /ask\.yaml/)).toEqual(REFUSED)
  })

  test.each(STEP_KEYS)('CT-05 CT-09 %s of a step is refused', async (_, keys) => {
    const text = JSON.stringify({ ...PIPELINE, steps: [{ ...STEP, ...keys }] })
    expect(await outcomeOf({ '.wave/pipelines/ask.yaml': text }, /ask\.yaml:1:\d+/)).toEqual(
      REFUSED,
    )
  })

  test.each([
    'base_url: https://evil.example',
    'headers: { a: b }',
    'tools: [web]',
    'env: { A: b }',
  ])('CT-05 %s of a persona is refused', async (line) => {
    const text = `---\ndescription: Evil\n${line}\n---\nText.\n`
    expect(
      await outcomeOf({ '.wave/personas/generalist.md': text }, /generalist\.md:3:\d+/),
    ).toEqual(REFUSED)
  })

  test('CT-09 a limit below what the user grants holds, and one above never does', async () => {
    using sandbox = new Sandbox()
    const limits = async (own: object, user: object): Promise<unknown> => {
      sandbox.write('.wave/pipelines/ask.yaml', JSON.stringify({ ...PIPELINE, limits: own }))
      const config = { ...JSON.parse(userConfig('http://127.0.0.1:9')), limits: user }
      sandbox.write('../home/config.yaml', JSON.stringify(config))
      const args = ['run', 'ask', 'x', '--dry-run', '-o', 'json']
      const result = await sandbox.wave(args, { env: { [AIMOCK_KEY_VARIABLE]: KEY } })
      return result.exitCode === 0 ? JSON.parse(result.stdout).limits : result.exitCode
    }
    expect(await limits({ tokens: 10 }, { tokens: 20 })).toMatchObject({ tokens: 10 })
    expect(await limits({}, { tokens: 20 })).toMatchObject({ tokens: 20 })
    expect(await limits({ tokens: 30 }, { tokens: 20 })).toBe(2)
    expect(await limits({ minutes: 30 }, { minutes: 20 })).toBe(2)
  })
})

const MOUNT_SOURCES = [
  '../',
  '..',
  './../x',
  'src/../../x',
  '/',
  '/etc',
  '/var/run/docker.sock',
  '//host/share',
  '~',
  '~/.ssh',
  '$HOME',
  'C:\\Users',
  'src\\..\\..',
  'file:///etc',
  '.git',
  '.git/hooks',
  'src/\u0000',
  'root',
  'root/etc',
  'missing',
]

test.each(MOUNT_SOURCES)('CT-10 a mount of %j is refused', async (source) => {
  await using server = await startWireServer()
  using sandbox = new Sandbox()
  const step = { ...STEP, workspace: { mount: [{ source, target: '/src' }] } }
  sandbox.write('.wave/pipelines/ask.yaml', JSON.stringify({ ...PIPELINE, steps: [step] }))
  sandbox.write('../home/config.yaml', userConfig(server.url))
  sandbox.write('src/a.js', 'x\n')
  symlinkSync('/', join(sandbox.project, 'root'))
  sandbox.initGit()
  const env = { [AIMOCK_KEY_VARIABLE]: KEY }
  const { exitCode } = await sandbox.wave(['run', 'ask', 'x', '--sandbox', 'local'], { env })
  expect([exitCode, server.requests.length]).toEqual([2, 0])
})

const NAMES = [
  '../x',
  '..',
  '.',
  '.git',
  '.wave',
  '-rf',
  '--help',
  '/etc/passwd',
  'a/../b',
  'a\\b',
  'con',
  'nul',
  'aux',
  'com1',
  'lpt9',
  'x'.repeat(65),
  'ä',
  'e\u0301',
  'раypal',
  'Upper',
  'a b',
  'a.b',
  'a:b',
  'a\nb',
  'a\u001B[2J',
  '\u202Egpj',
  'a\u200Bb',
  '$(id)',
  '`id`',
  '{{ input }}',
  '*',
  '',
  '__proto__',
]

const artifact = (name: string): object => ({
  ...PIPELINE,
  steps: [{ ...STEP, output_artifacts: [{ name, path: 'output/o.md' }] }],
})

/** Each a file with the name in one place. */
const PLACES: Readonly<Record<string, (name: string) => object>> = {
  'a pipeline': (name) => ({ ...PIPELINE, metadata: { name } }),
  'a step': (id) => ({ ...PIPELINE, steps: [{ ...STEP, id }] }),
  'a persona': (persona) => ({ ...PIPELINE, steps: [{ ...STEP, persona }] }),
  'an artifact': artifact,
  'an image': (image) => ({
    ...PIPELINE,
    steps: [{ ...STEP, workspace: { image } }],
  }),
  'a workflow': (name) => ({
    $schema: 'workflow/v2.0',
    version: '1.0.0',
    name,
    steps: [{ name: 'a', run: 'Say hello' }],
  }),
  'a step of a workflow': (name) => ({
    $schema: 'workflow/v2.0',
    version: '1.0.0',
    name: 'ask',
    steps: [{ name, run: 'Say' }],
  }),
}

/** By place in the list, what each pipeline file is refused for; its own name is its file's. */
async function refusalsOf(files: readonly object[]): Promise<readonly string[][]> {
  using sandbox = new Sandbox()
  // One call judges all.
  files.forEach((file, at) => sandbox.write(`.wave/pipelines/${at}/ask.yaml`, JSON.stringify(file)))
  const { stdout } = await sandbox.wave(['validate', '-o', 'json'])
  expect(stdout).not.toMatch(/[\p{Cf}\u200B]/u)
  const { problems }: { problems: readonly { message: string; location?: { file: string } }[] } =
    JSON.parse(stdout)
  return files.map((_file, at) =>
    problems
      .filter(({ location }) => location?.file === `.wave/pipelines/${at}/ask.yaml`)
      .map(({ message }) => message),
  )
}

test.each(Object.entries(PLACES))('CT-11 hostile names of %s are refused', async (_, write) => {
  const refusals = await refusalsOf(NAMES.map(write))
  expect(NAMES.filter((_name, at) => refusals[at]?.length === 0)).toEqual([])
})

test('CT-11 the same files with harmless names are taken', async () => {
  const harmless: Readonly<Record<string, string>> = {
    'a pipeline': 'ask',
    'a persona': 'generalist',
    'a workflow': 'ask',
  }
  const files = Object.entries(PLACES).map(([place, write]) => write(harmless[place] ?? 'fine'))
  expect(await refusalsOf(files)).toEqual(files.map(() => []))
})
