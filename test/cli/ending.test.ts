/** How runs are ended before their time: signals, terminals and pipes that close, `wave cancel`; and that they go on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { RunEvent } from '../../packages/core/src/index.ts'
import { openRunFolder, systemClock } from '../../packages/core/src/index.ts'
import { EVERY_EVENT } from '../../packages/cli/src/testing/every-event.ts'
import { SILENCE } from '../acceptance/support/chat-server.ts'
import { type Aimock, AIMOCK_KEY_VARIABLE, startAimock } from '../support/aimock.ts'
import { CHAT_ENV } from '../support/chat-project.ts'
import { type CliResult, LAUNCHER, resultOf, Sandbox } from '../support/cli.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { FlowScene } from '../support/flow-scene.ts'

// Whole runs, several in a row.
vi.setConfig({ testTimeout: 120_000 })

const waitFor = (isThere: () => boolean | Promise<boolean>): Promise<boolean> =>
  vi.waitUntil(isThere, { timeout: 60_000, interval: 20 })

/** Two steps; the second gets no answer the first time. */
const openScene = (): Promise<FlowScene> =>
  FlowScene.open([{ name: 'one' }, { name: 'two' }], (step, seen) =>
    step === 'two' && seen === 0 ? SILENCE : `Result of ${step}`,
  )

/** It is whole, says so, and goes on: nothing is asked twice but what had no answer. */
async function expectToGoOn(scene: FlowScene): Promise<void> {
  expect(scene.events().at(-1)).toMatchObject({ type: 'run-finished', outcome: 'cancelled' })
  expect(await scene.wave(['verify', 'last'])).toMatchObject({ exitCode: 0 })
  expect(await scene.wave(['resume'])).toMatchObject({ exitCode: 0 })
  expect(scene.asked).toEqual(['one', 'two', 'two'])
}

test('SIGTERM ends a run as cancelled, with its exit code', async () => {
  await using scene = await openScene()
  const { child, ended } = await scene.startUntil(2)
  child.kill('SIGTERM')
  expect(await ended).toMatchObject({ exitCode: 143 })
  await expectToGoOn(scene)
})

test('a terminal that is closed ends the run as cancelled', async () => {
  await using scene = await openScene()
  const terminal = spawn('script', ['-qec', `"${LAUNCHER}" run flow`, '/dev/null'], {
    cwd: scene.sandbox.project,
    env: scene.sandbox.env(CHAT_ENV),
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  await waitFor(() => scene.server.requests.length >= 2)
  terminal.kill('SIGKILL')
  await waitFor(() => scene.events().at(-1)?.type === 'run-finished')
  await waitFor(async () => (await scene.wave(['status', 'last'])).stdout.includes('cancelled'))
  expect(scene.asked).toEqual(['one', 'two'])
  await expectToGoOn(scene)
})

/** `wave` as a part of a line of shell; `ended` is what the shell printed of its exit code. */
async function inShell(scene: FlowScene, line: string) {
  const child = spawn('sh', ['-c', line], {
    cwd: scene.sandbox.project,
    env: scene.sandbox.env({ ...CHAT_ENV, WAVE: LAUNCHER }),
  })
  const { stdout, stderr } = await resultOf(child)
  return { lines: stdout.trimEnd().split('\n').length, ended: /ended (\d+)/u.exec(stderr)?.[1] }
}

test.each([
  ['standard output', '{ "$WAVE" run flow; echo "ended $?" >&2; } | head -n 1'],
  ['standard error', '{ "$WAVE" run flow 2>&1 >&3; echo "ended $?" >&4; } 3>&1 4>&2 | true'],
  ['both, from the start', '"$WAVE" run flow >&- 2>&-; echo "ended $?" >&2'],
])('a reader of %s that leaves ends the printing, not the run', async (_, line) => {
  await using scene = await FlowScene.open([{ name: 'one' }, { name: 'two' }])
  expect((await inShell(scene, line)).ended).toBe('0')
  expect(scene.events().at(-1)).toMatchObject({ type: 'run-finished', outcome: 'completed' })
})

test('following ends with the next record when nobody reads it any more', async () => {
  using sandbox = new Sandbox()
  using run = openRunFolder(join(sandbox.project, '.wave/runs'), 'r1', systemClock)
  run.journal.append(EVERY_EVENT['run-started'])
  run.journal.append(EVERY_EVENT.warning)
  const line = `{ "${LAUNCHER}" logs r1 --follow; echo "ended $?" >&2; } | head -n 1`
  const child = spawn('sh', ['-c', line], { cwd: sandbox.project, env: sandbox.env({}) })
  const ended = resultOf(child)
  await once(child.stdout, 'data')
  // Whether a pipe has a reader shows only when something is written to it.
  const records = setInterval(() => run.journal.append(EVERY_EVENT.warning), 100)
  const result = await ended
  clearInterval(records)
  expect(result).toMatchObject({ exitCode: 0, stderr: 'ended 0\n' })
})

test('a run that was resumed is cancelled like any other; cancelling it again changes nothing', async () => {
  await using scene = await FlowScene.open([{ name: 'one' }, { name: 'two' }], (step, seen) =>
    step === 'two' && seen < 2 ? SILENCE : `Result of ${step}`,
  )
  const first = await scene.startUntil(2)
  first.child.kill('SIGKILL')
  await first.ended
  const second = await scene.startUntil(3, ['resume'])
  expect(await scene.wave(['cancel', 'last'])).toMatchObject({ exitCode: 0 })
  expect(await second.ended).toMatchObject({ exitCode: 130 })
  const before = scene.sandbox.fingerprint()
  const again = await scene.wave(['cancel', 'last'])
  expect(again).toMatchObject({ exitCode: 0 })
  expect(again.stdout).toContain('had ended already: cancelled')
  expect(scene.sandbox.fingerprint()).toEqual(before)
  expect(await scene.wave(['resume'])).toMatchObject({ exitCode: 0 })
  expect(scene.asked).toEqual(['one', 'two', 'two', 'two'])
})

test('two that cancel one run at once both see it ended', async () => {
  await using scene = await openScene()
  const { ended } = await scene.startUntil(2)
  const both = await Promise.all([scene.wave(['cancel', 'last']), scene.wave(['cancel', 'last'])])
  expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0])
  expect(await ended).toMatchObject({ exitCode: 130 })
  await expectToGoOn(scene)
})

