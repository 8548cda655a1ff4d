import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { StepContext, StepOutcome } from '../../ports.ts'
import { succeed } from '../../testing/rig.ts'
import { runYaml } from '../../testing/yaml-run.ts'

const FIXTURES = new URL('../../../../../test/fixtures/workflow-v2/', import.meta.url)
const fixture = (name: string): string => readFileSync(new URL(name, FIXTURES), 'utf8')

const flow = (steps: string, name = 'flow'): string =>
  `$schema: "workflow/v2.0"\nname: ${name}\nversion: 1.10\nsteps:\n${steps}`

/** Answers with a text for each step, and remembers what was asked. */
function answering(answers: (context: StepContext) => Readonly<Record<string, string>>) {
  const asked = new Map<string, string[]>()
  const perform = (context: StepContext): StepOutcome => {
    const { id, artifacts } = context.planned.step
    asked.set(id, [...(asked.get(id) ?? []), context.task])
    const text = artifacts.find(({ source }) => source === 'stdout')?.name ?? 'output'
    const given = { [text]: `Result of ${id}`, ...answers(context) }
    const declared = Object.entries(given).filter(([name]) =>
      artifacts.some((artifact) => artifact.name === name),
    )
    return succeed(Object.fromEntries(declared))
  }
  return { asked, perform, prompt: (id: string) => asked.get(id)?.join('\n') ?? '' }
}

const TRIAGE = {
  severity: 'SEV1',
  impact: 'All requests fail',
  stakeholder_notification: 'Page on-call',
  summary: 'Pool exhausted',
}

async function incident(fields: Readonly<Record<string, unknown>>) {
  const steps = ['regulatory-notification.yaml', 'create-jira-ticket.yaml'].map(fixture)
  const yaml = [fixture('incident_response.yaml'), ...steps].join('\n')
  const model = answering(() => ({ fields: JSON.stringify({ ...TRIAGE, ...fields }) }))
  const input = fixture('incident.json')
  const run = await runYaml(yaml, model.perform, { input })
  return { ...run, ...model, input }
}

test('the workflow of the user runs with both of its additions, and no prompt has a name left', async () => {
  const { statuses, asked, prompt, input } = await incident({ data_breach: true })
  expect(new Set(Object.values(statuses))).toEqual(new Set(['succeeded']))
  expect([...asked.values()].flat().join('\n')).not.toContain('{{')
  expect(prompt('triage')).toContain(input.trim())
  expect(prompt('technical_analysis')).toContain('Technical analysis for SEV1 incident:')
  expect(prompt('incident_document')).toMatch(/INC-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/u)
  expect(prompt('incident_document')).toContain('Page on-call')
  expect(prompt('create_jira_ticket')).toContain('- Title: Pool exhausted')
})

test.each([
  ['SEV1', true, 'succeeded'],
  ['SEV1', false, 'skipped'],
  ['SEV2', true, 'skipped'],
])('with %s and a data breach %s the regulatory step is %s', async (severity, breach, status) => {
  const { statuses } = await incident({ severity, data_breach: breach })
  expect(statuses['regulatory_notification']).toBe(status)
  expect(statuses['incident_document']).toBe('succeeded')
})

test('keys of JSON input can be read, and the input stays the text that was given', async () => {
  const { perform, prompt } = answering(() => ({}))
  const input = '{ "alert":  "API down" }'
  await runYaml(flow('  - {name: a, run: "{{input}} {{input.alert}}"}\n'), perform, { input })
  expect(prompt('a')).toBe('{ "alert":  "API down" } API down')
})

