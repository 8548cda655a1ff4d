import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { resultOf, Sandbox } from '../support/cli.ts'
import { startWireServer, type WireServer } from '../support/wire-server.ts'

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

describe('a provider that fails', () => {
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
})

describe('a run that is stopped', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)(
    '%s ends it as cancelled with exit code %i and a whole journal',
    async (signal, code) => {
      using sandbox = new Sandbox()
      await using server = await startWireServer('silence')
      const child = sandbox.start([...RUN, '-o', 'json'], prepare(sandbox, server))
      const ended = resultOf(child)
      await vi.waitUntil(() => server.requests.length === 1, { timeout: 20_000, interval: 20 })
      child.kill(signal)
      const { exitCode, stdout } = await ended
      expect(exitCode).toBe(code)
      const events = stdout
        .trimEnd()
        .split('\n')
        .map((line): Event => JSON.parse(line))
      expect(events.at(-1)).toMatchObject({
        type: 'run-finished',
        outcome: 'cancelled',
        exitCode: code,
      })
      const journal = sandbox
        .read(`.wave/runs/${events[0]?.run}/journal.jsonl`)
        .trimEnd()
        .split('\n')
      expect(journal).toHaveLength(events.length)
    },
  )

  test('a second signal leaves at once', async () => {
    using sandbox = new Sandbox()
    await using server = await startWireServer('silence')
    const child = sandbox.start(RUN, prepare(sandbox, server))
    const ended = resultOf(child)
    await vi.waitUntil(() => server.requests.length === 1, { timeout: 20_000, interval: 20 })
    child.kill('SIGINT')
    if (child.stderr) await once(child.stderr, 'data')
    child.kill('SIGINT')
    expect((await ended).exitCode).toBe(130)
  })
})

interface Event {
  readonly type: string
  readonly run?: string
}
