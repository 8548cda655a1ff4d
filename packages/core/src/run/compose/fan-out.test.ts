import { expect, test } from 'vitest'
import { settle } from '../../testing/manual-clock.ts'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import { succeed } from '../../testing/rig.ts'
import {
  artifactYaml,
  eventsOf,
  pipelineYaml,
  promptYaml,
  runYaml,
} from '../../testing/yaml-run.ts'
import type { Perform } from '../../testing/yaml-run.ts'
import { encodeRecord } from '../journal/record.ts'

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

const eachYaml = (more = '', top = ''): string =>
  pipelineYaml(promptYaml('each', `    iterate: {over: "[1, 2, 3]", mode: parallel}\n${more}`), top)
const childYaml = (steps: string, top = ''): string =>
  pipelineYaml(steps, top).replace('name: test', 'name: child')
const CALL = '    pipeline: child\n    input: x\n'
const REFUSED = {
  status: 'failed',
  failure: { reason: 'model-refused' },
  usage: undefined,
} as const

test('a list of a thousand items fits into the journal', async () => {
  const items = JSON.stringify({ items: Array.from({ length: 1000 }, () => ({ name: 'x' })) })
  const long = 'a-step-with-a-name-that-is-long-but-allowed'
  const { events, outcome } = await runYaml(
    yaml('max_items: 1000').replaceAll('review', long),
    ({ planned }) => succeed(planned.step.id === 'list' ? { found: items } : { note: '1' }),
  )
  expect(outcome).toBe('completed')
  const stamp = { seq: 0, prev: '', at: '' }
  expect(() => events.map((event) => encodeRecord(stamp, event))).not.toThrow()
})

test('commands of hooks run in the sandboxes of the items; the whole has none', async () => {
  const hook = 'hooks: [{name: lint, event: step_completed, type: command, command: lint}]'
  const { events } = await runYaml(eachYaml('', hook), () => succeed(), {
    provider: new MemoryWorkspaceProvider(),
  })
  const hooked = eventsOf(events, 'hook-ran').map(({ step }) => step)
  expect(hooked).toEqual(['each[1]', 'each[2]', 'each[3]'])
})

test('a called pipeline that went well only in part makes the fan-out over it partial', async () => {
  const child = childYaml(promptYaml('may', '    optional: true\n') + promptYaml('must'))
  const { state, outcome } = await runYaml(
    pipelineYaml(`  - id: each\n    iterate: {over: "[1, 2]"}\n${CALL}`),
    ({ planned }) => (planned.step.id === 'each[2]/may' ? REFUSED : succeed()),
    { files: { child } },
  )
  expect(state.steps.get('each')).toMatchObject({ status: 'succeeded', partial: true })
  expect(outcome).toBe('partial')
})

test('what called pipelines deliver has the number of the item in its name', async () => {
  const out = '    output_artifacts: [{name: note, path: output/note.txt}]\n'
  const { state } = await runYaml(
    pipelineYaml(`  - id: each\n    iterate: {over: "[1, 2]"}\n${CALL}`),
    () => succeed({ note: 'N' }),
    { files: { child: childYaml(promptYaml('write', out)) } },
  )
  expect(state.steps.get('each[2]/write')?.artifacts[0]?.path).toBe('output/note.2.txt')
})

test('no more items run at once than the pipeline that they belong to allows', async () => {
  let now = 0
  let most = 0
  await runYaml(
    pipelineYaml(`  - id: call\n${CALL}`),
    async () => {
      now += 1
      most = Math.max(most, now)
      await settle()
      now -= 1
      return succeed()
    },
    {
      files: {
        child: eachYaml('', 'limits: {concurrency: 1}').replace('name: test', 'name: child'),
      },
    },
  )
  expect(most).toBe(1)
})

test('items leave a share of the budget to the steps behind the fan-out', async () => {
  const refused: Record<string, unknown> = {}
  const { outcome } = await runYaml(
    eachYaml('', 'limits: {tokens: 100}') + promptYaml('report', '    dependencies: [each]\n'),
    ({ planned, budget }) => {
      refused[planned.step.id] = budget.reserve({ tokens: 90 })?.reason
      return succeed()
    },
  )
  expect(refused).toMatchObject({ 'each[1]': 'limit-reached', report: undefined })
  expect(outcome).toBe('completed')
})
