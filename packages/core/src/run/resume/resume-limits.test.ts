import { expect, test } from 'vitest'
import type { RunEvent } from '../../events.ts'
import type { ModelEvent, ModelRequest } from '../../agent/messages.ts'
import type { Model } from '../../ports.ts'
import { settle } from '../../testing/manual-clock.ts'
import { memorySnapshot } from '../../testing/memory-snapshot.ts'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import { CALL_USD, ResumeRig } from '../../testing/resume-rig.ts'
import type { Answer, ResumeRigOptions } from '../../testing/resume-rig.ts'
import { ScriptedModel } from '../../testing/scripted-model.ts'
import { fold } from '../state.ts'
import { readSpent } from './spent.ts'
import { AgentRunner } from '../../agent/agent-runner.ts'
import { artifactYaml, eventsOf, pipelineYaml, promptYaml } from '../../testing/yaml-run.ts'

const YAML = pipelineYaml(
  promptYaml('a', artifactYaml('a', 'txt')) +
    promptYaml('b', `    dependencies: [a]\n${artifactYaml('b', 'txt')}`),
)
const saying: Answer = (task) => ({ [task.split(' ')[1] ?? '']: 'done' })

/** A run that died once the first step was done and the second had begun. */
async function halfDone(options: Partial<ResumeRigOptions> = {}): Promise<ResumeRig> {
  const probe = new ResumeRig({ yaml: YAML, answer: saying, ...options })
  await probe.go()
  const second = probe.events.findIndex(
    (event) => event.type === 'step-started' && event.step === 'b',
  )
  const rig = new ResumeRig({ yaml: YAML, answer: saying, ...options })
  await rig.go({ capacity: second + 1 })
  return rig
}

function resumedWith(events: readonly RunEvent[]): readonly string[] {
  return eventsOf(events, 'run-resumed').at(-1)?.differences ?? []
}

test('what was spent before counts against the limit of the whole run', async () => {
  const worst = { usd: 4 * CALL_USD }
  const rig = await halfDone({ limits: worst })
  const result = await rig.go()
  // Two calls are paid; a share of the limit is not touched by steps with others behind them.
  expect(result?.outcome).toBe('completed')
  expect(result?.state.costUsd).toBe(4 * CALL_USD)
  const poor = await halfDone({ limits: worst })
  const tight = { ...poor.plan, limits: { ...poor.plan.limits, usd: 3 * CALL_USD } }
  expect(await poor.go({ plan: tight })).toMatchObject({ outcome: 'failed', exitCode: 5 })
  expect(poor.calls).toBe(3)
})

const YAML_A = pipelineYaml(promptYaml('a', artifactYaml('a', 'txt')))
const broken: Answer = () => ({
  events: [
    { type: 'text', delta: 'Half a rep' },
    { type: 'failed', class: 'request', message: 'Too large.' },
  ],
})
const unreported: Answer = () => ({ calls: [], text: 'Nothing to say.', usage: null })

test.each([
  ['that broke off', broken],
  ['that reported nothing', unreported],
])(
  'calls %s count against the limits after a resume, and are not told as a cost',
  async (_, answer) => {
    const rig = new ResumeRig({ yaml: YAML_A, answer })
    expect((await rig.go())?.outcome).toBe('failed')
    const ended = [
      ...eventsOf(rig.events, 'model-failed'),
      ...eventsOf(rig.events, 'model-response'),
    ]
    expect(ended.length).toBe(rig.calls)
    expect(fold(rig.events)).toMatchObject({ costUsd: 0, unpricedCalls: rig.calls })
    const spent = readSpent(rig.events, fold(rig.events))
    expect(spent.run.usd).toBe(rig.calls * CALL_USD)
    expect(spent.run.tokens).toBeGreaterThan(rig.calls * 200)
    expect(spent.of('a')).toEqual(spent.run)
    // Nothing is left: nobody is asked again.
    const { calls } = rig
    const plan = { ...rig.plan, limits: { ...rig.plan.limits, usd: calls * CALL_USD } }
    expect(await rig.go({ plan })).toMatchObject({ outcome: 'failed', exitCode: 5 })
    expect(rig.calls).toBe(calls)
  },
)

