/**
 * Where a secret may not turn up: the whole product is run with secrets in every place that has some, and
 * everything that it leaves, prints, starts and sends is searched for them.
 */
import { spawn } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRedactor } from '../../packages/core/src/redact.ts'
import { AIMOCK_KEY_VARIABLE, startAimock } from '../support/aimock.ts'
import type { ScriptedAnswer, ScriptedStep } from '../support/aimock.ts'
import { type CliResult, LAUNCHER, resultOf, Sandbox } from '../support/cli.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { incidentScript } from '../support/incident-script.ts'
import { startWireServer } from '../support/wire-server.ts'
import { removeSnapshotVolumes } from './injections/effects.ts'
import { PIPELINE, userConfig } from './support/ask-pipeline.ts'
import { type Canary, createCanary, findCanary } from './support/canary.ts'
import { startRecordingProxy } from './support/recording-proxy.ts'

const RECORDER = fileURLToPath(new URL('support/recorder.ts', import.meta.url))
const TABLE_OF_FORMS = ['plain', 'URL-encoded', 'hexadecimal', 'upper-case hexadecimal']

/** Of a whole run of five personas: what it was given, and all that came of it. */
interface Scene {
  readonly sandbox: Sandbox
  /** The provider's key, in the environment of wave, in the incident and in what the model says. */
  readonly host: Canary
  /** In a file and a remote of the repository that git does not know, and in the user's configuration. */
  readonly file: Canary
  readonly config: Canary
  /** No secret of anybody, but looked for like the others: it must be found where it was put. */
  readonly known: Canary
  readonly result: CliResult
  readonly sent: readonly string[]
  readonly keys: readonly string[]
  /** What Docker says of the containers of the run, while they ran. */
  readonly inspected: readonly string[]
  /** Every program that wave started, with its arguments and its environment. */
  readonly started: readonly string[]
}

const LOOK = [
  'env',
  'cat /proc/1/environ /proc/self/environ | tr "\\0" "\\n"',
  'cat .env .git/config; ls -la / /src /work ~',
  'cat /src/src/orders.js',
  'printf "core %s\\n" "$(ulimit -c)"',
].join('; ')

function scriptFor(host: Canary, inspect: () => void): readonly ScriptedStep[] {
  const place = {
    file: 'src/orders.js',
    pattern: 'order.items',
    edit: { old: 'order.items.length', new: '(order.items ?? []).length' },
    testCommand: LOOK,
  }
  return incidentScript(place).map(({ submits = '', turns }) => ({
    submits,
    turns: turns.map((turn) => (results: readonly string[]): ScriptedAnswer => {
      inspect()
      return saying(host, typeof turn === 'function' ? turn(results) : turn)
    }),
  }))
}

/** The model says the secret as well, in its text and in the documents that it hands over. */
function saying(host: Canary, answer: ScriptedAnswer): ScriptedAnswer {
  if (!('calls' in answer)) return answer
  const said = TABLE_OF_FORMS.map((form) => host.forms[form]).join(' and ')
  const calls = answer.calls.map(({ tool, input }) => {
    const documents = Object.entries(input).map(([name, value]: [string, unknown]) =>
      tool === 'submit' && typeof value === 'string' && name !== 'fix'
        ? [name, `${value}\nThe key is ${said}.\n`]
        : [name, value],
    )
    return { tool, input: Object.fromEntries(documents) }
  })
  return { calls, text: `I know ${said}.` }
}

