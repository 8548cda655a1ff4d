import { expect, test } from 'vitest'
import { succeed } from '../../testing/rig.ts'
import {
  artifactYaml,
  eventsOf,
  pipelineYaml,
  promptYaml,
  runYaml,
} from '../../testing/yaml-run.ts'
import type { Perform } from '../../testing/yaml-run.ts'

const child = (name: string): string => `kind: WavePipeline
metadata: {name: ${name}}
steps:
  - id: act
    persona: craftsman
    exec: {source: "${name} {{ input }}"}
    output_artifacts: [{name: done, path: done.txt}]
pipeline_outputs: {done: {step: act, artifact: done}}
`
const files = { hotfix: child('hotfix'), slow: child('slow') }
const yaml = (more: string): string =>
  pipelineYaml(
    promptYaml('triage', artifactYaml('t', 'json')) +
      `  - id: route
    dependencies: [triage]
    branch: {on: steps.triage.artifacts.t.severity, cases: {P1: hotfix, P4: skip}${more}}
`,
  )
const say =
  (severity: string): Perform =>
  () =>
    succeed({ t: JSON.stringify({ severity }), done: 'x' })

test('the value chooses the pipeline', async () => {
  const { statuses, events } = await runYaml(yaml(', default: slow'), say('P1'), { files })
  expect(statuses).toMatchObject({ route: 'succeeded', 'route/act': 'succeeded' })
  expect(eventsOf(events, 'branch-taken')).toMatchObject([{ value: 'P1', to: 'hotfix' }])
  const other = await runYaml(yaml(', default: slow'), say('P2'), { files })
  expect(eventsOf(other.events, 'branch-taken')).toMatchObject([{ value: 'P2', to: 'slow' }])
  const none = await runYaml(yaml(''), say('P4'), { files })
  expect(none.statuses).toEqual({ triage: 'succeeded', route: 'succeeded' })
})

test('a value without case and default fails the step', async () => {
  const { state } = await runYaml(yaml(''), say('P3'), { files })
  expect(state.steps.get('route')?.failure).toMatchObject({ reason: 'branch-failed' })
})

test('the last line break of a text is no part of the value, and a skip says what it was', async () => {
  const text = yaml('')
    .replace('.t.severity', '.t')
    .replace(artifactYaml('t', 'json'), artifactYaml('t', 'txt'))
  const { events } = await runYaml(text, () => succeed({ t: 'P1\n', done: 'x' }), { files })
  expect(eventsOf(events, 'branch-taken')).toMatchObject([{ value: 'P1', to: 'hotfix' }])
  const skipped = await runYaml(text, () => succeed({ t: 'P4\r\n' }), { files })
  const ended = eventsOf(skipped.events, 'step-succeeded').find(({ step }) => step === 'route')
  expect(ended?.message).toBe('Skipped: it is "P4"')
})