test('a call whose end was never recorded counts with what was reserved for it', async () => {
  const probe = new ResumeRig({ yaml: YAML_A, answer: saying })
  await probe.go()
  const asked = probe.events.findIndex(({ type }) => type === 'model-request')
  const killed = async (): Promise<ResumeRig> => {
    const rig = new ResumeRig({ yaml: YAML_A, answer: saying })
    await rig.go({ capacity: asked + 1 })
    return rig
  }
  const rig = await killed()
  const { reserved } = eventsOf(rig.events, 'model-request')[0] ?? {}
  expect(readSpent(rig.events, fold(rig.events)).run).toEqual(reserved)
  expect(reserved).toMatchObject({ usd: CALL_USD })
  expect(fold(rig.events).costUsd).toBe(0)
  const limited = (usd: number) => ({ ...rig.plan, limits: { ...rig.plan.limits, usd } })
  expect(await rig.go({ plan: limited(2 * CALL_USD) })).toMatchObject({ exitCode: 5 })
  const rich = await killed()
  expect(await rich.go({ plan: limited(3 * CALL_USD) })).toMatchObject({ outcome: 'completed' })
  // The same request again: one of them has an end now.
  const { run } = readSpent(rich.events, fold(rich.events))
  expect(run.usd).toBe(3 * CALL_USD)
})

test('a run that has reached its limit goes on, with the replies that are paid, once it is raised', async () => {
  const rig = new ResumeRig({ yaml: YAML, answer: saying, limits: { usd: 3 * CALL_USD } })
  expect(await rig.go()).toMatchObject({ outcome: 'failed', exitCode: 5 })
  const calls = rig.calls
  const plan = { ...rig.plan, limits: { ...rig.plan.limits, usd: 9 } }
  expect((await rig.go({ plan }))?.outcome).toBe('completed')
  expect(rig.calls).toBe(4)
  expect(calls).toBe(3)
})

test('the minutes of a run go on where they stopped, and time between does not count', async () => {
  const rig = new ResumeRig({
    yaml: YAML,
    answer: (task, turn) => (task.startsWith('Do b') ? { hangs: true } : saying(task, turn)),
    limits: { minutes: 10 },
  })
  const control = new AbortController()
  const first = rig.go({ signal: control.signal })
  await rig.clock.advance(6 * 60_000)
  control.abort()
  expect(await first).toMatchObject({ outcome: 'cancelled' })
  expect(eventsOf(rig.events, 'run-finished')[0]?.durationMs).toBe(6 * 60_000)
  await rig.clock.advance(24 * 60 * 60_000)
  const second = rig.go()
  await rig.clock.advance(4 * 60_000 + 1)
  expect(await second).toMatchObject({ outcome: 'failed', exitCode: 5 })
  expect(eventsOf(rig.events, 'run-finished')[1]?.durationMs).toBe(10 * 60_000)
})

test('another pipeline, tree or image is refused, unless it is forced, and then recorded', async () => {
  const rig = await halfDone()
  const { plan } = rig
  const changes = [
    { plan: { ...plan, pipeline: { ...plan.pipeline, digest: 'other' } } },
    { snapshot: { ...memorySnapshot(), tree: 'elsewhere' } },
    { provider: Object.assign(new MemoryWorkspaceProvider(), { image: 'other@sha256:1' }) },
    { provider: undefined },
  ]
  const before = rig.events.length
  for (const change of changes) {
    await expect(rig.go(change)).rejects.toMatchObject({ code: 'run-changed', exitCode: 4 })
    expect(rig.events.length).toBe(before)
  }
  const forced = await rig.go({ ...changes[0], how: { force: true } })
  expect(forced?.outcome).toBe('completed')
  expect(eventsOf(rig.events, 'run-resumed')).toMatchObject([{ force: true }])
  expect(resumedWith(rig.events)).toEqual(['The pipeline test was changed.'])
})

