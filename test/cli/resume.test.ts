/** `wave resume` and `wave cancel`, from outside. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import type { RunEvent } from '../../packages/core/src/index.ts'
import { SILENCE, startChat } from '../acceptance/support/chat-server.ts'
import type { ChatReply, ChatRequest, ChatServer } from '../acceptance/support/chat-server.ts'
import { AIMOCK_KEY_VARIABLE, startAimock } from '../support/aimock.ts'
import { CHAT_ENV, chatConfig, chatProject, flowOf } from '../support/chat-project.ts'
import { resultOf, Sandbox } from '../support/cli.ts'
import type { CliResult } from '../support/cli.ts'

const NAMES = ['one', 'two', 'three', 'four']
const STEPS = NAMES.map((name) => ({ name }))
const TIMED = NAMES.map((name) => ({ name, run: `Do ${name}, at {{execution.timestamp}}.` }))

/** A project, its provider, and `wave` in it. */
class Scene implements AsyncDisposable {
  readonly sandbox = new Sandbox()
  readonly server: ChatServer

  constructor(server: ChatServer, steps: Parameters<typeof chatProject>[2] = STEPS) {
    this.server = server
    chatProject(this.sandbox, server, steps)
  }

  wave(...args: readonly string[]): Promise<CliResult> {
    return this.sandbox.wave(args, { env: CHAT_ENV })
  }

  /** Starts a run and leaves it once the provider was asked so often. */
  async startUntil(requests: number, args: readonly string[] = ['run', 'flow']) {
    const child = this.sandbox.start(args, { env: CHAT_ENV })
    const ended = resultOf(child)
    await vi.waitUntil(() => this.server.requests.length >= requests, {
      timeout: 20_000,
      interval: 20,
    })
    return { child, ended }
  }

  get runs(): string {
    return join(this.sandbox.project, '.wave/runs')
  }

  get run(): string {
    return (
      readdirSync(this.runs)
        .filter((name) => /^\d/.test(name))
        .toSorted()
        .at(-1) ?? ''
    )
  }