async function play(): Promise<Scene> {
  const sandbox = new Sandbox()
  const canaries = {
    host: createCanary(),
    file: createCanary(),
    config: createCanary(),
    known: createCanary(),
  }
  const { host, file, config, known } = canaries
  const inspecting: Promise<string>[] = []
  const script = scriptFor(host, () => void inspecting.push(inspectContainers()))
  await using aimock = await startAimock(script)
  await using proxy = await startRecordingProxy(aimock.origin)
  sandbox.write('src/orders.js', 'export const total = (order) =>\n  order.items.length\n')
  sandbox.write('.gitignore', '.env\nnode_modules\n')
  sandbox.initGit()
  sandbox.write('.env', `TOKEN=${file.value}\n`)
  sandbox.write('config/.env.production', `TOKEN=${file.value}\n`)
  sandbox.git('remote', 'add', 'origin', `https://x-access-token:${file.value}@example.com/r.git`)
  const { models } = aimock.userConfig('anthropic')
  const mock = { kind: 'anthropic', loopback: true, keyEnv: AIMOCK_KEY_VARIABLE }
  const channels = {
    oncall: { kind: 'webhook', url: `https://hooks.example.com/x?token=${config.value}` },
  }
  const user = { models, channels, providers: { mock: { ...mock, baseUrl: proxy.origin } } }
  sandbox.write('../home/config.yaml', JSON.stringify(user))
  const record = join(sandbox.root, 'record.jsonl')
  const key = `${host.value}, ${host.forms['hexadecimal']}, ${known.value}`
  const symptom = `TypeError at total (src/orders.js:2:16) with key ${key}`
  const result = await runOpen(sandbox, ['run', 'incident-response', symptom, '-v'], {
    [AIMOCK_KEY_VARIABLE]: host.value,
    NODE_OPTIONS: `--import=${RECORDER}`,
    WAVE_TEST_RECORD: record,
    ...(process.env['DOCKER_HOST'] && { DOCKER_HOST: process.env['DOCKER_HOST'] }),
  })
  const inspected = await Promise.all(inspecting)
  const { sent, keys } = proxy
  return { sandbox, ...canaries, result, sent, keys, inspected, started: startedIn(record) }
}

/** Starts wave where every file that is made is open to everybody, unless whoever makes it says otherwise. */
async function runOpen(
  sandbox: Sandbox,
  args: readonly string[],
  extra: Readonly<Record<string, string>>,
): Promise<CliResult> {
  const child = spawn('sh', ['-c', 'umask 0; exec "$0" "$@"', LAUNCHER, ...args], {
    cwd: sandbox.project,
    env: sandbox.env(extra),
  })
  child.stdin.end()
  return await resultOf(child)
}

async function inspectContainers(): Promise<string> {
  if (engine === undefined) return ''
  const { docker } = engine
  const list = await docker.listContainers({ filters: { label: ['dev.wave.run'] } })
  // One may have ended meanwhile.
  const found = list.map(({ Id }) =>
    docker
      .getContainer(Id)
      .inspect()
      .catch(() => undefined),
  )
  return JSON.stringify(await Promise.all(found))
}

function startedIn(record: string): readonly string[] {
  const lines = readFileSync(record, 'utf8').split('\n')
  return lines.filter((line) => line.startsWith('{"kind":"spawn"'))
}

function walk(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? [path].concat(walk(path)) : [path]
  })
}

