/** How runs are ended before their time: signals, terminals and pipes that close, `wave cancel`; and that they go on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { RunEvent } from '../../packages/core/src/index.ts'
import { openRunFolder, systemClock } from '../../packages/core/src/index.ts'
import { EVERY_EVENT } from '../../packages/cli/src/testing/every-event.ts'
import { SILENCE } from '../acceptance/support/chat-server.ts'
import { type Aimock, AIMOCK_KEY_VARIABLE, startAimock } from '../support/aimock.ts'
import { CHAT_ENV, chatProject } from '../support/chat-project.ts'
import { type CliResult, LAUNCHER, resultOf, Sandbox } from '../support/cli.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { FlowScene } from '../support/flow-scene.ts'

// Whole runs, several in a row.
vi.setConfig({ testTimeout: 120_000 })

const waitFor = (isThere: () => boolean | Promise<boolean>): Promise<boolean> =>
  vi.waitUntil(isThere, { timeout: 60_000, interval: 20 })

/** Each test goes on with the one run where the test before left it, until the provider is asked, and says nothing. */
describe('a run that waits for a silent provider', () => {
  let scene: FlowScene
  let isSilent = true
  let starts = 0

  beforeAll(async () => {
    scene = await FlowScene.open([{ name: 'one' }, { name: 'two' }], (step) =>
      step === 'two' && isSilent ? SILENCE : `Result of ${step}`,
    )
  })
  afterAll(async () => await scene[Symbol.asyncDispose]())

  function nextStart(): { readonly asked: number; readonly args: readonly string[] } {
    starts += 1
    return { asked: starts + 1, args: starts === 1 ? ['run', 'flow'] : ['resume'] }
  }

  async function goOn(...options: readonly string[]) {
    const { asked, args } = nextStart()
    const { child, ended } = await scene.startUntil(asked, [...args, ...options])
    return { child, ended, run: scene.ids.at(-1) ?? '' }
  }

  const lastEvent = (): RunEvent | undefined => scene.events().at(-1)
  const cancelled = { type: 'run-finished', outcome: 'cancelled' }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)(
    '%s ends it as cancelled with exit code %i and a whole journal',
    async (signal, code) => {
      const before = starts === 0 ? 0 : scene.events().length
      const { child, ended, run } = await goOn('-o', 'json')
      child.kill(signal)
      const { exitCode, stdout } = await ended
      expect(exitCode).toBe(code)
      const events = eventsIn(stdout)
      expect(events[0]).toMatchObject({ type: before === 0 ? 'run-started' : 'run-resumed', run })
      expect(new Set(events.map((event) => 'run' in event && event.run))).toEqual(new Set([run]))
      expect(events.at(-1)).toMatchObject({ ...cancelled, exitCode: code })
      expect(scene.events()).toHaveLength(before + events.length)
    },
  )

  test('a second signal leaves at once', async () => {
    const { child, ended } = await goOn()
    child.kill('SIGINT')
    if (child.stderr) await once(child.stderr, 'data')
    child.kill('SIGINT')
    expect((await ended).exitCode).toBe(130)
  })

  test('a terminal that is closed ends it as cancelled', async () => {
    const { asked, args } = nextStart()
    const terminal = spawn('script', ['-qec', [LAUNCHER, ...args].join(' '), '/dev/null'], {
      cwd: scene.sandbox.project,
      env: scene.sandbox.env(CHAT_ENV),
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    await scene.wasAsked(asked)
    terminal.kill('SIGKILL')
    await waitFor(() => lastEvent()?.type === 'run-finished')
    expect(lastEvent()).toMatchObject(cancelled)
    await waitFor(async () => (await scene.wave(['status', 'last'])).stdout.includes('cancelled'))
  })

  test('another process does not resume it, and says which one works on it; two that cancel it at once both see it ended; cancelling again changes nothing', async () => {
    const { child, ended, run } = await goOn()
    const refused = await scene.wave(['resume'])
    expect(refused.exitCode).toBe(4)
    expect(refused.stderr).toMatch(new RegExp(`error\\[run-locked\\].*\\b${child.pid}\\b`, 'u'))
    const both = await Promise.all([scene.wave(['cancel', run]), scene.wave(['cancel', 'last'])])
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0])
    expect(both.map(({ stdout }) => stdout).join('')).toContain(`wave resume ${run}`)
    const stopped = await ended
    expect(stopped.exitCode).toBe(130)
    expect(stopped.stdout).toContain(`\nResume with: wave resume ${run}\n`)
    expect(lastEvent()).toMatchObject(cancelled)
    expect(scene.asked).toHaveLength(starts + 1)

    const before = scene.sandbox.fingerprint()
    const again = await scene.wave(['cancel', 'last'])
    expect(again).toMatchObject({ exitCode: 0 })
    expect(again.stdout).toContain('had ended already: cancelled')
    expect(scene.sandbox.fingerprint()).toEqual(before)
  })

  test('once its process is dead, cancelling records the end; a copy of it that came with a repository is neither cancelled nor resumed, and left as it is', async () => {
    const { child, ended, run } = await goOn()
    child.kill('SIGKILL')
    await ended

    using other = new Sandbox()
    chatProject(other, scene.server, [{ name: 'one' }, { name: 'two' }])
    cpSync(scene.runs, join(other.project, '.wave/runs'), { recursive: true })
    const before = other.fingerprint()
    const strange = [
      await other.wave(['cancel', 'last']),
      await other.wave(['resume'], { env: CHAT_ENV }),
      // Nor where the same run is the user's own, but elsewhere.
      await scene.sandbox.wave(['resume'], { env: CHAT_ENV, cwd: other.project }),
    ]
    for (const { exitCode, stdout, stderr } of strange) {
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
      expect(stderr).toMatch(/error\[run-unknown\][^]*hint: /u)
    }
    expect(other.fingerprint()).toEqual(before)
    expect(scene.asked).toHaveLength(starts + 1)

    const { exitCode, stdout } = await scene.wave(['cancel', 'last', '--json'])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ v: 1, run, status: 'marked' })
    expect(lastEvent()).toMatchObject(cancelled)
  })

  test('--timeout ends it, as long as it was under way altogether', async () => {
    const last = lastEvent()
    const usedMs = last?.type === 'run-finished' ? last.durationMs : 0
    const { ended } = await goOn('--timeout', `${Math.ceil(usedMs / 1000) + 2}s`)
    expect(await ended).toMatchObject({ exitCode: 5 })
    expect(lastEvent()).toMatchObject({ type: 'run-finished', outcome: 'failed', exitCode: 5 })
  })

  test('after all of that it is whole, and goes on: nothing is asked twice but what had no answer', async () => {
    isSilent = false
    expect(await scene.wave(['verify', 'last'])).toMatchObject({ exitCode: 0 })
    expect(await scene.wave(['resume'])).toMatchObject({ exitCode: 0 })
    expect(scene.asked.filter((step) => step === 'one')).toHaveLength(1)
    expect(scene.asked.length - starts).toBeOneOf([1, 2])
    expect(lastEvent()).toMatchObject({ type: 'run-finished', outcome: 'completed' })
  })
})

