import { expect, test } from 'vitest'
import { settle } from '../../testing/manual-clock.ts'
import { startRig, succeed } from '../../testing/rig.ts'
import { planYaml } from '../../testing/yaml-plan.ts'
import { eventsOf, pipelineYaml, promptYaml, runYaml } from '../../testing/yaml-run.ts'
import type { Perform } from '../../testing/yaml-run.ts'
import { sleep } from '../clock.ts'
import { encodeRecord } from '../journal/record.ts'

const yaml = pipelineYaml(
  promptYaml('fix') +
    `  - id: sign-off
    dependencies: [fix]
    gate: {type: approval, message: "Ship {{ input }}?", choices: [{key: y, label: Yes}, {key: n, label: "No", fail: true}]}
` +
    promptYaml('other', '    dependencies: [fix]\n') +
    promptYaml('ship', '    dependencies: [sign-off]\n    when: gate.sign-off.choice == "y"\n'),
).replace('gate.sign-off.choice', 'gate["sign-off"].choice')

test('without an answer the other branches finish and the run is suspended', async () => {
  const { statuses, outcome, exitCode, events } = await runYaml(yaml)
  expect(statuses).toEqual({
    fix: 'succeeded',
    'sign-off': 'waiting',
    other: 'succeeded',
    ship: 'pending',
  })
  expect({ outcome, exitCode }).toEqual({ outcome: 'suspended', exitCode: 6 })
  expect(eventsOf(events, 'gate-waiting')).toMatchObject([{ message: 'Ship the input?' }])
})

test('an answer given in advance goes on', async () => {
  const { statuses, outcome } = await runYaml(yaml, undefined, { answers: { 'sign-off': 'y' } })
  expect(statuses).toMatchObject({ 'sign-off': 'succeeded', ship: 'succeeded' })
  expect(outcome).toBe('completed')
})

test('a choice that fails ends the run rejected', async () => {
  const { outcome, exitCode } = await runYaml(yaml, undefined, { answers: { 'sign-off': 'n' } })
  expect({ outcome, exitCode }).toEqual({ outcome: 'rejected', exitCode: 1 })
})

test('a timer waits for its time, which does not count as time of the run', async () => {
  const timed = pipelineYaml(
    `  - id: soak\n    gate: {type: timer, timeout: 24h}\n${promptYaml('after', '    dependencies: [soak]\n')}`,
    'limits: {minutes: 10}',
  )
  const rig = startRig({ plan: planYaml(timed), perform: () => succeed() })
  await settle()
  await rig.clock.advance(24 * 3_600_000 - 1)
  await settle()
  expect(eventsOf(rig.events, 'step-started').map(({ step }) => step)).toEqual(['soak'])
  await rig.clock.advance(1)
  const { outcome } = await rig.result
  expect(outcome).toBe('completed')
})

test('a timer gives the steps beside it no more time than the run has', async () => {
  const timed = pipelineYaml(
    `  - id: soak\n    gate: {type: timer, timeout: 24h}\n${promptYaml('work', '    timeout: 4h\n')}`,
    'limits: {minutes: 10}',
  )
  const rig = startRig({ plan: planYaml(timed), perform: untilStopped })
  await settle()
  await rig.clock.advance(10 * 60_000)
  const { outcome, exitCode, state } = await rig.result
  expect({ outcome, exitCode }).toEqual({ outcome: 'failed', exitCode: 5 })
  expect(state.steps.get('soak')?.status).toBe('failed')
})

test('the time of the run stands still again once the work beside a timer is done', async () => {
  const timed = pipelineYaml(
    `  - id: soak\n    gate: {type: timer, timeout: 24h}\n${promptYaml('work')}${promptYaml('after', '    dependencies: [soak]\n')}`,
    'limits: {minutes: 10}',
  )
  const rig = startRig({
    plan: planYaml(timed),
    perform: async ({ clock, signal }) => {
      await sleep(clock, 9 * 60_000, signal)
      return succeed()
    },
  })
  await settle()
  await rig.clock.advance(24 * 3_600_000 + 59_000)
  expect(rig.events.some(({ type }) => type === 'run-finished')).toBe(false)
  await rig.clock.advance(2000)
  expect((await rig.result).exitCode).toBe(5)
})

test('a step around a gate is told as waiting, also when another branch ended the run', async () => {
  const child = pipelineYaml('  - {id: ask, gate: {type: approval}}\n').replace(
    'name: test',
    'name: child',
  )
  const { statuses, outcome } = await runYaml(
    pipelineYaml(
      `  - id: call\n    pipeline: child\n${promptYaml('first')}${promptYaml('bad', '    dependencies: [first]\n')}`,
    ),
    ({ planned }) =>
      planned.step.id === 'bad'
        ? { status: 'failed', failure: { reason: 'model-refused' }, usage: undefined }
        : succeed(),
    { files: { child } },
  )
  expect(outcome).toBe('failed')
  expect(statuses).toMatchObject({ call: 'waiting', 'call/ask': 'waiting' })
})

test('an answer may be as long as a person likes', async () => {
  const text = 'x'.repeat(100_000)
  const free = pipelineYaml(
    '  - {id: ask, gate: {type: approval, choices: [{key: y, label: Yes}], freeform: true}}\n',
  )
  const { events, read } = await runYaml(free, undefined, { answers: { ask: `y:${text}` } })
  expect(JSON.parse(read('ask'))).toEqual({ choice: 'y', text })
  const stamp = { seq: 0, prev: '', at: '' }
  expect(() => events.map((event) => encodeRecord(stamp, event))).not.toThrow()
})

const untilStopped: Perform = async ({ signal }) => {
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve)
  })
  return { status: 'failed', failure: { reason: 'cancelled' }, usage: undefined }
}