describeDocker('a run of five personas with secrets in every place', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await play()
  }, 120_000)
  afterAll(async () => {
    using sandbox = scene.sandbox
    const id = readFileSync(join(sandbox.home, 'data/install-id'), 'utf8').trim()
    await removeSnapshotVolumes(`dev.wave.install=${id}`)
  })

  test('comes to its end all the same, with a key that reached the provider', () => {
    const { result, sent, keys, host, inspected, started } = scene
    expect({ exitCode: result.exitCode, problem: problemIn(result) }).toEqual({
      exitCode: 0,
      problem: '',
    })
    expect(sent.length).toBeGreaterThan(10)
    expect(new Set(keys)).toEqual(new Set([`Bearer ${host.value}`]))
    // The searches below have something to search.
    expect(inspected.join('')).toContain('"HostConfig"')
    expect(started.join('')).toContain('["git"')
    expect(result.stderr).toContain('tool-call')
  })

  test.each(['host', 'file', 'config'] as const)(
    'SC-01 the secret of the %s is in nothing that is printed, logged, stored, delivered, sent or started',
    (name) => {
      expect(findCanary(scene[name], placesOf(scene))).toEqual([])
    },
  )

  test('what is no secret is found by the same search in the journal, the store and what was sent', () => {
    const found = findCanary(scene.known, placesOf(scene)).join('\n')
    expect(found).toMatch(/\/store\/.*: plain/)
    expect(found).toContain('sent: plain')
  })

  test('AR-23 documents are stored and delivered with the secrets replaced, and warnings say so', () => {
    const { sandbox, result } = scene
    const report = sandbox.read('output/incident-report.md')
    expect(report).toMatch(/The key is \[redacted\]( and \[redacted\]){3}\./)
    expect(result.stdout).toContain('report: 4 secrets were replaced.')
    expect(result.stderr).toContain('note: The input holds what is a secret, or looks like one.')
    expect(startOf(sandbox)).toMatchObject({
      notices: [expect.stringContaining('The input held a secret, which was replaced.')],
    })
  })

  test('SC-04 files that hold secrets are not copied in, and the run says which', () => {
    const { sandbox, sent, result } = scene
    expect(startOf(sandbox)).toMatchObject({
      snapshot: {
        dropped: expect.arrayContaining([
          expect.objectContaining({ path: 'config/.env.production' }),
        ]),
      },
    })
    expect(result.stderr).toContain(
      'note: Left out, because they may hold secrets: config/.env.production.',
    )
    // What the command in the sandbox said of them.
    expect(sent.join('\n')).toContain('cat: .env: No such file or directory')
    expect(sent.join('\n')).not.toMatch(/x-access-token|remote \\?"origin/)
  })

  test('SC-06 a program that crashes in the sandbox leaves no memory behind', () => {
    expect(scene.sent.join('\n')).toContain('core 0')
  })

  test('SC-07 the key is in the arguments and the environment of no program that wave starts', () => {
    const { host, started: programs } = scene
    expect(programs.length).toBeGreaterThan(5)
    expect(findCanary(host, { texts: { programs: programs.join('\n') } })).toEqual([])
  })

  test('SC-08 everything of the run is open to nobody else', () => {
    const runs = join(scene.sandbox.project, '.wave/runs')
    const wrong = walk(runs).flatMap((path) => {
      const state = lstatSync(path)
      const mode = (state.mode & 0o7777).toString(8)
      const wanted = state.isDirectory() ? '700' : '600'
      return mode === wanted || path === join(runs, '.gitignore') ? [] : [`${mode} ${path}`]
    })
    expect(wrong).toEqual([])
    expect((lstatSync(runs).mode & 0o7777).toString(8)).toBe('700')
  })
})

function placesOf({ sandbox, result, sent, inspected, started: programs }: Scene) {
  const paths = ['.wave', 'output', 'src', '../home/data']
  return {
    folders: paths.map((path) => join(sandbox.project, path)),
    texts: {
      stdout: result.stdout,
      stderr: result.stderr,
      sent: sent.join('\n'),
      inspected: inspected.join('\n'),
      programs: programs.join('\n'),
    },
  }
}

/** The first lines of what went wrong; empty when nothing did. */
function problemIn({ exitCode, stderr }: CliResult): string {
  return exitCode === 0 ? '' : stderr.slice(0, 2000)
}

function startOf(sandbox: Sandbox): unknown {
  const runs = join(sandbox.project, '.wave/runs')
  const run = readdirSync(runs).find((name) => name !== '.gitignore') ?? ''
  const [line = ''] = readFileSync(join(runs, run, 'journal.jsonl'), 'utf8').split('\n')
  return JSON.parse(line.slice(9))
}

/** A project with the pipeline `ask`, whose one step asks the provider at this address. */
function askProject(baseUrl: string): Sandbox {
  const sandbox = new Sandbox()
  sandbox.write('.wave/pipelines/ask.yaml', JSON.stringify(PIPELINE))
  sandbox.write('a.js', 'x\n')
  sandbox.initGit()
  sandbox.write('../home/config.yaml', userConfig(baseUrl))
  return sandbox
}

