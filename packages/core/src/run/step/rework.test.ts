import { expect, test } from 'vitest'
import { NO_USAGE } from '../../agent/messages.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { succeed } from '../../testing/rig.ts'
import {
  artifactYaml,
  eventsOf,
  pipelineYaml,
  promptYaml,
  runYaml,
} from '../../testing/yaml-run.ts'

const yaml = pipelineYaml(
  promptYaml(
    'fix',
    `${artifactYaml('result', 'json')}    handover: {contract: {type: json_schema, source: result, schema: {type: object, required: [good]}, on_failure: rework, rework_step: mend, max_retries: 2}}\n`,
  ) +
    promptYaml('mend', `    rework_only: true\n${artifactYaml('result', 'json')}`).replace(
      'Do mend {{ input }}',
      'Mend {{ artifacts.result.text }}',
    ) +
    promptYaml('after', '    dependencies: [fix]\n'),
)

test('another step repairs the outputs, and all contracts are asked again', async () => {
  const tasks: string[] = []
  let round = 0
  const { statuses, read, outcome } = await runYaml(yaml, ({ planned, task, inputs }) => {
    tasks.push(`${planned.step.id}: ${task} [${inputs.map(({ as }) => as).join()}]`)
    if (planned.step.id !== 'mend') return succeed({ result: '{"bad":1}' })
    round += 1
    return succeed({ result: round === 1 ? '{"still":"bad"}' : '{"good":true}' })
  })
  expect(statuses).toEqual({ fix: 'succeeded', mend: 'succeeded', after: 'succeeded' })
  expect(outcome).toBe('completed')
  expect(tasks).toEqual([
    'fix: Do fix the input []',
    'mend: Mend {"bad":1} [result,failure]',
    'mend: Mend {"still":"bad"} [result,failure]',
    'after: Do after the input []',
  ])
  const stored = read('fix')
  expect(stored).toBe('{"good":true}')
})

/** How long the step took by its last event. */
async function durations(good: boolean): Promise<readonly number[]> {
  const clock = new ManualClock()
  const { events } = await runYaml(
    yaml,
    async ({ planned }) => {
      await clock.advance(planned.step.id === 'fix' ? 5_000 : 1_000)
      return succeed({ result: good && planned.step.id === 'mend' ? '{"good":true}' : '{}' })
    },
    { clock },
  )
  const ends = [...eventsOf(events, 'step-succeeded'), ...eventsOf(events, 'step-failed')]
  return ends.filter(({ step }) => step === 'fix').map(({ durationMs }) => durationMs)
}

test('a step that was repaired took as long as its work, the repairs and the checks together', async () => {
  expect(await durations(true)).toEqual([6_000])
  expect(await durations(false)).toEqual([7_000])
})

test('after the last round the step fails', async () => {
  const { statuses, outcome } = await runYaml(yaml, () => succeed({ result: '{}' }))
  expect(statuses).toMatchObject({ fix: 'failed', after: 'skipped' })
  expect(outcome).toBe('failed')
})

const usage = { ...NO_USAGE, input: 10 }

test('the journal tells what each check found, and what the step that was repaired used', async () => {
  let round = 0
  const { events, state } = await runYaml(yaml, ({ planned }) => {
    if (planned.step.id === 'mend') round += 1
    return succeed({ result: round < 2 ? '{}' : '{"good":true}' }, { usage })
  })
  const checks = eventsOf(events, 'contract-checked').filter(({ step }) => step === 'fix')
  expect(checks.map(({ passed }) => passed)).toEqual([false, false, true])
  expect(eventsOf(events, 'step-reworking').map(({ because }) => because)).toEqual([
    'contract-failed: json_schema result',
    'contract-failed: json_schema result',
  ])
  expect(state.steps.get('fix')?.usage).toEqual(usage)
  expect(state.steps.get('mend')?.usage).toEqual({ ...usage, input: 20 })
})

test('after the last round the step tells what is still wrong, each check once', async () => {
  let round = 0
  const { events, state } = await runYaml(yaml, ({ planned }) => {
    if (planned.step.id === 'mend') round += 1
    return succeed({ result: round < 2 ? '{}' : '[]' })
  })
  const checks = eventsOf(events, 'contract-checked').filter(({ step }) => step === 'fix')
  expect(checks).toHaveLength(3)
  expect(JSON.stringify(state.steps.get('fix')?.failure)).toContain('object')
})

test('what a repair makes for a step belongs to that step', async () => {
  const { state } = await runYaml(yaml, ({ planned }) =>
    succeed({ result: planned.step.id === 'fix' ? '{}' : '{"good":true}' }),
  )
  expect(state.steps.get('fix')?.artifacts).toHaveLength(1)
  expect(state.steps.get('mend')).toMatchObject({ status: 'succeeded', artifacts: [] })
})

test('items are repaired one by one, never the list that they make', async () => {
  const each = pipelineYaml(
    promptYaml(
      'fix',
      `    iterate: {over: "[1, 2]"}\n${artifactYaml('result', 'json')}    retry: {on_failure: rework, rework_step: mend}\n`,
    ) + promptYaml('mend', `    rework_only: true\n${artifactYaml('result', 'json')}`),
  )
  const { events, statuses } = await runYaml(each, () => ({
    status: 'failed',
    failure: { reason: 'model-refused' },
    usage: undefined,
  }))
  expect(eventsOf(events, 'step-reworking').map(({ step }) => step)).toEqual(['fix[1]'])
  expect(statuses).toMatchObject({ fix: 'failed', 'mend[1]': 'failed' })
})
