import { expect, test } from 'vitest'
import { succeed } from '../testing/rig.ts'
import { artifactYaml, eventsOf, pipelineYaml, promptYaml, runYaml } from '../testing/yaml-run.ts'

const yaml = pipelineYaml(
  promptYaml('triage', artifactYaml('triage', 'json')) +
    promptYaml(
      'page',
      '    dependencies: [triage]\n    when: steps.triage.artifacts.triage.severity == "P1"\n',
    ) +
    promptYaml('tell', '    dependencies: [page]\n'),
)

test('a step whose condition holds runs, and the journal has the values', async () => {
  const { statuses, events } = await runYaml(yaml, () => succeed({ triage: '{"severity":"P1"}' }))
  expect(statuses).toEqual({ triage: 'succeeded', page: 'succeeded', tell: 'succeeded' })
  const started = eventsOf(events, 'step-started').find(({ step }) => step === 'page')
  expect(started?.when).toMatchObject({ result: 'true' })
  expect(Object.values(started?.when?.values ?? {})).toContain('"P1"')
})

test('a step whose condition does not hold is skipped, the others run and the run is complete', async () => {
  const { statuses, outcome, exitCode, events } = await runYaml(yaml, () =>
    succeed({ triage: '{"severity":"P3"}' }),
  )
  expect(statuses).toEqual({ triage: 'succeeded', page: 'skipped', tell: 'succeeded' })
  expect({ outcome, exitCode }).toEqual({ outcome: 'completed', exitCode: 0 })
  const [skipped] = eventsOf(events, 'step-skipped')
  expect(skipped?.when?.result).toBe('false')
})

test('a step that needs an artifact of a skipped one is skipped too', async () => {
  const needy = pipelineYaml(
    promptYaml('a', `    when: '"x" == "y"'\n${artifactYaml('note', 'txt')}`) +
      promptYaml(
        'b',
        '    dependencies: [a]\n    memory: {inject_artifacts: [{step: a, artifact: note}]}\n',
      ) +
      promptYaml(
        'c',
        '    dependencies: [a]\n    memory: {inject_artifacts: [{step: a, artifact: note, optional: true}]}\n',
      ),
  )
  const { statuses } = await runYaml(needy)
  expect(statuses).toEqual({ a: 'skipped', b: 'skipped', c: 'succeeded' })
})

test('a field that is missing at run time fails the step instead of being false', async () => {
  const { statuses, state } = await runYaml(yaml, () => succeed({ triage: '{"other":1}' }))
  expect(statuses['page']).toBe('failed')
  expect(state.steps.get('page')?.failure).toMatchObject({ reason: 'condition-failed' })
})

test('a condition that cannot be decided fails its step as that step may fail', async () => {
  const { outcome, state, statuses } = await runYaml(
    pipelineYaml(
      promptYaml('first', artifactYaml('facts', 'json')) +
        promptYaml(
          'may',
          '    dependencies: [first]\n    optional: true\n    when: steps.first.artifacts.facts.missing == 1\n',
        ) +
        promptYaml('last', '    dependencies: [may]\n'),
    ),
    () => succeed({ facts: '{}' }),
  )
  expect(state.steps.get('may')?.failure?.reason).toBe('condition-failed')
  expect(statuses['last']).toBe('succeeded')
  expect(outcome).toBe('partial')
})