test('a run that waits at a timer is cancelled, and goes on to wait', async () => {
  using sandbox = new Sandbox()
  sandbox.write('.wave/pipelines/slow.yaml', SLOW)
  sandbox.initGit()
  const child = sandbox.start(['run', 'slow', 'x'])
  const ended = resultOf(child)
  await waitFor(() => lastEvents(sandbox).some(({ type }) => type === 'step-started'))
  expect(await sandbox.wave(['cancel', 'last'])).toMatchObject({ exitCode: 0 })
  expect(await ended).toMatchObject({ exitCode: 130 })
  expect(lastEvents(sandbox).at(-1)).toMatchObject({ outcome: 'cancelled' })
  expect(await sandbox.wave(['resume'])).toMatchObject({ exitCode: 0 })
})

const SLOW = `metadata: {name: slow}
steps:
  - {id: nap, gate: {type: timer, timeout: 4s}}
`

function lastEvents(sandbox: Sandbox): readonly RunEvent[] {
  try {
    const runs = join(sandbox.project, '.wave/runs')
    const run = readdirSync(runs)
      .filter((name) => /^\d/u.test(name))
      .toSorted()
      .at(-1)
    const lines = readFileSync(join(runs, run ?? '', 'journal.jsonl'), 'utf8').split('\n')
    return lines.slice(0, -1).map((line): RunEvent => JSON.parse(line.slice(9)))
  } catch {
    return []
  }
}

test('a run that came with a repository is not cancelled, and left as it is', async () => {
  await using scene = await openScene()
  const { child, ended } = await scene.startUntil(2)
  child.kill('SIGKILL')
  await ended
  using other = new Sandbox()
  cpSync(scene.runs, join(other.project, '.wave/runs'), { recursive: true })
  other.initGit()
  const before = other.fingerprint()
  const strange = await other.wave(['cancel', 'last'])
  expect(strange).toMatchObject({ exitCode: 2, stdout: '' })
  expect(strange.stderr).toMatch(/error\[run-unknown\][^]*hint: /u)
  expect(other.fingerprint()).toEqual(before)
})

test('before a run exists there is nothing to cancel; a signal ends the preflight', async () => {
  using sandbox = new Sandbox()
  sandbox.write('.wave/pipelines/checked.yaml', CHECKED)
  sandbox.initGit()
  await using silent = await listen(join(sandbox.root, 'no-engine.sock'))
  const child = sandbox.start(['run', 'checked', 'x'])
  const ended = resultOf(child)
  await silent.asked
  expect(await sandbox.wave(['cancel', 'last'])).toMatchObject({ exitCode: 2 })
  child.kill('SIGINT')
  expect(await ended).toMatchObject({ exitCode: 130 })
})

const CHECKED = `metadata: {name: checked}
steps:
  - {id: list, type: command, script: ls, workspace: {mount: [{source: ./}]}}
`

/** An engine that takes every connection and says nothing. */
async function listen(path: string) {
  const asked = Promise.withResolvers<void>()
  const server = createServer(() => asked.resolve()).listen(path)
  await once(server, 'listening')
  return {
    asked: asked.promise,
    [Symbol.asyncDispose]: async () => {
      server.close()
    },
  }
}