/** What `-o json` printed. */
function eventsIn(stdout: string): readonly RunEvent[] {
  const lines = stdout.trimEnd().split('\n')
  return lines.map((line): RunEvent => JSON.parse(line))
}

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
  await using scene = await FlowScene.open([{ name: 'one' }])
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

test('a run that waits at a timer is cancelled, and goes on to wait', async () => {
  using sandbox = new Sandbox()
  sandbox.write('.wave/pipelines/slow.yaml', SLOW)
  sandbox.initGit()
  const child = sandbox.start(['run', 'slow', 'x'])
  const ended = resultOf(child)
  await waitFor(() => lastEvents(sandbox).some(({ type }) => type === 'step-started'))
  // At once, as `wave cancel` would: the timer does not wait for another process to start.
  child.kill('SIGINT')
  expect(await ended).toMatchObject({ exitCode: 130 })
  expect(lastEvents(sandbox).at(-1)).toMatchObject({ outcome: 'cancelled' })
  expect(await sandbox.wave(['resume'])).toMatchObject({ exitCode: 0 })
  expect(lastEvents(sandbox).findLast(({ type }) => type === 'gate-answered')).toMatchObject({
    by: 'timeout',
  })
})

const SLOW = `metadata: {name: slow}
steps:
  - {id: nap, gate: {type: timer, timeout: 3s}}
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

test('before a run exists there is nothing to cancel; a signal ends the preflight', async () => {
  using sandbox = new Sandbox()
  sandbox.write('.wave/pipelines/checked.yaml', CHECKED)
  sandbox.initGit()
  await using silent = await listen(join(sandbox.root, 'no-engine.sock'))
  const child = sandbox.start(['run', 'checked', 'x'])
  const ended = resultOf(child)
  await silent.asked
  expect(await sandbox.wave(['cancel', 'last'])).toMatchObject({ exitCode: 2 })
  const told = child.stderr === null ? undefined : once(child.stderr, 'data')
  child.kill('SIGINT')
  await told
  silent.hangUp()
  expect(await ended).toMatchObject({ exitCode: 130 })
})

const CHECKED = `metadata: {name: checked}
steps:
  - {id: list, type: command, script: ls, workspace: {mount: [{source: ./}]}}
