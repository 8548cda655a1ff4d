/** `wave run` from outside, on a real engine: what is missing, what is stopped, what is killed. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { AIMOCK_KEY_VARIABLE, type Aimock, startAimock } from '../support/aimock.ts'
import { resultOf, Sandbox } from '../support/cli.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { incidentScript } from '../support/incident-script.ts'

const SYMPTOM = 'TypeError: Cannot read properties of undefined at total (src/orders.js:2:16)'
const RUN = ['run', 'incident-response', SYMPTOM]
const ENV = {
  [AIMOCK_KEY_VARIABLE]: 'any-key',
  ...(process.env['DOCKER_HOST'] && { DOCKER_HOST: process.env['DOCKER_HOST'] }),
}

/** The craftsman's command does not end by itself. */
async function startStuck(): Promise<Aimock> {
  const place = {
    file: 'src/orders.js',
    pattern: 'order.items',
    edit: { old: 'order.items.length', new: '(order.items ?? []).length' },
    testCommand: 'sleep 600',
  }
  return await startAimock(incidentScript(place))
}

function prepare(sandbox: Sandbox, aimock: Aimock, config: object = {}): void {
  sandbox.write('src/orders.js', 'export const total = (order) =>\n  order.items.length\n')
  sandbox.initGit()
  const user = { ...aimock.userConfig('anthropic'), ...config }
  sandbox.write('../home/config.yaml', JSON.stringify(user))
}

/** Starts a run and waits until a command runs in a container. Gives the id of the run. */
async function runUntilStuck(sandbox: Sandbox): Promise<{ child: ChildProcess; run: string }> {
  const child = sandbox.start([...RUN, '-o', 'json'], { env: ENV })
  let seen = ''
  child.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString()))
  await vi.waitUntil(() => /"type":"tool-call"[^\n]*"tool":"bash"/.test(seen), { timeout: 20_000 })
  const { run }: { run: string } = JSON.parse(seen.split('\n')[0] ?? '')
  expect(await containersOf(run)).not.toEqual([])
  return { child, run }
}

async function containersOf(run: string): Promise<string[]> {
  const filters = { label: [`dev.wave.run=${run}`] }
  const containers = await engine?.docker.listContainers({ all: true, filters })
  return (containers ?? []).flatMap(({ Names }) => Names)
}

describeDocker('a run on an engine', () => {
  test('whose image does not exist ends before a model is called, and says how to get it', async () => {
    using sandbox = new Sandbox()
    await using aimock = await startStuck()
    prepare(sandbox, aimock, { sandbox: { image: 'wave-test/absent:1' } })
    const { exitCode, stdout, stderr } = await sandbox.wave(RUN, { env: ENV })
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' })
    expect(stderr).toContain('error[image-missing]: The Docker image wave-test/absent:1')
    expect(stderr).toContain('hint: Run: docker pull wave-test/absent:1')
    expect(aimock.requests).toEqual([])
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)(
    'that is ended by %s removes its containers, closes the journal and exits with %i',
    async (signal, code) => {
      using sandbox = new Sandbox()
      await using aimock = await startStuck()
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
  )

  test('that is killed leaves no container behind, and a journal that ends with a whole line', async () => {
    using sandbox = new Sandbox()
    await using aimock = await startStuck()
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
  })
})
