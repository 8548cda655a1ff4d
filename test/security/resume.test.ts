/** What a run goes on with after its project, its image or its process has changed hands. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RunEvent } from '../../packages/core/src/index.ts'
import { startChat, type ChatServer } from '../acceptance/support/chat-server.ts'
import { CHAT_ENV, chatProject, flowOf } from '../support/chat-project.ts'
import { resultOf, Sandbox } from '../support/cli.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { buildImage, type BuiltImage } from './support/build-image.ts'

test('CT-14 a run goes on with its own copy of .wave/, and says what was changed', async () => {
  using sandbox = new Sandbox()
  let failing = true
  await using server: ChatServer = await startChat(({ text }) =>
    failing && text.includes('Do two.') ? 400 : 'Done',
  )
  chatProject(sandbox, server, [{ name: 'one' }, { name: 'two' }])
  sandbox.write('.wave/personas/generalist.md', persona('You are the first.'))
  expect(await sandbox.wave(['run', 'flow'], { env: CHAT_ENV })).toMatchObject({ exitCode: 7 })
  failing = false
  sandbox.write('.wave/pipelines/flow.yaml', flowOf([{ name: 'planted' }]))
  sandbox.write('.wave/personas/generalist.md', persona('You are planted.'))
  sandbox.write('.wave/config.yaml', 'limits: { usd: 1 }\n')
  const { exitCode, stderr } = await sandbox.wave(['resume'], { env: CHAT_ENV })
  expect(exitCode).toBe(0)
  for (const file of ['pipelines/flow.yaml', 'personas/generalist.md', 'config.yaml']) {
    expect(stderr).toContain(`warning: .wave/${file} was changed since the run started`)
  }
  const asked = server.requests.map(({ text }) => text)
  expect(asked.join('\n')).not.toContain('planted')
  for (const text of asked) expect(text).toContain('You are the first.')
})

const persona = (text: string): string => `---\ndescription: Helps.\n---\n${text}\n`

const DOCKER = { ...(process.env['DOCKER_HOST'] && { DOCKER_HOST: process.env['DOCKER_HOST'] }) }

describeDocker('on an engine', () => {
  let sandbox: Sandbox

  beforeEach(() => {
    sandbox = new Sandbox()
  })
  afterEach(async () => {
    await removeVolumes(sandbox)
    sandbox[Symbol.dispose]()
  })

  const wave = (...args: readonly string[]) => sandbox.wave(args, { env: DOCKER })

  /** Says which image it is in, and fails the first time. */
  function project(image: string): void {
    const steps = [
      '{id: first, type: command, script: "cat /etc/which"}',
      '{id: second, type: command, script: "cat /etc/which; exit 3", dependencies: [first]}',
    ]
    sandbox.write('a.txt', sandbox.root)
    sandbox.write(
      '.wave/pipelines/x.yaml',
      `metadata: {name: x}\nsteps:\n  - ${steps.join('\n  - ')}\n`,
    )
    sandbox.write('../home/config.yaml', JSON.stringify({ sandbox: { image } }))
    sandbox.initGit()
  }

  test('SB-27 a moved tag moves nothing: a run goes on in its image and says so; without that image it must be forced to', async () => {
    await using after = await imageOf('after')
    const tag = 'wave-test-image:moved'
    try {
      {
        await using before = await imageOf(`before ${sandbox.root}`)
        await tagAs(before.name, tag)
        project(tag)
        expect(await wave('run', 'x')).toMatchObject({ exitCode: 1 })
        await tagAs(after.name, tag)
        const { exitCode, stderr } = await wave('resume')
        expect(exitCode).toBe(1)
        expect(stderr).toContain('warning: The image of the sandbox is another one now')
        expect(outputs(sandbox)).toEqual([`before ${sandbox.root}`, `before ${sandbox.root}`])
      }
      await removeVolumes(sandbox)
      const events = journal(sandbox).length
      const { exitCode, stderr } = await wave('resume')
      expect(exitCode).toBe(4)
      expect(stderr).toMatch(/error\[image-missing\][^]*hint: .*--force/)
      expect(journal(sandbox)).toHaveLength(events)
      expect(await wave('resume', '--force')).toMatchObject({ exitCode: 1 })
      expect(outputs(sandbox).at(-1)).toBe('after')
      // A new run takes the new one.
      await wave('run', 'x')
      expect(outputs(sandbox)).toEqual(['after'])
    } finally {
      await engine?.docker.getImage(tag).remove()
    }
  }, 60_000)

  /** A run in the middle of a step that takes its time. */
  async function startStep(seconds: number) {
    const steps = [
      '{id: first, type: command, script: "echo first"}',
      `{id: second, type: command, dependencies: [first], script: "sleep ${seconds}; echo end"}`,
    ]
    sandbox.write('a.txt', sandbox.root)
    sandbox.write(
      '.wave/pipelines/x.yaml',
      `metadata: {name: x}\nsteps:\n  - ${steps.join('\n  - ')}\n`,
    )
    sandbox.initGit()
    const child = sandbox.start(['run', 'x'], { env: DOCKER })
    const ended = resultOf(child)
    await vi.waitUntil(() => hasStarted(sandbox, 'second'), { timeout: 20_000, interval: 20 })
    return { child, ended }
  }

  test('SB-24 a run whose process was killed in the middle of a step leaves no container, and goes on to its end', async () => {
    const { child, ended } = await startStep(2)
    child.kill('SIGKILL')
    await ended
    const { exitCode } = await wave('resume')
    expect(exitCode).toBe(0)
    const started = journal(sandbox).flatMap((event) =>
      event.type === 'step-started' ? [`${event.step} ${event.attempt}`] : [],
    )
    expect(started).toEqual(['first 1', 'second 1', 'second 2'])
    expect(await containers(sandbox)).toEqual([])
  })

  test('a run of another process that is cancelled leaves no container, and a whole journal', async () => {
    const { ended } = await startStep(60)
    expect(await wave('cancel', 'last')).toMatchObject({ exitCode: 0 })
    expect((await ended).exitCode).toBe(130)
    expect(journal(sandbox).at(-1)).toMatchObject({ type: 'run-finished', outcome: 'cancelled' })
    expect(await containers(sandbox)).toEqual([])
  })
})

