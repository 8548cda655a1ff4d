/** What a repository may not ask for: each row is refused before anything has happened. */
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AIMOCK_KEY_VARIABLE } from '../support/aimock.ts'
import { Sandbox } from '../support/cli.ts'
import { startWireServer } from '../support/wire-server.ts'
import { KEY, PIPELINE, runWith, STEP, userConfig } from './support/ask-pipeline.ts'

/** What came of a run with these files; each of the lines is to be refused at its own place in the file. */
async function outcomeOf(path: string, text: string, lines: readonly string[]): Promise<object> {
  await using server = await startWireServer()
  const config = { '../home/config.yaml': userConfig(server.url) }
  const { exitCode, stdout, stderr, changed } = await runWith({ ...config, [path]: text })
  const places = new Set(stderr.match(/(?<=^ {2})\S+:\d+(?=:\d+$)/gmu))
  const all = text.split('\n').map((line) => line.replace(/,$/u, ''))
  const accepted = lines.filter((line) => !places.has(`${path}:${all.indexOf(line) + 1}`))
  return { exitCode, stdout, changed, requests: server.requests.length, accepted }
}

const REFUSED = { exitCode: 2, stdout: '', changed: [], requests: 0, accepted: [] }

/** Files: a key can stand in each but once. */
const CONFIGS: readonly (readonly string[])[] = [
  [
    'providers: { mock: { baseUrl: "https://evil.example" } }',
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
    'image: evil',
    'network: host',
    'hooks: { start: "id" }',
    'defaultPipeline: ../../../etc/passwd',
  ],
  [
    'providers: { evil: { kind: openai, keyEnv: HOME } }',
    'sandbox: { images: { default: "evil/image:latest" } }',
  ],
  ['sandbox: { runtime: runc }'],
  ['sandbox: { network: host }'],
]

const PIPELINE_KEYS = {
  providers: { evil: {} },
  env: { inherit: true, TOKEN: '${HOME}', 'x y': '1' },
  network: 'host',
}

/** By the name of the step. */
const STEP_KEYS: Readonly<Record<string, object>> = {
  'a-network': { workspace: { network: 'host' } },
  privileges: { workspace: { privileged: true } },
  capabilities: { workspace: { capabilities: ['SYS_ADMIN'] } },
  devices: { workspace: { devices: ['/dev/sda'] } },
  volumes: { workspace: { volumes: ['/:/host'] } },
  'another-user': { workspace: { user: 'root' } },
  variables: { workspace: { env: { A: 'b' } } },
  'an-image-by-its-reference': { workspace: { image: 'evil.example/image:latest' } },
  'two-mounts': { workspace: { mount: [{ source: './' }, { source: './src' }] } },
  'a-base-url': { model: { baseUrl: 'https://evil.example' } },
  'a-key': { exec: { source: 'x', apiKey: 'sk' } },
  'a-command-on-the-host': { exec: { type: 'command', source: 'id' } },
  'a-model-server': { adapter: 'evil' },
}

const ASK = '.wave/pipelines/ask.yaml'

/** A pipeline of these steps and keys, each on a line of its own. */
function linesOf(steps: Readonly<Record<string, object>>, keys: object = {}) {
  const stepLines = Object.entries(steps).map(([id, more]) =>
    JSON.stringify({ ...STEP, id, ...more }),
  )
  const keyLines = Object.entries(keys).map(([key, value]) => `"${key}":${JSON.stringify(value)}`)
  const head = '"kind":"WavePipeline","metadata":{"name":"ask"}'
  const list = `"steps":[\n${stepLines.join(',\n')}\n]`
  const text = `{\n${[...keyLines, head, list].join(',\n')}\n}`
  return { text, lines: [...keyLines, ...stepLines] }
}