test('ballots decide together, and later steps read the verdict', async () => {
  const { perform, prompt } = answering(({ planned }) => {
    const reply = planned.step.id.includes('gate-2')
      ? 'REJECT, for now'
      : 'APPROVE because it works'
    return { [planned.step.artifacts[0]?.name ?? '']: reply }
  })
  const yaml = flow(`  - name: gate
    consensus:
      prompt: "Ship? [APPROVE/REJECT]"
      executions: [{provider: a, model: m}, {provider: b, model: m}, {provider: c, model: m}]
      require: 2/3
  - {name: ship, needs: [gate], if: "{{gate}} == 'APPROVE'", run: "{{gate}} {{gate.votes.APPROVE}}"}
  - {name: stop, needs: [gate], if: "{{gate}} == 'REJECT'", run: x}
`)
  const { statuses } = await runYaml(yaml, perform)
  expect(prompt('ship')).toBe('APPROVE because it works 2')
  expect(statuses).toMatchObject({ gate: 'succeeded', ship: 'succeeded', stop: 'skipped' })
})

const CHILD = flow('  - {name: look, run: "Look at {{input.code}} ({{depth}})"}\n', 'review')

test('a call hands every key over and gives back the last result', async () => {
  const { perform, prompt } = answering(() => ({}))
  const yaml = flow(`  - {name: call, template: {name: review, with: {code: "{{input}}", depth: 2}}}
  - {name: end, needs: [call], run: "Got: {{call}}"}
`)
  await runYaml(yaml, perform, { input: 'text', files: { review: CHILD } })
  expect(prompt('call/look')).toBe('Look at text (2)')
  expect(prompt('end')).toMatch(/^Got: Result of \S*look$/u)
})

const DRAFT = flow(
  '  - {name: write, run: "Round {{loop.iteration}} after [{{input.last}}]"}\n',
  'draft',
)

test('a loop goes on until its condition holds, and each round reads the one before', async () => {
  let round = 0
  const { perform, asked } = answering(() => {
    round += 1
    return { output: round === 2 ? 'two DONE' : 'one' }
  })
  const yaml = flow(`  - name: polish
    loop: {workflow: draft, max_iterations: 5, with: {last: "{{loop.last.output}}"}, until: "{{loop.output}} contains 'DONE'"}
`)
  const { statuses } = await runYaml(yaml, perform, { files: { draft: DRAFT } })
  expect([...asked.values()].flat()).toEqual(['Round 1 after []', 'Round 2 after [one]'])
  expect(statuses['polish']).toBe('succeeded')
})

test('a loop keeps the results of all its rounds where they have a name', async () => {
  let round = 0
  const { perform, prompt } = answering(() => {
    round += 1
    return { output: round === 3 ? 'third DONE' : `round ${round}` }
  })
  const yaml = flow(`  - name: polish
    loop: {workflow: draft, max_iterations: 5, with: {last: x}, until: "{{loop.output}} contains 'DONE'", accumulate: all}
  - {name: end, run: "All: {{all}}"}
`)
  await runYaml(yaml, perform, { files: { draft: DRAFT } })
  expect(prompt('end')).toBe('All: ["round 1","round 2","third DONE"]')
})

test('a sentence is judged after each round', async () => {
  const { perform, asked } = answering(({ task }) => ({
    verdict: JSON.stringify({ met: task.includes('Round 2'), quote: '' }),
    output: task,
  }))
  const yaml = flow(`  - name: polish
    loop: {workflow: draft, max_iterations: 5, with: {last: x}, until: it is good}
`)
  await runYaml(yaml, perform, { files: { draft: DRAFT } })
  expect([...asked.values()].flat()).toHaveLength(4)
})

const EACH = flow('  - {name: look, run: "{{loop.iteration}}: {{item}}"}\n', 'each')

test('a loop over items gives figures, the last result and the list of all', async () => {
  const { perform, prompt } = answering(({ planned, task }): Record<string, string> => {
    if (planned.step.id === 'files') return { output: 'a\n\nb\n' }
    return { output: `did ${task}` }
  })
  const yaml = flow(`  - {name: files, run: list}
  - name: each
    loop: {workflow: each, mode: iterate, items: "{{files}}", max_iterations: 5, accumulate: all}
  - {name: end, run: "{{each.succeeded}}/{{each.iterations}} {{each}} {{all}}"}
`)
  await runYaml(yaml, perform, { files: { each: EACH } })
  expect(prompt('end')).toBe('2/2 did 2: b ["did 1: a","did 2: b"]')
})
