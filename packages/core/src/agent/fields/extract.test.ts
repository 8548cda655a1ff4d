import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FieldSpec } from '../../pipeline/fields.ts'
import { extractFields } from './extract.ts'

function field(name: string, more: Partial<FieldSpec> = {}): FieldSpec {
  return {
    name,
    type: 'string',
    values: undefined,
    optional: false,
    mayBeEmpty: false,
    label: undefined,
    placeholder: undefined,
    wholeMessage: false,
    ...more,
  }
}

const SEVERITY = field('severity', {
  values: ['SEV1', 'SEV2', 'SEV3', 'SEV4'],
  label: 'Severity',
  placeholder: '[SEV1/SEV2/SEV3/SEV4]',
})
const IMPACT = field('impact', {
  label: 'Impact',
  placeholder: '[customers affected, services down, data at risk]',
})
const NOTIFICATION = field('stakeholder_notification', { label: 'Stakeholder Notification Needed' })
const TRIAGE = [SEVERITY, IMPACT]

const JSON_ANSWER = '{"severity": "SEV1", "impact": "All API requests failing"}'

test.each([
  ['json', JSON_ANSWER],
  ['fenced', `Here it is:\n\n\`\`\`json\n${JSON_ANSWER}\n\`\`\`\nThat is all.`],
  ['object', `The triage {as asked} is ${JSON_ANSWER}, I think {sic}.`],
  [
    'labels',
    '**Determine:**\n- Severity: SEV1\n- Impact: All API requests failing\n- Urgency: HIGH',
  ],
])('Point 4: the same answer gives the same fields, as %s', (stage, text) => {
  const fields = { severity: 'SEV1', impact: 'All API requests failing' }
  expect(extractFields(text, TRIAGE)).toEqual({ ok: true, stage, fields })
})

test.each([
  ['a value outside the list', '- Severity: SEV9\n- Impact: many'],
  ['two values', '- Severity: SEV1 or SEV2\n- Impact: many'],
  ['the echoed list', '- Severity: [SEV1/SEV2/SEV3/SEV4]\n- Impact: many'],
  [
    'the echoed prose',
    '- Severity: SEV1\n- Impact: [customers affected, services down, data at risk]',
  ],
  ['an empty text', '- Severity: SEV1\n- Impact:\n\n\n- Urgency: HIGH'],
  ['one label with two values', '- Severity: SEV1\n- Impact: a\n\nSeverity: SEV2'],
  ['half of the contract in JSON, half in labels', '{"severity": "SEV1"}\n- Impact: many'],
  [
    'an answer within a wrong answer',
    `{"before": ${JSON_ANSWER}, "severity": "SEV9", "impact": "x"}`,
  ],
  ['an answer within a broken answer', `{"before": ${JSON_ANSWER}, "severity": "SEV3",}`],
  ['one key twice', '{"severity": "SEV1", "severity": "SEV2", "impact": "x"}'],
])('Point 5: no field is made up from %s', (_what, text) => {
  expect(extractFields(text, TRIAGE)).toMatchObject({ ok: false })
})

test('What is wrong is told for each field, about the place that came nearest', () => {
  const text = 'I say {"unrelated": 1}.\n- Severity: SEV1 or SEV2\n- Impact: many'
  expect(extractFields(text, TRIAGE)).toEqual({
    ok: false,
    problems: ['severity must be one of SEV1, SEV2, SEV3, SEV4; "SEV1 or SEV2" names several.'],
  })
  expect(extractFields('I could not find out.', TRIAGE)).toEqual({
    ok: false,
    problems: [
      'severity is missing: one of SEV1, SEV2, SEV3, SEV4.',
      'impact is missing: text; UNKNOWN if it is not known.',
    ],
  })
})

test('Of several valid answers of one stage the last counts', () => {
  const first = JSON_ANSWER.replace('SEV1', 'SEV4')
  const fences = [first, JSON_ANSWER, '{"draft": true}'].map((one) => `\`\`\`\n${one}\n\`\`\``)
  for (const text of [fences.join('\n'), `At first ${first}, now ${JSON_ANSWER}, see {x}.`]) {
    expect(extractFields(text, TRIAGE)).toMatchObject({ fields: { severity: 'SEV1' } })
  }
})

test.each([
  ['SEV1', 'SEV1'],
  ['SEV1 (Critical)', 'SEV1'],
  ['**sev1**', 'SEV1'],
  ['Sev1 - customers cannot pay', 'SEV1'],
  ['SEV1, that is sev1', 'SEV1'],
  ['SEV12', undefined],
  ['pre-SEV1', undefined],
])('An enum value is the one allowed word in %j', (value, expected) => {
  const found = extractFields(`Severity: ${value}`, [SEVERITY])
  expect(found.ok ? found.fields['severity'] : undefined).toBe(expected)
})