const ASK = ['run', 'ask', 'x', '--sandbox', 'local']

function everywhere(sandbox: Sandbox, { stdout, stderr }: CliResult) {
  const folders = [join(sandbox.project, '.wave'), sandbox.home]
  return { folders, texts: { stdout, stderr } }
}

describe('what goes wrong', () => {
  test.each([
    ['-o', 'text'],
    ['-o', 'json'],
    ['-v', '-v'],
  ])(
    'SC-05 a provider that echoes the headers of a request is quoted without the key: %s %s',
    async (...options) => {
      const canary = createCanary()
      const forms = TABLE_OF_FORMS.map((form) => canary.forms[form]).join(' ')
      const message = `Wrong key. Headers: authorization: Bearer ${canary.value}, x: ${forms}`
      const body = JSON.stringify({ error: { message, type: 'invalid_request_error' } })
      await using server = await startWireServer({ status: 401, body })
      using sandbox = askProject(`${server.url}/v1`)
      const env = { [AIMOCK_KEY_VARIABLE]: canary.value }
      const result = await sandbox.wave([...ASK, ...options], { env })
      expect(result.exitCode).toBe(7)
      expect(result.stdout + result.stderr).toContain('401')
      expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${canary.value}`)
      expect(findCanary(canary, everywhere(sandbox, result))).toEqual([])
    },
  )

  test('SC-06 an uncaught exception with a secret ends wave without it', async () => {
    const canary = createCanary()
    await using server = await startWireServer('silence')
    using sandbox = askProject(`${server.url}/v1`)
    sandbox.write('../crash.mjs', CRASH)
    const env = {
      [AIMOCK_KEY_VARIABLE]: canary.value,
      NODE_OPTIONS: `--import=${join(sandbox.root, 'crash.mjs')}`,
    }
    const result = await sandbox.wave([...ASK, '-v'], { env })
    expect(result.exitCode).toBe(70)
    expect(result.stderr).toContain('Internal error: crashed with [redacted]')
    expect(findCanary(canary, everywhere(sandbox, result))).toEqual([])
  })
})

/** Throws once wave listens for it. */
const CRASH = `const timer = setInterval(() => {
  if (process.listenerCount('uncaughtException') === 0) return
  clearInterval(timer)
  throw new Error('crashed with ' + process.env['${AIMOCK_KEY_VARIABLE}'])
}, 5)
`

/** What the net catches, and what it does not: said in the documentation, and shown here. */
describe('the forms of a known secret', () => {
  const canary = createCanary()
  const redact = createRedactor([canary.value])

  test.each([
    ['as it is', canary.value],
    ['URL-encoded', encodeURIComponent(canary.value)],
    ['in hexadecimal', Buffer.from(canary.value).toString('hex')],
    ['in upper-case hexadecimal', Buffer.from(canary.value).toString('hex').toUpperCase()],
    ['in Base64', base64(canary.value)],
    ['in Base64 with a line end behind it', base64(`${canary.value}\n`)],
    ['in Base64 for addresses', Buffer.from(canary.value).toString('base64url')],
    ['in JSON', JSON.stringify({ key: canary.value })],
  ])('SC-03 is caught %s', (_, text) => {
    expect(findCanary(canary, { texts: { text } })).not.toEqual([])
    expect(findCanary(canary, { texts: { text: redact(text) } })).toEqual([])
  })

  test.each([
    ['shifted', base64(`x${canary.value}`)],
    ['reversed', Array.from(canary.value).toReversed().join('')],
    ['with spaces', Array.from(canary.value).join(' ')],
    ['in two parts', `${canary.value.slice(0, 12)} ${canary.value.slice(12)}`],
  ])('SC-03 is not caught %s', (_, text) => {
    expect(redact(text)).toBe(text)
  })
})

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
