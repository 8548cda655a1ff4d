/** `wave resume`, from outside. How runs are ended before: ending.test.ts. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RunEvent } from '../../packages/core/src/index.ts'
import { SILENCE } from '../acceptance/support/chat-server.ts'
import type { ChatReply } from '../acceptance/support/chat-server.ts'
import { AIMOCK_KEY_VARIABLE, startAimock } from '../support/aimock.ts'
import { chatConfig, flowOf } from '../support/chat-project.ts'
import { type CliResult, Sandbox } from '../support/cli.ts'
import { faultAt } from '../support/fault.ts'
import { FlowScene } from '../support/flow-scene.ts'
import { keepState } from '../support/kept-state.ts'
import { AFTER, BEFORE, PROPOSE } from '../support/proposal.ts'

// Several real processes, one behind the other.
vi.setConfig({ testTimeout: 120_000 })

const NAMES = ['one', 'two', 'three', 'four']
const STEPS = NAMES.map((name) => ({ name, run: `Do ${name}, at {{execution.timestamp}}.` }))

/** Each step has a result; `first` says what happens the first time that it asks. */
const openScene = (first: Readonly<Record<string, ChatReply>> = {}): Promise<FlowScene> =>
  FlowScene.open(STEPS, (step, seen) => (seen === 0 && first[step]) || `Result of ${step}`)

function results(events: readonly RunEvent[]) {
  return events.flatMap((event) =>
    event.type === 'step-succeeded'
      ? [[event.step, event.artifacts.map(({ name, digest }) => `${name} ${digest}`)]]
      : [],
  )
}