  events(run = this.run): readonly RunEvent[] {
    return readFileSync(join(this.runs, run, 'journal.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line): RunEvent => JSON.parse(line.slice(9)))
  }

  /** How often the provider was asked for each step. */
  get asked(): Readonly<Record<string, number>> {
    const steps = this.server.requests.map(({ text }) => stepOf(text))
    return Object.fromEntries(
      steps.map((step) => [step, steps.filter((one) => one === step).length]),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sandbox[Symbol.dispose]()
    await this.server[Symbol.asyncDispose]()
  }
}

function stepOf(text: string): string {
  return /Do (\w+)/u.exec(text)?.[1] ?? ''
}

/** Answers each step; `first` says what happens the first time that a step asks. */
function answering(first: Readonly<Record<string, ChatReply>> = {}) {
  const seen = new Set<string>()
  return ({ text }: ChatRequest): ChatReply => {
    const step = stepOf(text)
    const reply = seen.has(step) ? undefined : first[step]
    seen.add(step)
    return reply ?? `Result of ${step}`
  }
}

const openScene = async (
  first: Readonly<Record<string, ChatReply>> = {},
  steps: Parameters<typeof chatProject>[2] = STEPS,
): Promise<Scene> => new Scene(await startChat(answering(first)), steps)

function results(events: readonly RunEvent[]) {
  return events.flatMap((event) =>
    event.type === 'step-succeeded'
      ? [[event.step, event.artifacts.map(({ name, digest }) => `${name} ${digest}`)]]
      : [],
  )
}

describe('a run that was killed', () => {
  test('goes on where it was: what is done is not asked again, and the results are the same', async () => {
    await using whole = await openScene()
    expect(await whole.wave('run', 'flow')).toMatchObject({ exitCode: 0 })
    await using scene = await openScene({ three: SILENCE })
    const { child, ended } = await scene.startUntil(3)
    child.kill('SIGKILL')
    await ended
    const { exitCode, stdout, stderr } = await scene.wave('resume')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toContain('Pipeline flow completed')
    expect(scene.asked).toEqual({ one: 1, two: 1, three: 2, four: 1 })
    expect(results(scene.events())).toEqual(results(whole.events()))
  })

  test('twice goes on twice, by a part of its id', async () => {
    await using scene = await openScene({ two: SILENCE, four: SILENCE })
    const first = await scene.startUntil(2)
    first.child.kill('SIGKILL')
    await first.ended
    const second = await scene.startUntil(5, ['resume', scene.run.slice(0, -2)])
    second.child.kill('SIGKILL')
    await second.ended
    expect(await scene.wave('resume', '--last')).toMatchObject({ exitCode: 0 })
    expect(scene.asked).toEqual({ one: 1, two: 2, three: 1, four: 2 })
  })

  test('that has a torn last record goes on all the same', async () => {
    await using scene = await openScene({ two: SILENCE })
    const { child, ended } = await scene.startUntil(2)
    child.kill('SIGKILL')
    await ended
    scene.sandbox.write(
      `.wave/runs/${scene.run}/journal.jsonl`,
      readFileSync(join(scene.runs, scene.run, 'journal.jsonl')).subarray(0, -7),
    )
    expect(await scene.wave('resume')).toMatchObject({ exitCode: 0 })
    expect(existsSync(join(scene.runs, scene.run, 'journal.torn-1'))).toBe(true)
  })

  test('point 27 of the second dialect: steps one and two are not called again; point 13: one timestamp before and after', async () => {
    await using scene = await openScene({ three: SILENCE }, TIMED)
    const { child, ended } = await scene.startUntil(3)
    child.kill('SIGKILL')
    await ended
    expect(await scene.wave('resume')).toMatchObject({ exitCode: 0 })
    expect(scene.asked).toEqual({ one: 1, two: 1, three: 2, four: 1 })
    const prompts = scene.server.requests.map(({ text }) => text).join('\n')
    const times = prompts.match(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/gu) ?? []
    expect(times).toHaveLength(5)
    expect(new Set(times).size).toBe(1)
  })
})

describe('a run that ended', () => {
  test('as failed says how to go on, and does once the cause is gone', async () => {
    await using scene = await openScene({ two: 400 })
    const failed = await scene.wave('run', 'flow')
    expect(failed.exitCode).toBe(7)
    expect(failed.stdout).toContain(`\nResume with: wave resume ${scene.run}\n`)
    const { exitCode, stdout } = await scene.wave('resume')
    expect(exitCode).toBe(0)
    expect(stdout).not.toContain('failed')
    expect(scene.asked).toEqual({ one: 1, two: 2, three: 1, four: 1 })
  })

  test('as completed has nothing to resume, unless a step is named', async () => {
    await using scene = await openScene()
    await scene.wave('run', 'flow')
    const before = scene.events().length
    const { exitCode, stdout } = await scene.wave('resume')
    expect(exitCode).toBe(0)
    expect(stdout).toBe(`Run ${scene.run} has completed: there is nothing to resume.\n`)
    expect(scene.events()).toHaveLength(before)
    expect(await scene.wave('resume', '--from-step', 'three')).toMatchObject({ exitCode: 0 })
    expect(scene.asked).toEqual({ one: 1, two: 1, three: 2, four: 2 })
    const unknown = await scene.wave('resume', '--from-step', 'thre')
    expect(unknown.exitCode).toBe(2)
    expect(unknown.stderr).toContain('three')
  })

  test('without a model goes on without one, also where one is configured now', async () => {
    await using scene = await openScene()
    const { sandbox } = scene
    const args = ['run', 'incident-response', 'It is slow', '--provider', 'evidence']
    expect([0, 3]).toContain((await sandbox.wave(args)).exitCode)
    const { exitCode, stderr } = await scene.wave('resume', '--from-step', 'postmortem')
    expect([0, 3]).toContain(exitCode)
    expect(stderr).toBe('')
    const again = scene.events().filter(({ type }) => type === 'step-started')
    expect(again.map((event) => 'step' in event && event.step).slice(-2)).toEqual([
      'postmortem',
      'postmortem',
    ])
    expect(scene.server.requests).toEqual([])
  })

  test('as stopped by Ctrl-C says how to go on, and goes on', async () => {
    await using scene = await openScene({ two: SILENCE })
    const { child, ended } = await scene.startUntil(2)
    child.kill('SIGINT')
    const stopped = await ended
    expect(stopped.exitCode).toBe(130)
    expect(stopped.stdout).toContain(`\nResume with: wave resume ${scene.run}\n`)
    const resumed = await scene.wave('resume', '-o', 'json')
    expect(resumed.exitCode).toBe(0)
    const events = resumed.stdout
      .trimEnd()
      .split('\n')
      .map((line): RunEvent => JSON.parse(line))
    expect(events[0]).toMatchObject({ type: 'run-resumed', run: scene.run })
    expect(new Set(events.map((event) => 'run' in event && event.run))).toEqual(
      new Set([scene.run]),
    )
    expect(scene.asked).toEqual({ one: 1, two: 2, three: 1, four: 1 })
  })

  test('as suspended takes an answer', async () => {
    using sandbox = new Sandbox()
    await using aimock = await startAimock([
      { submits: 'fix', turns: [{ calls: [{ tool: 'submit', input: { fix: 'done' } }] }] },
    ])
    sandbox.write(
      '.wave/pipelines/x.yaml',
      `metadata: {name: x}
steps:
  - {id: fix, persona: navigator, exec: {source: Fix}, output_artifacts: [{name: fix, path: output/fix.txt}]}
  - {id: sign-off, dependencies: [fix], gate: {type: approval, message: "Ship?"}}
`,
    )
    sandbox.initGit()
    sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
    const env = { [AIMOCK_KEY_VARIABLE]: 'any' }
    const waiting = await sandbox.wave(['run', 'x', '--sandbox', 'local'], { env })
    expect(waiting.exitCode).toBe(6)
    const [, next = ''] = /\nNext: wave (resume \S+ --answer sign-off=)/u.exec(waiting.stdout) ?? []
    const [, choice = ''] = /sign-off=(\w+)/u.exec(waiting.stdout) ?? []
    const { exitCode, stdout } = await sandbox.wave(`${next}${choice}`.split(' '), { env })
    expect(exitCode).toBe(0)
    expect(stdout).toContain('Pipeline x completed')
    expect(aimock.requests).toHaveLength(1)
  })
})

describe('what has changed meanwhile', () => {
  test('in .wave/ is told, and not used', async () => {
    await using scene = await openScene({ two: 400 })
    await scene.wave('run', 'flow')
    scene.sandbox.write('.wave/pipelines/flow.yaml', flowOf([{ name: 'other' }]))
    scene.sandbox.write('.wave/config.yaml', 'this: [is: broken')
    const { exitCode, stderr } = await scene.wave('resume')
    expect(exitCode).toBe(0)
    expect(stderr).toContain('warning: .wave/pipelines/flow.yaml was changed since')
    expect(stderr).toContain('warning: .wave/config.yaml was changed since')
    expect(scene.asked).toEqual({ one: 1, two: 2, three: 1, four: 1 })
  })

  test('in the project is told, and steps see what there was', async () => {
    using sandbox = new Sandbox()
    let healed = false
    await using aimock = await startAimock([
      {
        submits: 'note',
        turns: [
          () =>
            healed
              ? { calls: [{ tool: 'read', input: { path: 'src/orders.js' } }] }
              : { status: 400, message: 'not now' },
          (seen) => ({ calls: [{ tool: 'submit', input: { note: seen.join('\n') } }] }),
        ],
      },
    ])
    sandbox.write(
      '.wave/pipelines/x.yaml',
      'metadata: {name: x}\nsteps:\n  - {id: look, persona: navigator, exec: {source: Look}, workspace: {mount: [{source: ./}]}, output_artifacts: [{name: note, path: output/note.md}]}\n',
    )
    sandbox.write('src/orders.js', 'export const limit = 10\n')
    sandbox.initGit()
    sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
    const env = { [AIMOCK_KEY_VARIABLE]: 'any' }
    expect(await sandbox.wave(['run', 'x', '--sandbox', 'local'], { env })).toMatchObject({
      exitCode: 7,
    })
    healed = true
    sandbox.write('src/orders.js', 'export const limit = 99\n')
    sandbox.commit('Change')
    const { exitCode, stderr } = await sandbox.wave(['resume'], { env })
    expect(exitCode).toBe(0)
    expect(stderr).toContain('warning: The project was changed since the run started')
    expect(sandbox.read('output/note.md')).toContain('limit = 10')
  })

  test('so that the snapshot is gone ends it before any call; --force takes what there is', async () => {
    await using scene = await openScene({ two: 400 })
    await scene.wave('run', 'flow')
    scene.sandbox.write('src/orders.js', 'another\n')
    for (const name of readdirSync(join(scene.sandbox.home, 'data'))) {
      if (!['runs', 'install-id'].includes(name))
        rmSync(join(scene.sandbox.home, 'data', name), { recursive: true })
    }
    // Another history altogether: the commit is gone, too.
    rmSync(join(scene.sandbox.project, '.git'), { recursive: true })
    scene.sandbox.initGit()
    const before = scene.server.requests.length
    const refused = await scene.wave('resume')
    expect(refused.exitCode).toBe(4)
    expect(refused.stderr).toContain('error[run-changed]')
    expect(scene.server.requests).toHaveLength(before)
    expect(await scene.wave('resume', '--force')).toMatchObject({ exitCode: 0 })
  })

  test('so that the provider is not configured ends it before any call', async () => {
    await using scene = await openScene({ two: 400 })
    await scene.wave('run', 'flow')
    const before = scene.server.requests.length
    const { providers } = chatConfig(scene.server)
    const model = { provider: 'other', model: 'mock-2', contextTokens: 200_000 }
    const config = { providers: { other: providers.local }, models: { balanced: model } }
    scene.sandbox.write('../home/config.yaml', JSON.stringify(config))
    const { exitCode, stderr } = await scene.wave('resume')
    expect(exitCode).toBe(4)
    expect(stderr).toContain('error[provider-missing]')
    expect(scene.server.requests).toHaveLength(before)
  })

  test('what a tier stands for is told, and the model of the start is used', async () => {
    await using scene = await openScene({ two: 400 })
    await scene.wave('run', 'flow')
    const { providers } = chatConfig(scene.server)
    const model = { provider: 'local', model: 'mock-2', contextTokens: 200_000 }
    const models = { balanced: model, cheapest: model, strongest: model }
    scene.sandbox.write('../home/config.yaml', JSON.stringify({ providers, models }))
    const { exitCode, stderr } = await scene.wave('resume')
    expect(exitCode).toBe(0)
    expect(stderr).toContain('is local/mock-2 now; the run goes on with local/mock-model')
    expect(new Set(scene.server.requests.map(({ model: name }) => name))).toEqual(
      new Set(['mock-model']),
    )
  })
})

describe('a run that another process works on', () => {
  test('is not resumed, and says which process', async () => {
    await using scene = await openScene({ two: SILENCE })
    const { child, ended } = await scene.startUntil(2)
    const { exitCode, stderr } = await scene.wave('resume')
    expect(exitCode).toBe(4)
    expect(stderr).toMatch(/error\[run-locked\].*\b\d+\b/)
    expect(scene.server.requests).toHaveLength(2)
    child.kill('SIGINT')
    await ended
  })

  test('is cancelled: the process ends by itself, and the run can be resumed', async () => {
    await using scene = await openScene({ two: SILENCE })
    const { ended } = await scene.startUntil(2)
    const cancelled = await scene.wave('cancel', scene.run)
    expect(cancelled.exitCode).toBe(0)
    expect(cancelled.stdout).toContain(`wave resume ${scene.run}`)
    expect((await ended).exitCode).toBe(130)
    expect(scene.events().at(-1)).toMatchObject({ type: 'run-finished', outcome: 'cancelled' })
    expect(await scene.wave('resume')).toMatchObject({ exitCode: 0 })
    expect(scene.asked).toEqual({ one: 1, two: 2, three: 1, four: 1 })
  })
})

describe('wave cancel', () => {
  test('records the end of a run whose process is dead', async () => {
    await using scene = await openScene({ two: SILENCE })
    const { child, ended } = await scene.startUntil(2)
    child.kill('SIGKILL')
    await ended
    const { exitCode, stdout } = await scene.wave('cancel', 'last', '--json')
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ v: 1, run: scene.run, status: 'marked' })
    expect(scene.events().at(-1)).toMatchObject({ type: 'run-finished', outcome: 'cancelled' })
    expect(await scene.wave('resume')).toMatchObject({ exitCode: 0 })
  })

  test('leaves a run that has ended as it is', async () => {
    await using scene = await openScene()
    await scene.wave('run', 'flow')
    const before = scene.sandbox.fingerprint()
    const { exitCode, stdout } = await scene.wave('cancel', scene.run)
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `Run ${scene.run} had ended already: completed.\n`,
    })
    expect(scene.sandbox.fingerprint()).toEqual(before)
    expect(await scene.wave('cancel', 'nothing')).toMatchObject({ exitCode: 2 })
  })
})

