import { expect, test } from 'vitest'
import { succeed } from '../testing/rig.ts'
import { artifactYaml, pipelineYaml, promptYaml, runYaml } from '../testing/yaml-run.ts'
import type { Perform } from '../testing/yaml-run.ts'
import { systemClock } from './clock.ts'

test('a step that the user leaves out is skipped, what does without it runs, and the run is partial', async () => {
  const yaml = pipelineYaml(
    promptYaml('a', artifactYaml('note', 'txt')) +
      promptYaml('b', '    dependencies: [a]\n') +
      promptYaml('c', '    dependencies: [b]\n'),
  )
  const result = await runYaml(yaml, () => succeed({ note: 'n' }), { excluded: new Set(['b']) })
  expect(result.statuses).toEqual({ a: 'succeeded', b: 'skipped', c: 'succeeded' })
  expect(result.state.steps.get('b')?.skippedBecause).toBe('left out by the user')
  expect({ outcome: result.outcome, exitCode: result.exitCode }).toEqual({
    outcome: 'partial',
    exitCode: 3,
  })
})

test('with retry.escalate each attempt after the first has the next stronger models', async () => {
  const asked: string[] = []
  const yaml = pipelineYaml(
    promptYaml(
      'a',
      `    model: cheapest\n    retry: {max_attempts: 3, base_delay: 0s, escalate: true}\n${artifactYaml('note', 'txt')}`,
    ),
  )
  const perform: Perform = ({ planned, attempt }) => {
    asked.push(planned.models.map(({ model }) => model).join())
    return succeed(attempt < 3 ? {} : { note: 'n' })
  }
  await runYaml(yaml, perform, { clock: systemClock })
  expect(asked).toEqual(['cheapest', 'balanced', 'strongest'])
})

test('values that outcomes name stand in the record of the step', async () => {
  const yaml = pipelineYaml(
    promptYaml(
      'a',
      `${artifactYaml('report', 'json')}    outcomes: [{type: url, extract_from: report, json_path: "links[*].href", label: Dashboard}]\n`,
    ),
  )
  const report = JSON.stringify({ links: [{ href: 'https://a' }, { href: 'https://b' }] })
  const { state } = await runYaml(yaml, () => succeed({ report }))
  expect(state.steps.get('a')?.outcomes).toEqual([
    { type: 'url', label: 'Dashboard', value: 'https://a' },
    { type: 'url', label: 'Dashboard', value: 'https://b' },
  ])
})