/** Every test begins with one run that has completed and a newer one that failed at its second step, whose cause is gone. */
describe('a run that ended', () => {
  let scene: FlowScene
  let done: string
  let failed: string
  let failing: CliResult
  let putBack: () => void
  let isBroken = false
  /** How often the provider had been asked. */
  let before = 0

  beforeAll(async () => {
    scene = await FlowScene.open(STEPS, (step) =>
      isBroken && step === 'two' ? 400 : `Result of ${step}`,
    )
    await scene.wave(['run', 'flow'])
    isBroken = true
    failing = await scene.wave(['run', 'flow'])
    isBroken = false
    ;[done = '', failed = ''] = scene.ids
    putBack = keepState(scene.sandbox)
  })
  beforeEach(() => {
    putBack()
    before = scene.asked.length
  })
  afterAll(async () => await scene[Symbol.asyncDispose]())

  const asked = (): readonly string[] => scene.asked.slice(before)

  test('as failed says how to go on, and does; what has changed in .wave/, and what a tier stands for, is told and not used', async () => {
    expect(failing.exitCode).toBe(7)
    expect(failing.stdout).toContain(`\nResume with: wave resume ${failed}\n`)
    scene.sandbox.write('.wave/pipelines/flow.yaml', flowOf([{ name: 'other' }]))
    scene.sandbox.write('.wave/config.yaml', 'this: [is: broken')
    const { providers } = chatConfig(scene.server)
    const model = { provider: 'local', model: 'mock-2', contextTokens: 200_000 }
    const models = { balanced: model, cheapest: model, strongest: model }
    scene.sandbox.write('../home/config.yaml', JSON.stringify({ providers, models }))
    const { exitCode, stdout, stderr } = await scene.wave(['resume'])
    expect(exitCode).toBe(0)
    expect(stdout).not.toContain('failed')
    expect(stderr).toContain('warning: .wave/pipelines/flow.yaml was changed since')
    expect(stderr).toContain('warning: .wave/config.yaml was changed since')
    expect(stderr).toContain('is local/mock-2 now; the run goes on with local/mock-model')
    expect(asked()).toEqual(['two', 'three', 'four'])
    expect(scene.server.requests.map(({ model: name }) => name)).not.toContain('mock-2')
  })

  test('as completed has nothing to resume, unless a step is named; cancelling leaves it as it is', async () => {
    const untouched = scene.sandbox.fingerprint()
    const { exitCode, stdout } = await scene.wave(['resume', done])
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `Run ${done} has completed: there is nothing to resume.\n`,
    })
    expect(await scene.wave(['cancel', done])).toMatchObject({
      exitCode: 0,
      stdout: `Run ${done} had ended already: completed.\n`,
    })
    expect(await scene.wave(['cancel', 'nothing'])).toMatchObject({ exitCode: 2 })
    expect(scene.sandbox.fingerprint()).toEqual(untouched)
    expect(await scene.wave(['resume', done, '--from-step', 'three'])).toMatchObject({
      exitCode: 0,
    })
    expect(asked()).toEqual(['three', 'four'])
  })

  test('is named by what begins no other; what is wrong costs nothing', async () => {
    const untouched = scene.sandbox.fingerprint()
    const refusals = [
      [['resume', '20'], [`Several runs start with "20": ${done}, ${failed}.`]],
      [
        ['resume', done, '--from-step', 'thre'],
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
      const { exitCode, stdout, stderr } = await scene.wave(args)
      expect({ args, exitCode, stdout }).toEqual({ args, exitCode: 2, stdout: '' })
      for (const text of texts) expect(stderr).toContain(text)
    }
    expect(asked()).toEqual([])
    expect(scene.sandbox.fingerprint()).toEqual(untouched)
  })

  test('goes on within limits of its own, and without them when it has reached those', async () => {
    expect(await scene.wave(['resume', failed, '--max-tokens', '1'])).toMatchObject({ exitCode: 5 })
    expect(scene.events(failed).at(-1)).toMatchObject({ type: 'run-finished', exitCode: 5 })
    expect(await scene.wave(['resume', failed])).toMatchObject({ exitCode: 0 })
  })

  test('loses nothing by Ctrl-C before the first step: it can be resumed as before', async () => {
    const events = scene.events()
    // What the lock was written to is removed once it is taken, before the plan is made again and anything is looked for.
    const atOnce = { ...faultAt(join(scene.runs, failed), 'unlinkSync', 2), FAULT: 'interrupt' }
    const { exitCode } = await scene.wave(['resume'], atOnce)
    // As long as nothing was begun, the signal may also end the process at once.
    expect([130, undefined]).toContain(exitCode)
    expect(existsSync(join(scene.runs, failed, 'lock'))).toBe(true)
    expect(scene.events()).toEqual(events)
    expect(await scene.wave(['resume'])).toMatchObject({ exitCode: 0 })
    expect(asked()).toEqual(['two', 'three', 'four'])
  })

  test('is not resumed with a provider that is not configured any more', async () => {
    const { providers } = chatConfig(scene.server)
    const model = { provider: 'other', model: 'mock-2', contextTokens: 200_000 }
    const config = { providers: { other: providers.local }, models: { balanced: model } }
    scene.sandbox.write('../home/config.yaml', JSON.stringify(config))
    const { exitCode, stderr } = await scene.wave(['resume'])
    expect(exitCode).toBe(4)
    expect(stderr).toContain('error[provider-missing]')
    expect(asked()).toEqual([])
  })

  test('is not resumed once its snapshot is gone; --force takes what there is', async () => {
    scene.sandbox.write('src/orders.js', 'another\n')
    for (const name of readdirSync(join(scene.sandbox.home, 'data'))) {
      if (!['runs', 'install-id'].includes(name))
        rmSync(join(scene.sandbox.home, 'data', name), { recursive: true })
    }
    // Another history altogether: the commit is gone, too.
    rmSync(join(scene.sandbox.project, '.git'), { recursive: true })
    scene.sandbox.initGit()
    const refused = await scene.wave(['resume'])
    expect(refused.exitCode).toBe(4)
    expect(refused.stderr).toContain('error[run-changed]')
    expect(asked()).toEqual([])
    expect(await scene.wave(['resume', '--force'])).toMatchObject({ exitCode: 0 })
  })

  test('point 27 of the second dialect: when it was killed, steps one and two are not called again; point 13: one timestamp before and after; the results are those of a run that was not', async () => {
    await using killed = await openScene({ three: SILENCE })
    const { child, ended } = await killed.startUntil(3)
    child.kill('SIGKILL')
    await ended
    const { exitCode, stdout, stderr } = await killed.wave(['resume'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toContain('Pipeline flow completed')
    expect(killed.asked).toEqual(['one', 'two', 'three', 'three', 'four'])
    expect(results(killed.events())).toEqual(results(scene.events(done)))
    const prompts = killed.server.requests.map(({ text }) => text).join('\n')
    const times = prompts.match(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/gu) ?? []
    expect(times).toHaveLength(5)
    expect(new Set(times).size).toBe(1)
  })
})

test('a run that was killed twice goes on twice, by a part of its id, also when its last record is torn', async () => {
  await using scene = await openScene({ two: SILENCE, four: SILENCE })
  const first = await scene.startUntil(2)
  first.child.kill('SIGKILL')
  await first.ended
  const [run = ''] = scene.ids
  const journal = `.wave/runs/${run}/journal.jsonl`
  scene.sandbox.write(journal, readFileSync(join(scene.sandbox.project, journal)).subarray(0, -7))
  const second = await scene.startUntil(5, ['resume', run.slice(0, -2)])
  second.child.kill('SIGKILL')
  await second.ended
  expect(existsSync(join(scene.runs, run, 'journal.torn-1'))).toBe(true)
  expect(await scene.wave(['resume', '--last'])).toMatchObject({ exitCode: 0 })
  expect(scene.asked).toEqual(['one', 'two', 'two', 'three', 'four', 'four'])
})

test('a run that waits takes an answer; that the project has changed is told, and steps see what there was', async () => {
  using sandbox = new Sandbox()
  await using aimock = await startAimock([
    { submits: 'fix', turns: [{ calls: [{ tool: 'submit', input: { fix: 'done' } }] }] },
    {
      submits: 'note',
      turns: [
        { calls: [{ tool: 'read', input: { path: 'src/orders.js' } }] },
        (seen) => ({ calls: [{ tool: 'submit', input: { note: seen.join('\n') } }] }),
      ],
    },
  ])
  sandbox.write('.wave/pipelines/x.yaml', FIX_AND_LOOK)
  sandbox.write('src/orders.js', 'export const limit = 10\n')
  sandbox.initGit()
  sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
  const env = { [AIMOCK_KEY_VARIABLE]: 'any' }
  const waiting = await sandbox.wave(['run', 'x', '--sandbox', 'local'], { env })
  expect(waiting.exitCode).toBe(6)
  expect(aimock.requests).toHaveLength(1)
  const [, next = ''] = /\nNext: wave (resume \S+ --answer sign-off=)/u.exec(waiting.stdout) ?? []
  const [, choice = ''] = /sign-off=(\w+)/u.exec(waiting.stdout) ?? []
  sandbox.write('src/orders.js', 'export const limit = 99\n')
  sandbox.commit('Change')
  const { exitCode, stdout, stderr } = await sandbox.wave(`${next}${choice}`.split(' '), { env })
  expect(exitCode).toBe(0)
  expect(stdout).toContain('Pipeline x completed')
  expect(stderr).toContain('warning: The project was changed since the run started')
  expect(sandbox.read('output/note.md')).toContain('limit = 10')
  expect(aimock.requests.map(({ step }) => step)).toEqual([0, 1, 1])
})

const FIX_AND_LOOK = `metadata: {name: x}
steps:
  - {id: fix, persona: navigator, exec: {source: Fix}, output_artifacts: [{name: fix, path: output/fix.txt}]}
  - {id: sign-off, dependencies: [fix], gate: {type: approval, message: "Ship?"}}
  - id: look
    dependencies: [sign-off]
    persona: navigator
    exec: {source: Look}
    workspace: {mount: [{source: ./}]}
    output_artifacts: [{name: note, path: output/note.md}]
`

test('a run without a model goes on without one, also where one is configured; --inconclusive-ok, --report, --apply and --force do at it what they do at a run', async () => {
  await using scene = await FlowScene.open([{ name: 'one' }])
  const { sandbox } = scene
  sandbox.write('src/orders.js', BEFORE)
  sandbox.commit('Write total')
  sandbox.write('src/orders.js', AFTER)
  sandbox.commit('Simplify total')
  expect(await sandbox.wave(PROPOSE)).toMatchObject({ exitCode: 3 })
  const again = ['resume', '--from-step', 'postmortem']
  const resumed = await scene.wave([...again, '--report', 'copy.md'])
  expect(resumed).toMatchObject({ exitCode: 3, stderr: '' })
  const started = scene.events().filter(({ type }) => type === 'step-started')
  expect(started.map((event) => 'step' in event && event.step).slice(-2)).toEqual([
    'postmortem',
    'postmortem',
  ])
  expect(scene.server.requests).toEqual([])
  // The copy is for somebody who has no wave: the audit trail is behind it.
  expect(sandbox.read('copy.md').startsWith(sandbox.read('output/incident-report.md'))).toBe(true)
  rmSync(join(sandbox.project, 'copy.md'))
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
  const applied = await sandbox.wave([...again, '--inconclusive-ok', '--apply', '--force'])
  expect([applied.exitCode, sandbox.read('src/orders.js')]).toEqual([0, BEFORE])
})