/** A run whose only step is in a command that does not end by itself, the first time. */
class BusyRun implements AsyncDisposable {
  readonly sandbox = new Sandbox()
  readonly #aimock: Aimock

  private constructor(aimock: Aimock) {
    this.#aimock = aimock
  }

  /** Going on runs the command again: its reply is paid for, and used again. */
  static async open(seconds = 600): Promise<BusyRun> {
    const command = `trap "" TERM INT; sleep ${seconds}`
    const aimock = await startAimock([
      {
        submits: 'fix',
        turns: [
          { calls: [{ tool: 'bash', input: { command, why: 'So.' } }] },
          { calls: [{ tool: 'submit', input: { fix: 'Done.' } }] },
        ],
      },
    ])
    const run = new BusyRun(aimock)
    run.sandbox.write('.wave/pipelines/busy.yaml', BUSY)
    run.sandbox.write('src/orders.js', 'export const limit = 10\n')
    run.sandbox.initGit()
    run.sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
    return run
  }

  get #env(): Record<string, string> {
    const host = process.env['DOCKER_HOST']
    return { [AIMOCK_KEY_VARIABLE]: 'any', ...(host !== undefined && { DOCKER_HOST: host }) }
  }

  wave(...args: readonly string[]): Promise<CliResult> {
    return this.sandbox.wave(args, { env: this.#env })
  }

  /** Comes back while the command runs. */
  async start(): Promise<{ readonly child: ChildProcess; readonly ended: Promise<CliResult> }> {
    const child = this.sandbox.start(['run', 'busy'], { env: this.#env })
    const ended = resultOf(child)
    await waitFor(() => lastEvents(this.sandbox).some(({ type }) => type === 'tool-call'))
    return { child, ended }
  }

  /** What is not as it should be after the end: on the engine, in the journal. */
  async problems(): Promise<readonly string[]> {
    const last = lastEvents(this.sandbox).at(-1)
    const isCancelled = last?.type === 'run-finished' && last.outcome === 'cancelled'
    const endMs = performance.now() + 5000
    let left = await this.#left()
    while (left.length > 0 && performance.now() < endMs) left = await this.#left()
    const { exitCode, stdout } = await this.wave('verify', 'last')
    return [
      ...left,
      ...(isCancelled ? [] : [`The last event is ${JSON.stringify(last)}.`]),
      ...(exitCode === 0 ? [] : [stdout]),
    ]
  }

  async #left(): Promise<readonly string[]> {
    const install = readFileSync(join(this.sandbox.home, 'data/install-id'), 'utf8').trim()
    const filters = { label: [`dev.wave.install=${install}`] }
    const containers = await engine?.docker.listContainers({ all: true, filters })
    const volumes = await engine?.docker.listVolumes({ filters })
    return [
      ...(containers ?? []).flatMap(({ Names: names }) => names),
      ...(volumes?.Volumes ?? []).map(({ Name: name }) => name),
    ].filter((name) => !name.startsWith('wave-src-'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const install = readFileSync(join(this.sandbox.home, 'data/install-id'), 'utf8').trim()
    const filters = { label: [`dev.wave.install=${install}`] }
    const { Volumes: volumes = [] } = (await engine?.docker.listVolumes({ filters })) ?? {}
    await Promise.all(
      volumes.map(async ({ Name: name }) => await engine?.docker.getVolume(name).remove()),
    )
    await this.#aimock[Symbol.asyncDispose]()
    this.sandbox[Symbol.dispose]()
  }
}

const BUSY = `metadata: {name: busy}
steps:
  - id: work
    persona: craftsman
    exec: {source: Work}
    workspace: {mount: [{source: ./, target: /src, mode: readwrite}]}
    output_artifacts: [{name: fix, path: output/fix.txt}]
`

describeDocker('a run whose step is in a command', () => {
  test('is ended by Ctrl-C: containers gone, journal whole, cancelled', async () => {
    await using run = await BusyRun.open()
    const { child, ended } = await run.start()
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ exitCode: 130 })
    expect(await run.problems()).toEqual([])
  })

  test('is left at once by a second Ctrl-C, can be cancelled then, and goes on', async () => {
    await using run = await BusyRun.open(5)
    const { child, ended } = await run.start()
    const told = child.stderr === null ? undefined : once(child.stderr, 'data')
    child.kill('SIGINT')
    await told
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ exitCode: 130 })
    expect(await run.wave('cancel', 'last')).toMatchObject({ exitCode: 0 })
    expect(await run.problems()).toEqual([])
    expect(await run.wave('resume')).toMatchObject({ exitCode: 0 })
  })

  test('is cancelled from elsewhere', async () => {
    await using run = await BusyRun.open()
    const { ended } = await run.start()
    expect(await run.wave('cancel', 'last')).toMatchObject({ exitCode: 0 })
    expect(await ended).toMatchObject({ exitCode: 130 })
    expect(await run.problems()).toEqual([])
  })
})
