import { expect, test } from 'vitest'
import { settle } from '../../testing/manual-clock.ts'
import { startRig, succeed } from '../../testing/rig.ts'
import { planYaml } from '../../testing/yaml-plan.ts'
import { eventsOf, pipelineYaml, promptYaml, runYaml } from '../../testing/yaml-run.ts'

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
