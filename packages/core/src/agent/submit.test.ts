import { expect, test } from 'vitest'
import { AgentRig, declare, resultsIn } from '../testing/agent-rig.ts'
import type { AgentRigOptions } from '../testing/agent-rig.ts'
import { ScriptedModel } from '../testing/scripted-model.ts'
import type { Script } from '../testing/scripted-model.ts'

const REPORT = 'A report that is long enough to count as one.'
const TRIAGE = { severity: 'P1', services: ['orders'] }

function rigFor(
  script: Script,
  options: Omit<AgentRigOptions, 'models'> = {},
): { rig: AgentRig; model: ScriptedModel } {
  const model = new ScriptedModel(script)
  const artifacts = [declare('triage', 'json'), declare('report')]
  return {
    rig: new AgentRig({ step: { artifacts }, ...options, models: [model.resolved()] }),
    model,
  }
}

const submit = (input: unknown): { calls: { name: string; input: unknown }[] } => ({
  calls: [{ name: 'submit', input }],
})

async function accepted(rig: AgentRig): Promise<Record<string, string>> {
  const outcome = await rig.run()
  if (outcome.status !== 'succeeded') throw new Error(JSON.stringify(outcome.failure))
  return Object.fromEntries(
    [...outcome.artifacts].map(([name, content]) => [name, Buffer.from(content).toString()]),
  )
}

test('JSON artifacts are stored as JSON, text as it was given', async () => {
  const { rig } = rigFor([submit({ triage: TRIAGE, report: REPORT })])
  const artifacts = await accepted(rig)
  expect(JSON.parse(artifacts['triage'] ?? '')).toEqual(TRIAGE)
  expect(artifacts['report']).toBe(REPORT)
})

test('What the call leaves out is read from the file at the declared path', async () => {
  const { rig } = rigFor(
    [
      { calls: [{ name: 'write', input: { path: '/work/output/report.md', content: REPORT } }] },
      submit({ triage: TRIAGE }),
    ],
    { tools: ['write'] },
  )
  expect((await accepted(rig))['report']).toBe(REPORT)
})

test('A rejection lists all problems, names what was there and what is missing, and offers only submit', async () => {
  const { rig, model } = rigFor(
    [submit({ triage: { severity: 'P9' }, extra: 1 }), submit({ triage: TRIAGE, report: REPORT })],
    {
      check: (artifacts) => [
        ...(artifacts.has('report') ? [] : ['report is missing: nothing at output/report.md.']),
        ...(Buffer.from(artifacts.get('triage') ?? []).includes('P9')
          ? ['triage: /severity is wrong']
          : []),
      ],
    },
  )
  await accepted(rig)
  const [result] = resultsIn(model.requests[1])
  expect(result?.isError).toBe(true)
  for (const words of [
    '"extra" is not a declared output',
    'triage: /severity is wrong',
    'report is missing',
    'In this call: triage, extra.',
    'Missing: report.',
    '3 left',
  ]) {
    expect(result?.text).toContain(words)
  }
  expect(model.requests[1]?.tools.map(({ name }) => name)).toEqual(['submit'])
  expect(model.requests[1]?.toolChoice).toEqual({ name: 'submit' })
})

test('After three corrections the step fails; the last attempt does not win', async () => {
  const { rig, model } = rigFor(() => submit({ triage: TRIAGE, report: REPORT }), {
    check: () => ['triage: /started_at is missing'],
  })
  expect(await rig.run()).toMatchObject({
    status: 'failed',
    failure: {
      reason: 'artifact-invalid',
      name: 'triage',
      problems: ['triage: /started_at is missing'],
    },
  })
  expect(model.requests).toHaveLength(4)
})

test('Talking instead of correcting uses up a correction', async () => {
  const { rig, model } = rigFor((_request, index) =>
    index === 0 ? submit({}) : { text: 'I cannot do that.' },
  )
  expect(await rig.run()).toMatchObject({ failure: { reason: 'artifact-invalid' } })
  expect(model.requests).toHaveLength(4)
})

test('Other tools are gone during a correction', async () => {
  const { rig, model } = rigFor([
    submit({}),
    { calls: [{ name: 'read', input: { path: 'a' } }] },
    submit({ triage: TRIAGE, report: REPORT }),
  ])
  await accepted(rig)
  expect(resultsIn(model.requests[2])[0]?.text).toContain(
    'There is no such tool now. Tools: submit.',
  )
})

test.each([
  ['a placeholder', { report: 'TODO' }, 'placeholder "TODO"'],
  ['a weak placeholder as the whole text', { report: 'n/a' }, 'placeholder'],
  ['a document of a few characters', { report: 'It broke.' }, 'too short'],
  [
    'a placeholder deep in JSON',
    { triage: { ...TRIAGE, list: [{ x: '<string>' }] } },
    'placeholder',
  ],
  ['JSON of nothing but weak placeholders', { triage: { a: 'test', b: ['n/a'] } }, 'nothing but'],
  ['text in place of a string', { report: { title: 'x' } }, 'must be a string'],
])('Degenerate output is refused: %s', async (_what, part, words) => {
  const good = { triage: TRIAGE, report: REPORT }
  const { rig, model } = rigFor([submit({ ...good, ...part }), submit(good)])
  await accepted(rig)
  expect(resultsIn(model.requests[1])[0]?.text).toContain(words)
})

test('Words that are placeholders elsewhere may be answers', async () => {
  const triage = { suite: 'test', workaround: 'n/a', severity: 'P1' }
  const { rig } = rigFor([submit({ triage, report: 'The unit test "string" fails since noon.' })])
  expect(await accepted(rig)).toBeDefined()
})

test('A binary artifact is taken from its file only', async () => {
  const artifacts = [declare('dump', 'binary')]
  const { rig, model } = rigFor(
    [
      { calls: [{ name: 'write', input: { path: '/work/output/dump.bin', content: 'bytes' } }] },
      submit({ dump: 'bytes' }),
      submit({}),
    ],
    { tools: ['write'], step: { artifacts } },
  )
  expect(await accepted(rig)).toEqual({ dump: 'bytes' })
  expect(resultsIn(model.requests[2])[0]?.text).toContain('leave it as a file')
})

test('A second submission in one turn is refused after the first was accepted', async () => {
  const input = { triage: TRIAGE, report: REPORT }
  const { rig } = rigFor([
    {
      calls: [
        { name: 'submit', input },
        { name: 'submit', input },
      ],
    },
  ])
  await accepted(rig)
  expect(rig.eventsOf('tool-result').map(({ isError }) => isError)).toEqual([false, true])
})