test('A longer value is not taken for the shorter one within it', () => {
  const status = field('status', { values: ['PROGRESS', 'IN PROGRESS'] })
  expect(extractFields('Status: in progress', [status])).toMatchObject({
    fields: { status: 'IN PROGRESS' },
  })
})

test.each([
  ['yes', true],
  ['No.', false],
  ['TRUE', true],
  ['**Yes**, 500 records', true],
  ['no (checked twice)', false],
  ['Yes - all of them', true],
  ['yes/no', undefined],
  ['[yes/no]', undefined],
  ['yes or no', undefined],
  ['No doubt about it', undefined],
  ['nobody knows', undefined],
])('A boolean is read from %j as %j', (value, expected) => {
  const found = extractFields(`- Data breach: ${value}`, [
    field('data_breach', { type: 'boolean' }),
  ])
  expect(found.ok ? found.fields['data_breach'] : undefined).toBe(expected)
})

test.each([
  ['85', 85],
  ['85%', 85],
  ['-0.5 %', -0.5],
  ['**12.**', 12],
  ['80-90', undefined],
  ['1,200', undefined],
  ['about 5', undefined],
  ['1e999', undefined],
  ['', undefined],
])('A number is read from %j as %j', (value, expected) => {
  const found = extractFields(`Confidence: ${value}`, [field('confidence', { type: 'number' })])
  expect(found.ok ? found.fields['confidence'] : undefined).toBe(expected)
})

test('JSON values come as their own kind, too, and nothing else comes with them', () => {
  const specs = [
    field('breach', { type: 'boolean' }),
    field('share', { type: 'number' }),
    field('host', { type: 'object' }),
    field('port', { values: ['80', '443'] }),
  ]
  const text = '{"breach": false, "share": 0.5, "host": {"name": "db1"}, "port": 443, "more": 1}'
  expect(extractFields(text, specs)).toMatchObject({
    fields: { breach: false, share: 0.5, host: { name: 'db1' }, port: '443' },
  })
  expect(extractFields('{"breach": 1, "share": [1], "host": "db1", "port": {}}', specs)).toEqual({
    ok: false,
    problems: [
      'breach must be yes or no; it is "1".',
      'share must be one number; it is a list.',
      'host must be a JSON object; it is "db1".',
      'port must be one of 80, 443; it is an object.',
    ],
  })
})

test('Properties that every object has are no fields, and fields may be called like them', () => {
  expect(extractFields('{}', [field('constructor')])).toMatchObject({ ok: false })
  expect(extractFields('Constructor: mine', [field('constructor')])).toMatchObject({
    fields: { constructor: 'mine' },
  })
  expect(extractFields('{"__proto__": {"a": "x"}}', [field('a')])).toMatchObject({ ok: false })
})

test.each([
  '**Severity:** SEV1',
  '**Severity**: SEV1',
  '- **Severity:** `SEV1`',
  '1. Severity: SEV1',
  '* Severity: SEV1',
  '__Severity:__ SEV1',
  '**Severity: SEV1**',
  'severity:SEV1',
  '`severity`: SEV1',
  '> no\r\nSeverity: SEV1\r\n',
])('The label in %j is found', (text) => {
  expect(extractFields(text, [SEVERITY])).toMatchObject({ fields: { severity: 'SEV1' } })
})

test('A label without text on its line takes what stands below, up to the next of its style', () => {
  const text = [
    '**Stakeholder Notification Needed:**',
    '- SEV1: Page on-call',
    '- Update status page',
    '',
    'Executives: by phone',
    '**Initial Response:**',
    'Restart.',
  ].join('\n')
  expect(extractFields(text, [NOTIFICATION])).toMatchObject({
    fields: {
      stakeholder_notification:
        '- SEV1: Page on-call\n- Update status page\n\nExecutives: by phone',
    },
  })
})

test.each([
  ['a heading', 'Impact:\nAll users\n## Next\nmore'],
  ['a rule', 'Impact:\nAll users\n---\nmore'],
  ['two empty lines', 'Impact:\nAll users\n\n\nmore'],
  ['a label of the same style', 'Impact:\nAll users\nUrgency: HIGH'],
  ['the end', 'Impact:\n\nAll users\n'],
])('The text below a label ends at %s', (_what, text) => {
  expect(extractFields(text, [IMPACT])).toMatchObject({ fields: { impact: 'All users' } })
})