`

/** An engine that takes every connection and says nothing. */
async function listen(path: string) {
  const asked = Promise.withResolvers<void>()
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    asked.resolve()
  }).listen(path)
  await once(server, 'listening')
  return {
    asked: asked.promise,
    /** Nobody needs to wait until its silence is taken for its absence. */
    hangUp: () => {
      for (const socket of sockets) socket.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
    },
  }
}

/** A run whose only step is in a command that does not end by itself. */
class BusyRun implements AsyncDisposable {
  readonly sandbox = new Sandbox()
  readonly #aimock: Aimock

  private constructor(aimock: Aimock) {
    this.#aimock = aimock
  }

  /** Going on runs the command again: its reply is paid for, and used again. */
  static async open(): Promise<BusyRun> {
    const command = 'trap "" TERM INT; until [ -e /tmp/enough ]; do sleep 0.2; done'
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

  /** Begins, or goes on. Comes back while the command runs. */
  async start(): Promise<{ readonly child: ChildProcess; readonly ended: Promise<CliResult> }> {
    const calls = this.#calls
    const args = calls === 0 ? ['run', 'busy'] : ['resume']
    const child = this.sandbox.start(args, { env: this.#env })
    const ended = resultOf(child)
    await waitFor(() => this.#calls > calls)
    return { child, ended }
  }

  get #calls(): number {
    return lastEvents(this.sandbox).filter(({ type }) => type === 'tool-call').length
  }

  /** Goes on, and lets the command come to its end. */
  async finish(): Promise<CliResult> {
    const { ended } = await this.start()
    let result: CliResult | undefined
    void ended.then((its) => (result = its))
    // It may be a moment until the command has a container.
    const look = async (): Promise<boolean> => {
      if (result === undefined) await this.#endCommand()
      return result !== undefined
    }
    await vi.waitUntil(look, { timeout: 60_000, interval: 200 })
    return await ended
  }

  async #endCommand(): Promise<void> {
    const containers = (await engine?.docker.listContainers(this.#own)) ?? []
    for (const { Id: id } of containers) {
      try {
        const exec = await engine?.docker.getContainer(id).exec({ Cmd: ['touch', '/tmp/enough'] })
        await exec?.start({ Detach: true })
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** What is not as it should be after the end: on the engine, in the journal. */
  async problems(): Promise<readonly string[]> {
    const last = lastEvents(this.sandbox).at(-1)
    const isCancelled = last?.type === 'run-finished' && last.outcome === 'cancelled'
    const endMs = performance.now() + 5000
    let left = await this.#left()
    while (left.length > 0 && performance.now() < endMs) left = await this.#left()
    return [...left, ...(isCancelled ? [] : [`The last event is ${JSON.stringify(last)}.`])]
  }

  async #left(): Promise<readonly string[]> {
    const containers = await engine?.docker.listContainers({ all: true, ...this.#own })
    const volumes = await engine?.docker.listVolumes(this.#own)
    return [
      ...(containers ?? []).flatMap(({ Names: names }) => names),
      ...(volumes?.Volumes ?? []).map(({ Name: name }) => name),
    ].filter((name) => !name.startsWith('wave-src-'))
  }

  get #own(): { readonly filters: { readonly label: string[] } } {
    const install = readFileSync(join(this.sandbox.home, 'data/install-id'), 'utf8').trim()
    return { filters: { label: [`dev.wave.install=${install}`] } }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { Volumes: volumes = [] } = (await engine?.docker.listVolumes(this.#own)) ?? {}
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

/** Each test goes on where the one before ended the run. */
describeDocker('a run whose step is in a command', () => {
  let run: BusyRun
  beforeAll(async () => {
    run = await BusyRun.open()
  })
  afterAll(async () => await run[Symbol.asyncDispose]())

  test('is ended by Ctrl-C: containers gone, cancelled', async () => {
    const { child, ended } = await run.start()
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ exitCode: 130 })
    expect(await run.problems()).toEqual([])
  })

  test('is cancelled from elsewhere', async () => {
    const { ended } = await run.start()
    expect(await run.wave('cancel', 'last')).toMatchObject({ exitCode: 0 })
    expect(await ended).toMatchObject({ exitCode: 130 })
    expect(await run.problems()).toEqual([])
  })

  test('is left at once by a second Ctrl-C, and can be cancelled then', async () => {
    const { child, ended } = await run.start()
    const told = child.stderr === null ? undefined : once(child.stderr, 'data')
    child.kill('SIGINT')
    await told
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ exitCode: 130 })
    expect(await run.wave('cancel', 'last')).toMatchObject({ exitCode: 0 })
    expect(await run.problems()).toEqual([])
  })

  test('goes on after all of that, with a whole journal', async () => {
    expect(await run.wave('verify', 'last')).toMatchObject({ exitCode: 0 })
    expect(await run.finish()).toMatchObject({ exitCode: 0 })
  })
})
