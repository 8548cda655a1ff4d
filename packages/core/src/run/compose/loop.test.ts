import { expect, test } from 'vitest'
import { succeed } from '../../testing/rig.ts'
import { artifactYaml, pipelineYaml, promptYaml, runYaml } from '../../testing/yaml-run.ts'
import type { Perform } from '../../testing/yaml-run.ts'

const yaml = (until: string, more = ''): string =>
  pipelineYaml(
    promptYaml('triage', artifactYaml('t', 'txt')) +
      `  - id: polish
    dependencies: [triage]
    loop:
      max_iterations: 3
      until: ${until}
${more}      steps:
        - id: draft
          persona: summarizer
          memory: {inject_artifacts: [{step: draft, artifact: text, as: last, iteration: previous}, {step: triage, artifact: t}]}
          exec: {source: "Round {{ iteration }} after <{{ artifacts.last.text }}> {{ artifacts.t.text }}"}
          output_artifacts: [{name: text, path: out/text.md}]
        - id: check
          persona: auditor
          dependencies: [draft]
          exec: {source: "Check {{ steps.draft.artifacts.text }}"}
          output_artifacts: [{name: verdict, path: out/verdict.json, type: json}]
  - id: done
    persona: summarizer
    dependencies: [polish]
    memory: {inject_artifacts: [{step: polish, artifact: text}]}
    exec: {source: "Final: {{ artifacts.text.text }}"}
`,
  )

const perform = (tasks: Record<string, string>, okAt: number): Perform => {
  return ({ planned, task }) => {
    const { id } = planned.step
    tasks[id] = task
    const round = Number(id.split('#')[1] ?? 0)
    if (id.startsWith('check')) return succeed({ verdict: JSON.stringify({ ok: round >= okAt }) })
    return succeed({ text: `text ${round}`, t: 'T' })
  }
}

test('the body runs until the condition holds, and sees what it made the round before', async () => {
  const tasks: Record<string, string> = {}
  const { statuses, outcome, delivered } = await runYaml(
    yaml('steps.check.artifacts.verdict.ok'),
    perform(tasks, 2),
  )
  expect(statuses).toMatchObject({
    'draft#2': 'succeeded',
    'check#2': 'succeeded',
    polish: 'succeeded',
  })
  expect(Object.keys(statuses)).not.toContain('draft#3')
  expect(tasks['draft#1']).toBe('Round 1 after <> T')
  expect(tasks['draft#2']).toBe('Round 2 after <text 1> T')
  expect(tasks['check#2']).toBe('Check text 2')
  expect(tasks['done']).toBe('Final: text 2')
  expect(outcome).toBe('completed')
  expect(delivered).toEqual([])
})

test('a loop whose rounds are used up fails', async () => {
  const { outcome, state } = await runYaml(yaml('steps.check.artifacts.verdict.ok'), perform({}, 9))
  expect(outcome).toBe('failed')
  expect(state.steps.get('polish')?.failure).toEqual({ reason: 'loop-exhausted', rounds: 3 })
})

test('with on_exhausted: continue it stands for its last round, and the run is partial', async () => {
  const tasks: Record<string, string> = {}
  const { outcome, exitCode } = await runYaml(
    yaml('steps.check.artifacts.verdict.ok', '      on_exhausted: continue\n'),
    perform(tasks, 9),
  )
  expect({ outcome, exitCode }).toEqual({ outcome: 'partial', exitCode: 3 })
  expect(tasks['done']).toBe('Final: text 3')
})

test('the items of a fan-out in a loop see what it made the round before', async () => {
  const tasks: Record<string, string> = {}
  await runYaml(
    pipelineYaml(`  - id: polish
    loop:
      max_iterations: 2
      steps:
        - id: each
          persona: summarizer
          iterate: {over: "['a']"}
          memory: {inject_artifacts: [{step: each, artifact: note, as: last, iteration: previous}]}
          exec: {source: "{{ item }} after <{{ artifacts.last.text }}>"}
          output_artifacts: [{name: note, path: note.txt}]
`),
    ({ planned, task }) => {
      tasks[planned.step.id] = task
      return succeed({ note: 'the first note' })
    },
  )
  expect(tasks['each#1[1]']).toBe('a after <>')
  expect(tasks['each#2[1]']).toContain('the first note')
})

test('ids of rounds become names of files; the folders of a path stay', async () => {
  const { state } = await runYaml(
    pipelineYaml(`  - id: polish
    loop:
      max_iterations: 2
      steps:
        - id: draft
          persona: summarizer
          exec: {source: Draft}
          output_artifacts: [{name: text, path: "output/2026/{{ step.id }}.txt"}]
`),
    () => succeed({ text: 'T' }),
  )
  expect(state.steps.get('draft#2')?.artifacts[0]?.path).toBe('output/2026/draft-2.txt')
})

test('the place of an artifact may tell the round, and the loop hands over that of its last one', async () => {
  const { state } = await runYaml(
    pipelineYaml(`  - id: twice
    loop:
      max_iterations: 2
      until: steps.note.artifacts.note.done
      steps:
        - id: note
          persona: auditor
          exec: {source: Note}
          output_artifacts: [{name: note, path: "notes/{{ iteration }}.json", type: json}]
`),
    ({ planned }) => succeed({ note: JSON.stringify({ done: planned.step.id === 'note#2' }) }),
  )
  expect(state.steps.get('note#1')?.artifacts[0]?.path).toBe('notes/1.json')
  expect(state.steps.get('twice')?.artifacts[0]?.path).toBe('notes/2.json')
})