test('Deeper lines belong to the value above them', () => {
  const text = '- Impact:\n  - Users: 500\n  - Region: EU\n- Severity: SEV2'
  expect(extractFields(text, TRIAGE)).toMatchObject({
    fields: { impact: '- Users: 500\n  - Region: EU', severity: 'SEV2' },
  })
})

test('A label that starts with the name counts if it is the only one', () => {
  const one = 'Stakeholder notification sent: by mail'
  expect(extractFields(one, [field('stakeholder_notification')])).toMatchObject({ ok: true })
  const two = `${one}\nStakeholder Notification Needed: by phone`
  expect(extractFields(two, [field('stakeholder_notification')])).toMatchObject({ ok: false })
  expect(extractFields(two, [NOTIFICATION])).toMatchObject({
    fields: { stakeholder_notification: 'by phone' },
  })
  expect(extractFields('Severities: SEV1', [SEVERITY])).toMatchObject({ ok: false })
})

test('An optional field may be absent, but not wrong; a text may be empty if it is allowed to', () => {
  const optional = field('port', { type: 'number', optional: true })
  expect(extractFields('Nothing here.', [optional])).toMatchObject({ ok: true, fields: {} })
  expect(extractFields('Port: many', [optional])).toMatchObject({ ok: false })
  expect(extractFields('{"note": ""}', [field('note', { mayBeEmpty: true })])).toMatchObject({
    fields: { note: '' },
  })
})

test.each([
  ['NO', 'NO'],
  ['NO.', 'NO'],
  ['  "**No.**"\n', 'No'],
  ['', undefined],
  ['NO\nbecause', undefined],
  ['x'.repeat(65), undefined],
])('The message %j as a whole is %j', (text, expected) => {
  const found = extractFields(text, [field('_line', { wholeMessage: true })])
  expect(found.ok ? found.fields['_line'] : undefined).toBe(expected)
})

test('A single word of the task in brackets may be the answer without them', () => {
  const owner = field('owner', { placeholder: '[internal]' })
  expect(extractFields('Owner: internal', [owner])).toMatchObject({ ok: true })
  expect(extractFields('Owner: [internal]', [owner])).toMatchObject({ ok: false })
})

const MEBIBYTE = 2 ** 20

test.each([
  ['opening braces', '{'],
  ['empty objects', '{}'],
  ['nested objects', '{"a":'],
  ['objects in arrays', '{"a":[{"b":'],
  ['braces in strings', '{"{":":",":":",'],
  ['quotes and braces', '{"'],
  ['escaped quotes', '{"\\"'],
  ['labels', 'Severity:\n'],
  ['nested labels', '      Severity:\n'],
  ['many labels', '- Severity of a:\n- Impact x: y\n'],
  ['fences', '```\n{\n'],
  ['open fences', '````\n```\n'],
  ['emphasis', '**_`'],
  ['underscores after a label', 'Severity: ___'],
  ['spaces', '        '],
  ['colons', 'a: '],
  ['dashes', '-'],
  ['words', 'sev1 '],
])('1 MiB of %s is read in one go', (_what, unit) => {
  const text = unit.repeat(Math.ceil(MEBIBYTE / unit.length))
  expect(extractFields(`Severity: ${text}`, TRIAGE)).toMatchObject({ ok: false })
})

test('Labels that get deeper and deeper are read in one go', () => {
  const steps = Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}Severity:`)
  const text = `${steps.join('\n')}\n${`${' '.repeat(1000)}SEV1\n`.repeat(500)}`
  expect(extractFields(text, [SEVERITY])).toMatchObject({
    problems: [expect.stringContaining('more than once')],
  })
})

test('Whatever the text, extraction gives fields of the contract or problems', () => {
  const marks = [
    ...Array.from('{}[]":,\\\n `_-#'),
    '```',
    '**',
    'severity',
    'impact',
    'SEV1',
    'SEV2',
  ]
  const parts = fc.constantFrom(...marks, JSON_ANSWER, 'Impact: y')
  const texts = fc.oneof(
    fc.array(parts, { maxLength: 40 }).map((all) => all.join('')),
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.json(),
  )
  fc.assert(
    fc.property(texts, (text) => {
      const found = extractFields(text, TRIAGE)
      const { severity, impact } = found.ok ? found.fields : {}
      const isWhole = SEVERITY.values?.includes(String(severity)) === true && impact !== ''
      expect(found.ok ? isWhole : found.problems.length > 0).toBe(true)
    }),
    { numRuns: 100 },
  )
})
