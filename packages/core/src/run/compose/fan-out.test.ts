import { expect, test } from 'vitest'
import { succeed } from '../../testing/rig.ts'
import { artifactYaml, pipelineYaml, promptYaml, runYaml } from '../../testing/yaml-run.ts'
import type { Perform } from '../../testing/yaml-run.ts'

const yaml = (iterate: string): string =>
  pipelineYaml(
    promptYaml('list', artifactYaml('found', 'json')) +
      `  - id: review
    persona: auditor
    dependencies: [list]
    iterate: {over: steps.list.artifacts.found.items, ${iterate}}
    exec: {source: "{{ iteration }}: {{ item.name }}"}
    output_artifacts: [{name: note, path: out/note.json, type: json}]
  - id: merged
    dependencies: [review]
    aggregate: {from: [review.note], strategy: merge_arrays}
    output_artifacts: [{name: all, path: out/all.json, type: json}]
`,
  )
const found = JSON.stringify({ items: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] })

test('each item has its own run of the step, and the results keep the order of the items', async () => {
  const tasks: string[] = []
  const { statuses, state, read } = await runYaml(
    yaml('mode: parallel, max_concurrent: 2'),
    ({ planned, task }) => {
      if (planned.step.id === 'list') return succeed({ found })
      tasks.push(`${planned.step.id} ${task}`)
      return succeed({ note: JSON.stringify({ id: task }) })
    },
  )
  expect(tasks).toEqual(['review[1] 1: a', 'review[2] 2: b', 'review[3] 3: c'])
  expect(statuses).toMatchObject({ 'review[2]': 'succeeded', merged: 'succeeded' })
  const note = read('review')
  expect(JSON.parse(note)).toEqual([
    { iteration: 1, item: { name: 'a' }, outcome: 'completed', value: { id: '1: a' } },
    { iteration: 2, item: { name: 'b' }, outcome: 'completed', value: { id: '2: b' } },
    { iteration: 3, item: { name: 'c' }, outcome: 'completed', value: { id: '3: c' } },
  ])
  const all = read('merged')
  expect(JSON.parse(all)).toEqual([{ id: '1: a' }, { id: '2: b' }, { id: '3: c' }])
  expect(state.steps.get('review[2]')?.artifacts[0]?.path).toBe('out/note.2.json')
})

const failSecond: Perform = ({ planned }) => {
  if (planned.step.id === 'list') return succeed({ found })
  if (planned.step.id === 'review[2]') {
    return { status: 'failed', failure: { reason: 'model-refused' }, usage: undefined }
  }
  return succeed({ note: '1' })
}

test('a failed item fails the step and ends the rest, unless on_failure is continue', async () => {
  const strict = await runYaml(yaml('mode: sequential'), failSecond)
  expect(strict.statuses).toMatchObject({ 'review[3]': 'skipped', review: 'failed' })
  const lenient = await runYaml(yaml('on_failure: continue'), failSecond)
  expect(lenient.statuses).toMatchObject({ 'review[3]': 'succeeded', review: 'succeeded' })
  expect({ outcome: lenient.outcome, exitCode: lenient.exitCode }).toEqual({
    outcome: 'partial',
    exitCode: 3,
  })
})

test('below min_success_rate the step fails', async () => {
  const { state } = await runYaml(yaml('on_failure: continue, min_success_rate: 0.8'), failSecond)
  expect(state.steps.get('review')?.failure).toEqual({
    reason: 'items-failed',
    failed: 1,
    items: 3,
  })
})

test('a list that is too long fails before the first item', async () => {
  const { statuses } = await runYaml(yaml('max_items: 2'), failSecond)
  expect(Object.keys(statuses)).not.toContain('review[1]')
  expect(statuses['review']).toBe('failed')
})
