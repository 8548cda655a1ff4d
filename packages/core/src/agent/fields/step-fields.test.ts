import { expect, test } from 'vitest'
import type { FieldSpec } from '../../pipeline/fields.ts'
import { AgentRig, declare, resultsIn } from '../../testing/agent-rig.ts'
import type { AgentRigOptions } from '../../testing/agent-rig.ts'
import { ScriptedModel } from '../../testing/scripted-model.ts'
import type { Script } from '../../testing/scripted-model.ts'

const PLAIN: Omit<FieldSpec, 'name'> = {
  type: 'string',
  values: undefined,
  optional: false,
  mayBeEmpty: false,
  label: undefined,
  placeholder: undefined,
  wholeMessage: false,
}

const TRIAGE: readonly FieldSpec[] = [
  { ...PLAIN, name: 'severity', values: ['SEV1', 'SEV2'], label: 'Severity' },
  { ...PLAIN, name: 'data_breach', type: 'boolean' },
]
const LINE: readonly FieldSpec[] = [{ ...PLAIN, name: '_line', wholeMessage: true }]

const FIELDS = { severity: 'SEV1', data_breach: false }
const MESSAGE = '- Severity: SEV1 (Critical)\n- Data breach: no\n\nAll requests fail.'
const UNREADABLE = '- Severity: SEV9\n- Data breach: no'

function rigFor(
  script: Script,
  {
    extract = TRIAGE,
    ...options
  }: Omit<AgentRigOptions, 'models'> & { extract?: readonly FieldSpec[] } = {},
): { rig: AgentRig; model: ScriptedModel } {
  const model = new ScriptedModel(script)
  const artifacts = [
    declare('output', 'markdown', { source: 'stdout' }),
    { ...declare('fields', 'json', { path: 'fields.json' }), extract },
  ]
  const rig = new AgentRig({
    tools: [],
    ...options,
    step: { artifacts, ...options.step },
    models: [model.resolved()],
  })
  return { rig, model }
}

async function accepted(rig: AgentRig): Promise<Record<string, string>> {
  const outcome = await rig.run()
  if (outcome.status !== 'succeeded') throw new Error(JSON.stringify(outcome.failure))
  return Object.fromEntries(
    [...outcome.artifacts].map(([name, content]) => [name, Buffer.from(content).toString()]),
  )
}

function stagesOf(rig: AgentRig): readonly string[] {
  return rig.eventsOf('fields-extracted').map(({ stage }) => stage)
}

const submit = (input: unknown): { calls: { name: string; input: unknown }[] } => ({
  calls: [{ name: 'submit', input }],
})

test('Point 4: the final message is the text, and the fields are read from it, without another call', async () => {
  const { rig, model } = rigFor([{ text: MESSAGE }])
  const { output, fields = '' } = await accepted(rig)
  expect(output).toBe(MESSAGE)
  expect(JSON.parse(fields)).toEqual(FIELDS)
  expect(stagesOf(rig)).toEqual(['labels'])
  expect(model.requests).toHaveLength(1)
})

test('Submitted fields are brought into form, too', async () => {
  const { rig } = rigFor([
    submit({
      output: 'Short.',
      fields: { severity: 'sev1 (Critical)', data_breach: 'No', more: 1 },
    }),
  ])
  const { output, fields = '' } = await accepted(rig)
  expect(output).toBe('Short.')
  expect(JSON.parse(fields)).toEqual(FIELDS)
  expect(stagesOf(rig)).toEqual(['submitted'])
})

test('A submission without fields is searched for them', async () => {
  const { rig } = rigFor([submit({ output: MESSAGE })])
  expect(JSON.parse((await accepted(rig))['fields'] ?? '')).toEqual(FIELDS)
  expect(stagesOf(rig)).toEqual(['labels'])
})

test('Submitted fields that break the contract come back, whatever the text says', async () => {
  const fields = { severity: 'SEV9', data_breach: true }
  const { rig, model } = rigFor([
    submit({ output: MESSAGE, fields }),
    submit({ output: MESSAGE, fields: FIELDS }),
  ])
  await accepted(rig)
  expect(resultsIn(model.requests[1])[0]?.text).toContain(
    'fields: severity must be one of SEV1, SEV2; it is "SEV9".',
  )
  expect(resultsIn(model.requests[1])[0]?.text).not.toContain('is missing')
})

test('Point 5: fields that cannot be read are asked for once; the text stays the first one', async () => {
  const { rig, model } = rigFor([{ text: UNREADABLE }, { text: JSON.stringify(FIELDS) }])
  const { output, fields = '' } = await accepted(rig)
  expect(output).toBe(UNREADABLE)
  expect(JSON.parse(fields)).toEqual(FIELDS)
  expect(stagesOf(rig)).toEqual(['repair'])
  const [, repair] = model.requests
  expect(repair?.tools.map(({ name }) => name)).toEqual(['submit'])
  expect(repair?.toolChoice).toBe('auto')
  const said = repair?.messages.at(-1)
  for (const words of [
    'fields: severity must be one of SEV1, SEV2; it is "SEV9".',
    '- `severity` (enum, label "Severity"): one of SEV1, SEV2',
    '- `data_breach` (boolean): yes or no',
  ]) {
    expect(said).toMatchObject({ text: expect.stringContaining(words) })
  }
})

