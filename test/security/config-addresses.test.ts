/** Where requests go, and what cannot lead them elsewhere: addresses, redirects, variables. */
import { describe, expect, test } from 'vitest'
import { AIMOCK_KEY_VARIABLE, startAimock } from '../support/aimock.ts'
import { Sandbox } from '../support/cli.ts'
import { startWireServer } from '../support/wire-server.ts'
import { KEY, PIPELINE, runWith, STEP, userConfig } from './support/ask-pipeline.ts'
import { waveInProcess } from './support/in-process.ts'

const ADDRESSES = (port: string): readonly string[] => [
  `http://api.example.com:${port}`,
  'ftp://api.example.com',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'data:text/plain,x',
  'api.example.com',
  '//api.example.com',
  'https://',
  'https://user:pass@api.example.com',
  'https://user@api.example.com',
  'https://api.example.com@127.0.0.1',
  'https://api.example.com/?key=1',
  'https://api.example.com/#x',
  'https://93.184.216.34',
  'https://1572395042',
  'https://0x5db8d822',
  'https://[2001:db8::1]',
  'https://[::ffff:93.184.216.34]',
  'http://169.254.169.254/latest',
  'https://169.254.169.254',
  'https://[fd00:ec2::254]',
  'https://metadata',
  'https://metadata.google.internal',
  'https://METADATA.google.internal.',
  'https://instance-data.ec2.internal',
  'http://10.0.0.1',
  `http://0.0.0.0:${port}`,
  `http://[::]:${port}`,
  'http://192.168.1.1',
]

/** This machine, in its many spellings. */
const LOCAL = (port: string): readonly string[] => [
  `http://127.0.0.1:${port}`,
  `http://localhost:${port}`,
  `http://LOCALHOST:${port}`,
  `http://x.localhost:${port}`,
  `http://127.9.9.9:${port}`,
  `http://0x7f.1:${port}`,
  `http://2130706433:${port}`,
  `http://[::1]:${port}`,
  `http://[::ffff:127.0.0.1]:${port}`,
]

/** The addresses, of a server that listens, with which a run would go on. */
async function takenOf(
  urls: (port: string) => readonly string[],
  loopback: boolean,
): Promise<readonly string[]> {
  await using server = await startWireServer()
  using sandbox = new Sandbox()
  sandbox.write('.wave/pipelines/ask.yaml', JSON.stringify(PIPELINE))
  const taken: string[] = []
  for (const url of urls(new URL(server.url).port)) {
    sandbox.write('../home/config.yaml', userConfig(url, 'openai', loopback))
    const env = { [AIMOCK_KEY_VARIABLE]: KEY }
    const { exitCode } = await waveInProcess(sandbox, ['run', 'ask', 'x', '--dry-run'], { env })
    if (exitCode !== 2) taken.push(`${url}: ${exitCode}`)
  }
  expect(server.requests).toEqual([])
  return taken
}

describe('addresses', () => {
  test('CT-08 an address that is no host name over https is refused, with the loopback setting too', async () => {
    expect(await takenOf(ADDRESSES, true)).toEqual([])
  })

  test('CT-08 an address of this machine needs the loopback setting', async () => {
    expect(await takenOf(LOCAL, false)).toEqual([])
    expect(await takenOf(LOCAL, true)).toHaveLength(LOCAL('').length)
  })
})

const KINDS = ['anthropic', 'openai', 'openai-compatible'] as const

test('CT-07 no redirect of any provider is followed, and its target gets nothing', async () => {
  await using other = await startWireServer()
  const location = `${other.url.replace('127.0.0.1', 'localhost')}/v1/messages`
  await using found = await startRedirect(302, location)
  await using temporary = await startRedirect(307, location)
  const ways = [found, temporary].flatMap(({ url }) => KINDS.map((kind) => ({ url, kind })))
  const { files, steps } = stepsWith(ways)
  const { exitCode, stdout, stderr } = await runWith(files)
  for (const server of [found, temporary]) {
    const keys = server.requests.map(({ headers }) => headers.authorization)
    expect(new Set(keys)).toEqual(new Set([`Bearer ${KEY}`]))
    expect(new Set(server.requests.map(({ path }) => path)).size).toBe(KINDS.length)
  }
  for (const step of steps) expect(stdout).toMatch(new RegExp(`failed +${step}\\b`))
  expect([exitCode === 0, other.requests]).toEqual([false, []])
  expect(stdout + stderr).not.toContain(KEY)
})

