import { expect, test } from 'vitest'
import { succeed } from '../testing/rig.ts'
import { artifactYaml, pipelineYaml, promptYaml, runYaml } from '../testing/yaml-run.ts'

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

test('after the last round the step fails', async () => {
  const { statuses, outcome } = await runYaml(yaml, () => succeed({ result: '{}' }))
  expect(statuses).toMatchObject({ fix: 'failed', after: 'skipped' })
  expect(outcome).toBe('failed')
})
