import { expect, test } from 'vitest'
import type { StepFailure } from '../../events.ts'
import type { StepOutcome } from '../../ports.ts'
import { settle } from '../../testing/manual-clock.ts'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import { ResumeRig } from '../../testing/resume-rig.ts'
import { startRig, succeed } from '../../testing/rig.ts'
import { planYaml } from '../../testing/yaml-plan.ts'
import {
  artifactYaml,
  eventsOf,
  pipelineYaml,
  promptYaml,
  runYaml,
} from '../../testing/yaml-run.ts'
import type { Perform } from '../../testing/yaml-run.ts'
import { systemClock } from '../clock.ts'

const RETRY = 'retry: {max_attempts: 3, base_delay: 0s}'
const STUCK: StepFailure = { reason: 'stuck', pattern: 'x' }

function given(failure: StepFailure): StepOutcome {
  return { status: 'failed', failure, usage: undefined }
}

const files = {
  child: pipelineYaml(promptYaml('work')).replace('name: test', 'name: child'),
}
const worker = promptYaml('work').replaceAll(/^/gmu, '      ').trimEnd()

/** The id of the step that is tried again, and how it stands in a file. */
const KINDS: Readonly<Record<string, readonly [again: string, steps: string]>> = {
  prompt: ['work', promptYaml('work', `    ${RETRY}\n`)],
  command: ['work', `  - {id: work, type: command, script: make, ${RETRY}}\n`],
  'an item of a fan-out': [
    'work[2]',
    promptYaml('work', `    iterate: {over: "[1, 2]"}\n    ${RETRY}\n`),
  ],
  'a pipeline': ['call', `  - {id: call, pipeline: child, input: x, ${RETRY}}\n`],
  'a branch': [
    'way',
    `  - {id: way, branch: {on: "'a'", cases: {a: child}}, input: x, ${RETRY}}\n`,
  ],
  'a loop': [
    'again',
    `  - id: again\n    ${RETRY}\n    loop:\n      max_iterations: 1\n      steps:\n${worker}\n`,
  ],
  'a step in a loop': [
    'work#1',
    `  - id: again\n    loop:\n      max_iterations: 1\n      steps:\n${worker}\n          ${RETRY}\n`,
  ],
}

test.each(Object.entries(KINDS))(
  '%s that fails is tried again, and no more than that',
  async (_, [again, steps]) => {
    const seen: string[] = []
    const isBroken = (place: string): boolean => {
      seen.push(place)
      return seen.filter((one) => one === place).length === 1 && place !== 'work[1]'
    }
    const provider = new MemoryWorkspaceProvider({
      exec: () => ({ exitCode: isBroken('work') ? 2 : 0 }),
    })
    const perform: Perform = ({ planned }) => (isBroken(planned.step.id) ? given(STUCK) : succeed())
    const scene = { files, provider, clock: systemClock }
    const { outcome, events } = await runYaml(pipelineYaml(steps), perform, scene)
    expect(outcome).toBe('completed')
    const retried = eventsOf(events, 'step-failed').filter(({ willRetry }) => willRetry)
    expect(retried.map(({ step, attempt }) => [step, attempt])).toEqual([[again, 1]])
  },
)

test('where voters do not agree, asking again the same of them ends after three', async () => {
  const vote = `  - id: vote
    dependencies: [one, two]
    aggregate: {from: [one.b, two.b], strategy: vote, require: unanimous}
    output_artifacts: [{name: result, path: result.json, type: json}]
    retry: {max_attempts: 9, base_delay: 0s}
`
  const ballot = artifactYaml('b', 'txt')
  const yaml = pipelineYaml(promptYaml('one', ballot) + promptYaml('two', ballot) + vote)
  const { events, outcome } = await runYaml(
    yaml,
    ({ planned }) => succeed({ b: planned.step.id === 'one' ? 'YES' : 'NO' }),
    { clock: systemClock },
  )
  expect(outcome).toBe('failed')
  expect(eventsOf(events, 'step-failed').map(({ willRetry }) => willRetry)).toEqual([
    true,
    true,
    false,
  ])
})

test('the time of an attempt ends it, and it is tried again', async () => {
  const steps = promptYaml('slow', `    timeout: 10s\n    ${RETRY}\n`)
  const rig = startRig({
    plan: planYaml(pipelineYaml(steps)),
    perform: ({ attempt, signal }) => {
      if (attempt === 2) return succeed()
      const { promise, resolve } = Promise.withResolvers<StepOutcome>()
      signal.addEventListener('abort', () => resolve(given({ reason: 'cancelled' })))
      return promise
    },
  })
  await rig.clock.advance(11_000)
  expect(await rig.result).toMatchObject({ outcome: 'completed', exitCode: 0 })
  expect(eventsOf(rig.events, 'step-failed')).toMatchObject([
    { failure: { reason: 'limit-reached', limit: 'time', scope: 'step' }, willRetry: true },
  ])
})

test('the time of the run ends it also in the pause before a retry, beside a timer', async () => {
  const yaml = pipelineYaml(
    `${promptYaml('bad', '    retry: {max_attempts: 9, base_delay: 40m, max_delay: 40m}\n')}  - {id: soak, gate: {type: timer, timeout: 24h}}\n`,
    'limits: {minutes: 10}',
  )
  const rig = startRig({ plan: planYaml(yaml), perform: () => given(STUCK) })
  await settle()
  await rig.clock.advance(10 * 60_000)
  expect(await rig.result).toMatchObject({ outcome: 'failed', exitCode: 5 })
  expect(eventsOf(rig.events, 'step-started').filter(({ step }) => step === 'bad')).toHaveLength(1)
})

test('cancelling in the pause before the retry of a loop ends it at once', async () => {
  const steps = `  - id: again\n    retry: {max_attempts: 2, base_delay: 60s}\n    loop:\n      max_iterations: 1\n      steps:\n${worker}\n`
  const rig = startRig({ plan: planYaml(pipelineYaml(steps)), perform: () => given(STUCK) })
  await settle()
  expect(eventsOf(rig.events, 'step-failed').at(-1)).toMatchObject({
    step: 'again',
    willRetry: true,
  })
  rig.cancel()
  expect(await rig.result).toMatchObject({ outcome: 'cancelled', exitCode: 130 })
})

test('three equal failures in a row count over all processes of a run', async () => {
  const yaml = pipelineYaml(
    '  - {id: work, type: command, script: make, retry: {max_attempts: 9, base_delay: 0s}}\n',
  )
  let count = 0
  const exec = () => {
    count += 1
    return { exitCode: 2, output: Buffer.from(`Done in ${count}.${count}s`) }
  }
  const rig = new ResumeRig({ yaml, answer: () => ({}), exec, request: { clock: systemClock } })
  // The journal dies with the start of the second attempt, then with that of the third.
  while (eventsOf(rig.events, 'run-finished').length === 0) {
    const failed = eventsOf(rig.events, 'step-failed').length
    // oxlint-disable-next-line no-await-in-loop
    await rig.go(failed < 2 ? { capacity: rig.events.length + 3 } : {})
  }
  expect(eventsOf(rig.events, 'run-resumed').length).toBeGreaterThan(1)
  const failures = eventsOf(rig.events, 'step-failed')
  expect(failures.map(({ willRetry }) => willRetry)).toEqual([true, true, false])
  expect(eventsOf(rig.events, 'warning').map(({ message }) => message)).toEqual([
    'Not tried again, though 6 attempts are left: three failures in a row were the same.',
  ])
})