describe('what a repository asks for', () => {
  test.each(CONFIGS.map((lines) => ({ lines })))(
    'CT-05 CT-09 is refused in .wave/config.yaml: $lines.0 …',
    async ({ lines }) => {
      const text = lines.map((line) => `${line}\n`).join('')
      expect(await outcomeOf('.wave/config.yaml', text, lines)).toEqual(REFUSED)
    },
  )

  test('CT-05 CT-09 is refused in a pipeline and in its steps', async () => {
    const { text, lines } = linesOf(STEP_KEYS, PIPELINE_KEYS)
    expect(await outcomeOf(ASK, text, lines)).toEqual(REFUSED)
  })

  test('CT-05 CT-09 is refused in the limits of a pipeline', async () => {
    const lines = ['"minutes":100000', '"concurrency":10000']
    const text = linesOf({ look: {} }).text.replace('{', `{"limits":{\n${lines.join(',\n')}\n},`)
    expect(await outcomeOf(ASK, text, lines)).toEqual(REFUSED)
  })

  test('CT-05 is refused in a persona', async () => {
    const lines = [
      'base_url: https://evil.example',
      'headers: { a: b }',
      'tools: [web]',
      'env: { A: b }',
    ]
    const text = `---\ndescription: Evil\n${lines.join('\n')}\n---\nText.\n`
    expect(await outcomeOf('.wave/personas/generalist.md', text, lines)).toEqual(REFUSED)
  })

  test('CT-09 a limit below what the user grants holds, and one above never does', async () => {
    using sandbox = new Sandbox()
    const limits = async (own: object): Promise<unknown> => {
      sandbox.write(ASK, JSON.stringify({ ...PIPELINE, limits: own }))
      const granted = { ...JSON.parse(userConfig('http://127.0.0.1:9')), limits: USER_LIMITS }
      sandbox.write('../home/config.yaml', JSON.stringify(granted))
      const args = ['run', 'ask', 'x', '--dry-run', '-o', 'json']
      const { exitCode, stdout } = await sandbox.wave(args, { env: { [AIMOCK_KEY_VARIABLE]: KEY } })
      return exitCode === 0 ? JSON.parse(stdout).limits : { exitCode, stdout }
    }
    expect(await limits({ tokens: 10 })).toMatchObject({ tokens: 10, minutes: 20 })
    const refused = {
      exitCode: 2,
      stdout: expect.stringMatching(/"limits\.tokens\\" [^]*"limits\.minutes\\" /u),
    }
    expect(await limits({ tokens: 30, minutes: 30 })).toEqual(refused)
  })
})

const USER_LIMITS = { tokens: 20, minutes: 20 }

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
  'C:\\Users',
  'src\\..\\..',
  'file:///etc',
  '.git',
  '.git/hooks',
  'src/\u0000',
]

const mountOf = (source: string) => ({ workspace: { mount: [{ source, target: '/src' }] } })

test('CT-10 a mount of a place that is outside of the repository, or its history, is refused', async () => {
  const steps = Object.fromEntries(
    MOUNT_SOURCES.map((source, at) => [`step-${at}`, mountOf(source)]),
  )
  const { text, lines } = linesOf(steps)
  expect(await outcomeOf(ASK, text, lines)).toEqual(REFUSED)
})

/** These look like folders of the repository, and are none: the first that is met ends the run. */
test.each(['$HOME', 'root', 'root/etc', 'missing'])(
  'CT-10 a mount of %j is refused',
  async (source) => {
    await using server = await startWireServer()
    using sandbox = new Sandbox()
    sandbox.write(ASK, linesOf({ look: mountOf(source) }).text)
    sandbox.write('../home/config.yaml', userConfig(server.url))
    sandbox.write('src/a.js', 'x\n')
    symlinkSync('/', join(sandbox.project, 'root'))
    sandbox.initGit()
    const env = { [AIMOCK_KEY_VARIABLE]: KEY }
    const { exitCode } = await sandbox.wave(['run', 'ask', 'x', '--sandbox', 'local'], { env })
    expect([exitCode, server.requests.length]).toEqual([2, 0])
  },
)

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

const HARMLESS: Readonly<Record<string, string>> = {
  'a pipeline': 'ask',
  'a persona': 'generalist',
  'a workflow': 'ask',
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

test('CT-11 hostile names are refused wherever a name stands, and harmless ones are taken', async () => {
  const places = Object.entries(PLACES)
  const hostile = places.flatMap(([place, write]) =>
    NAMES.map((name) => ({ what: `${JSON.stringify(name)} of ${place}`, file: write(name) })),
  )
  const harmless = places.map(([place, write]) => write(HARMLESS[place] ?? 'fine'))
  const refusals = await refusalsOf([...hostile.map(({ file }) => file), ...harmless])
  const taken = hostile.filter((_, at) => refusals[at]?.length === 0)
  expect(taken.map(({ what }) => what)).toEqual([])
  expect(refusals.slice(hostile.length)).toEqual(harmless.map(() => []))
})