const startRedirect = (status: number, location: string) =>
  startWireServer(...Array.from({ length: 60 }, () => ({ status, headers: { location } })))

interface Way {
  readonly url: string
  readonly kind: string
}

/** Files of a run that asks each of these providers in a step of its own, whatever became of the others. */
function stepsWith(ways: readonly Way[]) {
  const named = ways.map((way, at) => ({ ...way, name: `${way.kind}-${at}` }))
  const providers = named.map(({ name, kind, url }) => [
    name,
    { kind, baseUrl: url, loopback: true, keyEnv: AIMOCK_KEY_VARIABLE },
  ])
  const models = named.map(({ name }) => [
    name,
    { provider: name, model: 'm', contextTokens: 100_000 },
  ])
  const config = {
    providers: Object.fromEntries(providers),
    models: Object.fromEntries(models),
  }
  const steps = named.map(({ name }) => ({ ...STEP, id: name, model: name }))
  const pipeline = { ...PIPELINE, failure_policy: 'continue', steps }
  const files = {
    '../home/config.yaml': JSON.stringify(config),
    '.wave/pipelines/ask.yaml': JSON.stringify(pipeline),
  }
  return { files, steps: named.map(({ name }) => name) }
}

describe('variables', () => {
  const REDIRECTING = ['ANTHROPIC_BASE_URL', 'OPENAI_BASE_URL', 'OPENAI_API_BASE']
  const PROXIES = [
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'ALL_PROXY',
    'http_proxy',
    'https_proxy',
    'all_proxy',
  ]

  test('CT-06 no variable leads the requests of any provider elsewhere', async () => {
    await using other = await startWireServer()
    await using aimock = await startAimock([{ says: 'Look at', turns: [{ text: 'Seen.' }] }])
    const planted = Object.fromEntries(
      [...REDIRECTING, ...PROXIES].map((name) => [name, other.url]),
    )
    const env = { ...planted, NODE_USE_ENV_PROXY: '1', NO_PROXY: '', no_proxy: '' }
    const { files } = stepsWith(KINDS.map((kind) => ({ kind, url: aimock.baseUrl(kind) })))
    const { exitCode, stderr } = await runWith(files, env)
    expect([exitCode, other.requests, aimock.requests.length]).toEqual([0, [], KINDS.length])
    // Not obeyed, and not silently.
    expect(stderr).toContain('HTTPS_PROXY')
  })

  test('CT-06 a .env file of the repository is not loaded', async () => {
    await using other = await startWireServer()
    await using aimock = await startAimock([{ says: 'Look at', turns: [{ text: 'Seen.' }] }])
    const lines = [...REDIRECTING, ...PROXIES].map((name) => `${name}=${other.url}\n`)
    const more =
      'NODE_OPTIONS=--require=./evil.cjs\nNODE_USE_ENV_PROXY=1\nWAVE_OUTPUT=json\nWAVE_HOME=/nowhere\n'
    const text = lines.join('') + more
    const files = {
      '../home/config.yaml': JSON.stringify(aimock.userConfig('anthropic')),
      '.env': text,
      '.env.local': text,
      '.wave/.env': text,
      '.npmrc': 'node-options=--require=./evil.cjs\n',
      'evil.cjs': 'require("node:fs").writeFileSync("evil.txt", "")\n',
    }
    const { exitCode, stdout, stderr, changed } = await runWith(files)
    expect([exitCode, other.requests, aimock.requests.length]).toEqual([0, [], 1])
    expect(stdout).toContain('completed')
    expect(stderr).not.toContain('PROXY')
    expect(changed.filter((path) => !path.startsWith('.wave/runs'))).toEqual([])
  })
})