test('what only deserves to be known is told: the project, the version, the models, what the caller found', async () => {
  const rig = await halfDone()
  const other = new ScriptedModel(() => ({ text: 'x' })).resolved({ model: 'script-2' })
  const steps = rig.plan.steps.map((step) =>
    step.step.id === 'a' ? { ...step, models: [other] } : step,
  )
  await rig.go({
    plan: { ...rig.plan, steps },
    projectDigest: 'changed',
    waveVersion: '0.2.0',
    how: { differences: ['The branch was deleted.'] },
  })
  expect(resumedWith(rig.events)).toEqual([
    'The branch was deleted.',
    'The step a ran on scripted/script-1, and now on scripted/script-2.',
    'Files in .wave/ that the pipeline uses were changed.',
    'It was started by wave 0.1.0, and this is 0.2.0.',
  ])
})

test('input, facts and start time are those of the start', async () => {
  const rig = await halfDone()
  await rig.go({ input: 'another input', facts: Buffer.from('other facts') })
  const [first] = rig.model.requests[2]?.messages ?? []
  expect(first).toMatchObject({ text: expect.stringContaining('Do b orders fail') })
})

test('steps that the user left out stay out', async () => {
  const yaml = pipelineYaml(
    promptYaml('a', artifactYaml('a', 'txt')) + promptYaml('b', artifactYaml('b', 'txt')),
  )
  const rig = new ResumeRig({ yaml, answer: saying })
  await rig.go({ excluded: new Set(['b']), capacity: 5 })
  expect((await rig.go())?.state.steps.get('b')?.status).toBe('skipped')
})

test('a run of which nothing was recorded starts', async () => {
  const rig = new ResumeRig({ yaml: YAML, answer: saying })
  expect(await rig.go({ capacity: 0 })).toBeUndefined()
  expect((await rig.go())?.outcome).toBe('completed')
  expect(eventsOf(rig.events, 'run-resumed')).toEqual([])
})

const hangingAtThree: Answer = (_, turn) =>
  turn < 3 ? { calls: [{ name: 'note', input: { text: `Note ${turn}.` } }] } : { hangs: true }

/** Refuses requests with a temperature, and counts what it is asked. */
class PickyModel implements Model {
  asked = 0
  readonly #inner: Model

  constructor(inner: Model) {
    this.#inner = inner
  }

  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
    this.asked += 1
    if (request.temperature === undefined) return this.#inner.stream(request, signal)
    return new ScriptedModel([{ failed: 'request', refuses: 'temperature' }]).stream(
      request,
      signal,
    )
  }
}

test.each([
  ['of a model that stood in', { temperature: undefined }, [3, 1]],
  ['to requests without what was refused', { temperature: 0.5 }, [4, 1]],
])('replies %s are used again', async (_, { temperature }, expected) => {
  const more =
    temperature === undefined ? '' : `    model: {name: any, temperature: ${temperature}}\n`
  const rig = new ResumeRig({ yaml: pipelineYaml(promptYaml('a', more)), answer: hangingAtThree })
  const out = new ScriptedModel(() => ({ failed: 'auth' })).resolved()
  const picky = new PickyModel(rig.model)
  const standIn = rig.model.resolved({ model: 'picky', open: () => Promise.resolve(picky) })
  const steps = rig.plan.steps.map((step) => ({ ...step, models: [out, standIn] }))
  const plan = { ...rig.plan, steps }
  const asked: number[] = []
  for (const count of expected) {
    const control = new AbortController()
    picky.asked = 0
    const going = rig.go({ plan, signal: control.signal, runners: freshRunners() })
    for (let turn = 0; turn < 100 && picky.asked < count; turn += 1) await settle()
    control.abort()
    expect((await going)?.outcome).toBe('cancelled')
    asked.push(picky.asked)
  }
  // The request that hangs is made anew, and nothing else.
  expect(asked).toEqual(expected)
  expect(eventsOf(rig.events, 'model-response').filter(({ reused }) => reused)).toHaveLength(2)
})

/** Of a new process: they have learned nothing yet. */
function freshRunners() {
  return { agent: new AgentRunner(), command: undefined, evidence: undefined }
}
