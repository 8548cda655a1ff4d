/** What `wave` does about a provider that refuses, asks to wait, or falls silent. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { resultOf, Sandbox } from '../support/cli.ts'
import { sse, startWireServer, type WireAnswer, type WireServer } from '../support/wire-server.ts'

/** Not in the shape of any vendor's key, so that only knowing it helps. */
const CANARY = 'canary-7f21d09c55e84b'
const RUN = ['run', 'ask', 'why is it slow', '--sandbox', 'local']
const PIPELINE = `\
kind: WavePipeline
metadata: { name: ask }
steps:
  - id: ask
    persona: navigator
    exec: { type: prompt, source: "Answer: {{ input }}" }
    output_artifacts: [{ name: answer, path: output/answer.md, type: markdown }]
`

function prepare(sandbox: Sandbox, server: WireServer): { readonly env: Record<string, string> } {
  sandbox.write('.wave/pipelines/ask.yaml', PIPELINE)
  sandbox.write('src/orders.js', 'x')
  sandbox.initGit()
  sandbox.write(
    '../home/config.yaml',
    `providers: { anthropic: { baseUrl: "${server.url}", loopback: true } }\n`,
  )
  return { env: { ANTHROPIC_API_KEY: CANARY } }
}

/** Every file that the run left, and what it printed. */
function everything(sandbox: Sandbox, printed: string): string {
  const files = Object.entries(sandbox.fingerprint()).map(([path, content]) => {
    const encoded = content.split(' ')[1] ?? ''
    return `${path}\n${Buffer.from(encoded, 'base64').toString()}`
  })
  const log = readFileSync(join(sandbox.home, 'data/logs/wave.log'), 'utf8')
  return [...files, log, printed].join('\n')
}

test('a wrong key is exit code 7, and SC-05 the key is nowhere, though the server echoes it', async () => {
  using sandbox = new Sandbox()
  const body = JSON.stringify({
    type: 'error',
    error: { type: 'authentication_error', message: `bad header: Bearer ${CANARY}` },
  })
  await using server = await startWireServer({ status: 401, body })
  const result = await sandbox.wave([...RUN, '--log-level', 'trace'], prepare(sandbox, server))
  expect(result.exitCode).toBe(7)
  expect(result.stdout).toContain('\nStep ask failed: model-error: auth, ')
  expect(result.stdout).toContain('. Check ANTHROPIC_API_KEY, the key of this provider.\n')
  expect(result.stdout).toMatch(/\nNext: see \.wave\/runs\//)
  expect(server.requests[0]?.headers['authorization']).toBe(`Bearer ${CANARY}`)
  expect(everything(sandbox, result.stdout + result.stderr)).not.toContain(CANARY)
})

const ANSWER = `# Answer\n\n${'The pool is too small. '.repeat(20)}`

const START = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    role: 'assistant',
    content: [],
    usage: { input_tokens: 700, output_tokens: 1 },
  },
}

function call(id: string, name: string, input: object): WireAnswer {
  const block = { type: 'tool_use', id, name, input: {} }
  const delta = { type: 'input_json_delta', partial_json: JSON.stringify(input) }
  return {
    sse: sse(
      START,
      { type: 'content_block_start', index: 0, content_block: block },
      { type: 'content_block_delta', index: 0, delta },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 40 } },
      { type: 'message_stop' },
    ),
  }
}

const BUSY: WireAnswer = {
  status: 429,
  headers: { 'retry-after': '3600' },
  body: JSON.stringify({
    type: 'error',
    error: { type: 'rate_limit_error', message: 'Slow down.' },
  }),
}

test('a provider that asks for an hour suspends the run with exit code 7, and resuming pays nothing twice', async () => {
  using sandbox = new Sandbox()
  await using server = await startWireServer(
    call('toolu_1', 'note', { text: 'The pool.' }),
    BUSY,
    call('toolu_2', 'submit', { answer: ANSWER }),
  )
  const options = prepare(sandbox, server)
  const first = await sandbox.wave(RUN, options)
  expect(first.exitCode).toBe(7)
  const [, run] =
    /^Next: wave resume (\S+) after (?:\S+ )?\d\d:\d\d UTC$/mu.exec(first.stdout) ?? []
  expect(first.stdout).toMatch(/^Waiting: ask: anthropic\/\S+ asks to wait until .*Slow down/mu)
  expect(server.requests).toHaveLength(2)

  const status = await sandbox.wave(['status', run ?? ''], options)
  expect(status.stdout).toMatch(/^ask .*waiting.*asks to wait until/mu)
  const told = await sandbox.wave(['audit', run ?? ''], options)
  expect(told.stdout).toContain('asked to wait in ask: retryable')

  const second = await sandbox.wave(['resume', run ?? ''], options)
  expect(second).toMatchObject({ exitCode: 0 })
  expect(second.stderr).toMatch(/asked to wait until .* UTC; it is asked now/u)
  // One call: the reply to the first turn was used again.
  expect(server.requests).toHaveLength(3)
  expect(server.requests[2]?.text).toContain('The pool.')
  expect(sandbox.read('output/answer.md')).toContain('The pool is too small.')
  expect((await sandbox.wave(['verify', run ?? ''], options)).exitCode).toBe(0)

  const logs = await sandbox.wave(['logs', run ?? '', '--transcript'], options)
  expect(logs.stdout).toContain('    user:\n')
  expect(logs.stdout).toContain('Answer: why is it slow')
  expect(logs.stdout).not.toContain('prompt not kept')
})

test('a call that is cut off makes the cost of the run unknown, not lower', async () => {
  using sandbox = new Sandbox()
  await using server = await startWireServer({ sse: sse(START), afterwards: 'stall' })
  const options = prepare(sandbox, server)
  const child = sandbox.start([...RUN, '-o', 'json'], options)
  const ended = resultOf(child)
  await vi.waitUntil(() => server.requests.length === 1, { timeout: 20_000, interval: 20 })
  child.kill('SIGINT')
  const { exitCode, stdout } = await ended
  expect(exitCode).toBe(130)
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line): Readonly<Record<string, unknown>> => JSON.parse(line))
  const calls = events.filter(({ type }) => type === 'model-failed')
  expect(calls).toMatchObject([{ class: 'cut-off' }])
  expect(events.at(-1)).toMatchObject({ type: 'run-finished', outcome: 'cancelled' })
  expect(events.at(-1)).not.toHaveProperty('costUsd')
})