describe('the options of resume', { timeout: 60_000 }, () => {
  test('a run is named by what begins no other; limits of its own hold; what is wrong costs nothing', async () => {
    await using scene = await openScene({ two: 400 })
    await scene.wave('run', 'flow')
    const failed = scene.run
    await scene.wave('run', 'flow')
    const done = scene.run
    const asked = scene.server.requests.length
    const before = scene.sandbox.fingerprint()
    const refusals = [
      [['resume', '20'], [`Several runs start with "20": ${failed}, ${done}.`]],
      [
        ['resume', failed, '--from-step', 'thre'],
        ['The run has no step "thre".', 'three'],
      ],
      [
        ['resume', failed, '--max-tokens', 'many'],
        ['--max-tokens', '"many"'],
      ],
      [
        ['resume', failed, '--timeout', 'soon'],
        ['--timeout', '"soon"'],
      ],
      [
        ['resume', failed, '--max-usd', 'little'],
        ['--max-usd', '"little"'],
      ],
      [['resume', failed, '--answer', 'two=yes'], ['two']],
    ] as const
    for (const [args, texts] of refusals) {
      // oxlint-disable-next-line no-await-in-loop -- two cores
      const { exitCode, stdout, stderr } = await scene.wave(...args)
      expect({ args, exitCode, stdout }).toEqual({ args, exitCode: 2, stdout: '' })
      for (const text of texts) expect(stderr).toContain(text)
    }
    expect(scene.server.requests).toHaveLength(asked)
    expect(scene.sandbox.fingerprint()).toEqual(before)
    expect(await scene.wave('resume', failed, '--max-tokens', '1')).toMatchObject({ exitCode: 5 })
    expect(scene.events(failed).at(-1)).toMatchObject({ type: 'run-finished', exitCode: 5 })
    expect(await scene.wave('resume', failed)).toMatchObject({ exitCode: 0 })
  })

  test('--timeout ends it, and it can be resumed again', async () => {
    let silent = 2
    const reply = ({ text }: ChatRequest): ChatReply =>
      stepOf(text) === 'two' && silent-- > 0 ? SILENCE : 'Result'
    await using scene = new Scene(await startChat(reply))
    const { child, ended } = await scene.startUntil(2)
    child.kill('SIGKILL')
    await ended
    expect(await scene.wave('resume', '--timeout', '2s')).toMatchObject({ exitCode: 5 })
    expect(await scene.wave('resume')).toMatchObject({ exitCode: 0 })
    expect(scene.asked).toEqual({ one: 1, two: 3, three: 1, four: 1 })
  })

  test('--inconclusive-ok, --report, --apply and --force do at a resumed run what they do at a run', async () => {
    using sandbox = new Sandbox()
    const [guarded, plain] = ['(order.items ?? []).length\n', 'order.items.length\n']
    sandbox.write('src/orders.js', `export const total = (order) =>\n  ${guarded}`)
    sandbox.initGit()
    sandbox.write('src/orders.js', `export const total = (order) =>\n  ${plain}`)
    sandbox.commit('Simplify total')
    const symptom = 'TypeError: Cannot read properties of undefined at total (src/orders.js:2:16)'
    const started = ['run', 'incident-response', symptom, '--provider', 'evidence']
    expect(await sandbox.wave(started)).toMatchObject({ exitCode: 3 })
    const again = ['resume', '--from-step', 'postmortem']
    expect(await sandbox.wave([...again, '--report', 'copy.md'])).toMatchObject({ exitCode: 3 })
    // The copy is for somebody who has no wave: the audit trail is behind it.
    expect(sandbox.read('copy.md').startsWith(sandbox.read('output/incident-report.md'))).toBe(true)
    rmSync(join(sandbox.project, 'copy.md'))
    const applied = await sandbox.wave([...again, '--inconclusive-ok', '--apply', '--force'])
    expect([applied.exitCode, sandbox.read('src/orders.js')]).toEqual([
      0,
      `export const total = (order) =>\n  ${guarded}`,
    ])
  })

  test('Ctrl-C before the first step loses nothing: the run can be resumed as before', async () => {
    await using scene = await openScene({ two: 400 })
    await scene.wave('run', 'flow')
    const before = scene.events()
    const child = scene.sandbox.start(['resume'], { env: CHAT_ENV })
    const ended = resultOf(child)
    // Taken first, before the plan is made again and anything is looked for.
    const lock = join(scene.runs, scene.run, 'lock')
    await vi.waitUntil(() => existsSync(lock), { timeout: 20_000, interval: 1 })
    child.kill('SIGINT')
    // As long as nothing was begun, the signal may also end the process at once.
    expect([130, undefined]).toContain((await ended).exitCode)
    expect(scene.events()).toEqual(before)
    expect(await scene.wave('resume')).toMatchObject({ exitCode: 0 })
    expect(scene.asked).toEqual({ one: 1, two: 2, three: 1, four: 1 })
  })
})

test('a run folder that came with a repository is refused, and left as it is', async () => {
  await using scene = await openScene({ two: 400 })
  await scene.wave('run', 'flow')
  using other = new Sandbox()
  other.write('src/orders.js', 'x\n')
  other.write('.wave/pipelines/flow.yaml', flowOf(STEPS))
  cpSync(scene.runs, join(other.project, '.wave/runs'), { recursive: true })
  other.initGit()
  other.write('../home/config.yaml', JSON.stringify(chatConfig(scene.server)))
  const before = other.fingerprint()
  const asked = scene.server.requests.length
  const strange = await other.wave(['resume'], { env: CHAT_ENV })
  expect(strange.exitCode).toBe(2)
  expect(strange.stderr).toMatch(/error\[run-unknown\][^]*hint: /)
  // Nor is it, where the same run is the user's own, but elsewhere.
  const known = await scene.sandbox.wave(['resume'], { env: CHAT_ENV, cwd: other.project })
  expect(known.exitCode).toBe(2)
  expect(other.fingerprint()).toEqual(before)
  expect(scene.server.requests).toHaveLength(asked)
})