test.each([
  ['SEV9', UNREADABLE],
  ['SEV1 or SEV2', '- Severity: SEV1 or SEV2\n- Data breach: no'],
  ['the echoed bracket', '- Severity: [SEV1/SEV2]\n- Data breach: no'],
])(
  'Point 5: %s twice fails the attempt with the errors, and nobody is asked again',
  async (_what, text) => {
    const { rig, model } = rigFor([{ text }, { text }])
    expect(await rig.run()).toMatchObject({
      status: 'failed',
      failure: {
        reason: 'artifact-invalid',
        name: 'fields',
        problems: [expect.stringContaining('fields: severity must be one of SEV1, SEV2')],
      },
      lastText: text,
    })
    expect(model.requests).toHaveLength(2)
    expect(stagesOf(rig)).toEqual([])
  },
)

test.each([
  ['by a submission of the fields alone', submit({ fields: FIELDS }), UNREADABLE],
  ['by a whole submission', submit({ output: MESSAGE, fields: FIELDS }), MESSAGE],
])('The question for fields may be answered %s', async (_how, answer, text) => {
  const { rig } = rigFor([{ text: UNREADABLE }, answer])
  expect((await accepted(rig))['output']).toBe(text)
  expect(stagesOf(rig)).toEqual(['repair'])
})

test.each([
  ['a wrong submission', submit({ fields: { severity: 'SEV9' } })],
  ['an empty reply', { text: '' }],
])('After the question for fields %s ends the attempt', async (_what, answer) => {
  const { rig, model } = rigFor([{ text: UNREADABLE }, answer])
  expect(await rig.run()).toMatchObject({ failure: { reason: 'artifact-invalid', name: 'fields' } })
  expect(model.requests).toHaveLength(2)
})

test('The question for fields is asked although no turn is left', async () => {
  const { rig } = rigFor([{ text: UNREADABLE }, { text: MESSAGE }], { step: { turns: 1 } })
  expect(JSON.parse((await accepted(rig))['fields'] ?? '')).toEqual(FIELDS)
})

test('An empty message is no answer: nothing is read from it', async () => {
  const { rig, model } = rigFor([{ text: '' }, { text: MESSAGE }])
  await accepted(rig)
  expect(model.requests[1]?.messages.at(-1)).toMatchObject({
    text: expect.stringContaining('Still missing: output, fields'),
  })
})

test('A file artifact without such fields is never taken from the message', async () => {
  const triage = declare('triage', 'json')
  const { rig } = rigFor(() => ({ text: '{"severity": "SEV1", "data_breach": "no"}' }), {
    step: { artifacts: [triage] },
  })
  expect(await rig.run()).toMatchObject({
    failure: { reason: 'artifact-missing', name: 'triage' },
  })
})

test('A step may leave its fields as a file', async () => {
  const write = { path: '/work/fields.json', content: '{"severity": "sev2", "data_breach": "yes"}' }
  const { rig } = rigFor([{ calls: [{ name: 'write', input: write }] }, { text: 'Done.' }], {
    tools: ['write'],
  })
  expect(JSON.parse((await accepted(rig))['fields'] ?? '')).toEqual({
    severity: 'SEV2',
    data_breach: true,
  })
  expect(stagesOf(rig)).toEqual(['submitted'])
})

test('A message of one word can be the whole result', async () => {
  const { rig, model } = rigFor([{ text: '**No.**' }], { extract: LINE })
  const { output, fields = '' } = await accepted(rig)
  expect(output).toBe('**No.**')
  expect(JSON.parse(fields)).toEqual({ _line: 'No' })
  expect(model.requests[0]?.tools.at(-1)?.inputSchema['required']).toEqual(['output'])
})

test('A message that has to be one line is compared as it was submitted', async () => {
  const { rig } = rigFor([submit({ output: 'NO.' })], { extract: LINE })
  expect(JSON.parse((await accepted(rig))['fields'] ?? '')).toEqual({ _line: 'NO' })
})

test('The model is told the fields with type, values and label, and that a message will do', async () => {
  const { rig, model } = rigFor([{ text: MESSAGE }])
  await rig.run()
  const first = model.requests[0]?.messages[0]
  for (const words of [
    'or end with a message: its whole text is `output`, and the fields are read from it',
    '- `severity` (enum, label "Severity"): one of SEV1, SEV2',
    '- `data_breach` (boolean): yes or no',
  ]) {
    expect(first).toMatchObject({ text: expect.stringContaining(words) })
  }
  expect(model.requests[0]?.tools.at(-1)?.inputSchema).toMatchObject({
    required: ['output', 'fields'],
    properties: {
      fields: {
        type: 'object',
        required: ['severity', 'data_breach'],
        properties: { severity: { enum: ['SEV1', 'SEV2'] }, data_breach: { type: 'boolean' } },
      },
    },
  })
})

test('A problem beside the fields is corrected as usual, after the fields were asked for', async () => {
  const { rig, model } = rigFor(
    [
      { text: UNREADABLE },
      { text: MESSAGE },
      submit({ output: 'No section.', fields: FIELDS }),
      submit({ output: '## Summary\n\nAll fail.', fields: FIELDS }),
    ],
    {
      check: (artifacts) =>
        Buffer.from(artifacts.get('output') ?? []).includes('## Summary')
          ? []
          : ['output: the section "Summary" is missing'],
    },
  )
  expect((await accepted(rig))['output']).toContain('## Summary')
  expect(model.requests).toHaveLength(4)
})
