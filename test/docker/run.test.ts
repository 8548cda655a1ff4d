/** `wave run` from outside, on a real engine: what is missing, what is stopped, what is killed. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { AIMOCK_KEY_VARIABLE, type Aimock, startAimock } from '../support/aimock.ts'
import { resultOf, Sandbox } from '../support/cli.ts'
import { describeDocker, engine } from '../support/docker.ts'

const RUN = ['run', 'mend', 'TypeError at total (src/orders.js:2:16)']
const ENV = {
  [AIMOCK_KEY_VARIABLE]: 'any-key',
  ...(process.env['DOCKER_HOST'] && { DOCKER_HOST: process.env['DOCKER_HOST'] }),
}

const MEND = {
  kind: 'WavePipeline',
  metadata: { name: 'mend' },
  input: { source: 'cli' },
  steps: [
    {
      id: 'fix',
      persona: 'craftsman',
      workspace: { mount: [{ source: './', target: '/src', mode: 'readwrite' }] },
      exec: { type: 'prompt', source: 'Mend {{ input }}' },
      output_artifacts: [{ name: 'fix', path: 'output/fix.md', type: 'markdown' }],
    },
  ],
}

/** The craftsman's command does not end by itself. */
async function startStuck(): Promise<Aimock> {
  const bash = { tool: 'bash', input: { command: 'sleep 600', why: 'To see whether it ends.' } }
  return await startAimock([{ submits: 'fix', turns: [{ calls: [bash] }] }])
}

function prepare(sandbox: Sandbox, aimock: Aimock, config: object = {}): void {
  sandbox.write('src/orders.js', 'export const total = (order) =>\n  order.items.length\n')
  sandbox.write('.wave/pipelines/mend.yaml', JSON.stringify(MEND))
  sandbox.initGit()
  const user = { ...aimock.userConfig('anthropic'), ...config }
  sandbox.write('../home/config.yaml', JSON.stringify(user))
}

/** Starts a run and waits until a command runs in a container. Gives the id of the run. */
async function runUntilStuck(sandbox: Sandbox): Promise<{ child: ChildProcess; run: string }> {
  const child = sandbox.start([...RUN, '-o', 'json'], { env: ENV })
  let seen = ''
  child.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString()))
  await vi.waitUntil(() => /"type":"tool-call"[^\n]*"tool":"bash"/.test(seen), { timeout: 60_000 })
  const { run }: { run: string } = JSON.parse(seen.split('\n')[0] ?? '')
  // A call is told before it is made.
  await vi.waitUntil(() => runsInContainer(run, 'sleep 600'), { timeout: 30_000, interval: 100 })
  return { child, run }
}

async function containersOf(run: string): Promise<string[]> {
  const filters = { label: [`dev.wave.run=${run}`] }
  const containers = await engine?.docker.listContainers({ all: true, filters })
  return (containers ?? []).map(({ Id }) => Id)
}

async function runsInContainer(run: string, command: string): Promise<boolean> {
  const ids = await containersOf(run)
  // One that is still being made, or gone already, cannot be looked into.
  const looks = ids.map(async (id) => {
    const container = engine?.docker.getContainer(id)
    return await container?.top().catch(() => undefined)
  })
  return JSON.stringify(await Promise.all(looks)).includes(command)
}

describeDocker('a run on an engine', () => {
  let aimock: Aimock

  beforeAll(async () => {
    aimock = await startStuck()
  })
  afterAll(() => aimock[Symbol.asyncDispose]())

  test('whose image does not exist ends before a model is called, and says how to get it', async () => {
    using sandbox = new Sandbox()
    prepare(sandbox, aimock, { sandbox: { image: 'wave-test/absent:1' } })
    const { exitCode, stdout, stderr } = await sandbox.wave(RUN, { env: ENV })
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' })
    expect(stderr).toContain('error[image-missing]: The Docker image wave-test/absent:1')
    expect(stderr).toContain('hint: Run: docker pull wave-test/absent:1')
    expect(aimock.requests).toEqual([])
  })

  // Side by side: they wait for an engine most of the time. Each has a home of its own, where no other clears up.
  test.concurrent.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)(
    'that is ended by %s removes its containers, closes the journal and exits with %i',
    async (signal, code) => {
      using sandbox = new Sandbox()
      prepare(sandbox, aimock)
      const { child, run } = await runUntilStuck(sandbox)
      const ended = resultOf(child)
      child.kill(signal)
      expect((await ended).exitCode).toBe(code)
      expect(await containersOf(run)).toEqual([])
      const journal = sandbox.read(`.wave/runs/${run}/journal.jsonl`).trimEnd().split('\n')
      expect(JSON.parse(journal.at(-1)?.slice(9) ?? '')).toMatchObject({
        type: 'run-finished',
        outcome: 'cancelled',
        exitCode: code,
      })
    },
    90_000,
  )

  test.concurrent('that is killed leaves no container behind, and a journal that ends with a whole line', async () => {
    using sandbox = new Sandbox()
    prepare(sandbox, aimock)
    const { child, run } = await runUntilStuck(sandbox)
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    await vi.waitUntil(async () => (await containersOf(run)).length === 0, {
      timeout: 20_000,
      interval: 200,
    })
    const journal = sandbox.read(`.wave/runs/${run}/journal.jsonl`)
    expect(journal.endsWith('\n')).toBe(true)
    for (const line of journal.trimEnd().split('\n')) JSON.parse(line.slice(9))
  }, 90_000)
})