/** Nothing runs to make it: that is quick. */
function imageOf(text: string): Promise<BuiltImage> {
  return buildImage('FROM wave-sandbox:1\nCOPY which /etc/which\n', { which: `${text}\n` })
}

async function tagAs(name: string, tag: string): Promise<void> {
  const [repo = '', version = ''] = tag.split(':')
  await engine?.docker.getImage(name).tag({ repo, tag: version })
}

function newest(sandbox: Sandbox): string {
  const runs = join(sandbox.project, '.wave/runs')
  const ids = readdirSync(runs).filter((name) => /^\d/.test(name))
  return join(runs, ids.toSorted().at(-1) ?? '')
}

function journal(sandbox: Sandbox): readonly RunEvent[] {
  return readFileSync(join(newest(sandbox), 'journal.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): RunEvent => JSON.parse(line.slice(9)))
}

function hasStarted(sandbox: Sandbox, step: string): boolean {
  try {
    return journal(sandbox).some((event) => event.type === 'step-started' && event.step === step)
  } catch {
    return false
  }
}

/** What the failed steps printed, in order. */
function outputs(sandbox: Sandbox): readonly string[] {
  return journal(sandbox).flatMap((event) =>
    event.type === 'step-failed' && event.failure.reason === 'command-failed'
      ? [event.failure.output.trim()]
      : [],
  )
}

function labelled(sandbox: Sandbox) {
  const install = readFileSync(join(sandbox.home, 'data/install-id'), 'utf8').trim()
  return { filters: { label: [`dev.wave.install=${install}`] } }
}

async function containers(sandbox: Sandbox): Promise<readonly string[]> {
  const found = await engine?.docker.listContainers({ all: true, ...labelled(sandbox) })
  return (found ?? []).flatMap(({ Names }) => Names)
}

async function removeVolumes(sandbox: Sandbox): Promise<void> {
  const found = await engine?.docker.listVolumes(labelled(sandbox))
  for (const { Name } of found?.Volumes ?? []) await engine?.docker.getVolume(Name).remove()
}
