import { expect, test } from 'vitest'
import { checkTemplate, renderTemplate, stepsNamedBy } from './template.ts'
import type { TemplateScope } from './template.ts'
import type { TemplateNames } from './template-names.ts'

const template = (text: string) => ({ text, location: { file: 'p.yaml', line: 10, column: 9 } })
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const SCOPE: TemplateScope = {
  input: '500s since {{ run.id }} {% x %} $& $1',
  run: { id: 'r1', name: 'demo', started_at: '2026-01-01T00:00:00.000Z' },
  step: { id: 'fix', attempt: 2 },
  artifacts: new Map([
    [
      'root-cause',
      {
        path: '/work/artifacts/root-cause',
        type: 'json',
        sizeBytes: 17,
        content: bytes('{"a":{"b":[1,2]}}'),
      },
    ],
    ['notes', { path: '/work/artifacts/notes', type: 'text', sizeBytes: 3, content: bytes('{{x') }],
  ]),
  steps: new Map([
    [
      'triage',
      {
        outcome: 'completed',
        artifacts: new Map([
          ['triage', { type: 'json', content: bytes('{"severity":"P1","list":[{"a":1}]}') }],
        ]),
      },
    ],
  ]),
  project: { test_command: 'npm test', folders: ['a', 'b'] },
}

const NAMES: TemplateNames = {
  input: 'string',
  run: true,
  artifacts: new Map([
    ['root-cause', undefined],
    ['notes', undefined],
  ]),
  steps: () =>
    new Map([
      [
        'triage',
        new Map<string, Readonly<Record<string, unknown>>>([
          ['triage', { type: 'object', properties: { severity: { type: 'string' } } }],
          ['notes', { type: 'string' }],
        ]),
      ],
    ]),
  project: ['test_command', 'folders'],
  trustedOnly: false,
}

test.each([
  ['plain $& text', 'plain $& text'],
  ['{{ input }}', '500s since {{ run.id }} {% x %} $& $1'],
  ['{{input | upcase}}', '500S SINCE {{ RUN.ID }} {% X %} $& $1'],
  ['{{ artifacts.notes.text }}', '{{x'],
  ['{{ artifacts.root-cause }}', '/work/artifacts/root-cause'],
  ['{{ artifacts["root-cause"].json.a.b[1] }}', '2'],
  ['{{ artifacts.root-cause.json.a }}', '{"b":[1,2]}'],
  ['{{ artifacts.root-cause.size }} {{ artifacts.root-cause.type }}', '17 json'],
  ['{{ steps.triage.artifacts.triage.severity }}', 'P1'],
  ['{{ steps.triage.artifacts.triage.list }}', '[{"a":1}]'],
  ['{{ steps.triage.artifacts.triage | json }}', '{"severity":"P1","list":[{"a":1}]}'],
  ['{% if steps.triage.outcome == "completed" %}yes{% endif %}', 'yes'],
  ['{% for x in project.folders %}<{{ x }}>{% endfor %}', '<a><b>'],
  ['{{ project.folders }}', '["a","b"]'],
  ['{% raw %}{{ input }}{% endraw %}', '{{ input }}'],
  ['{{ run.id }} {{ pipeline_id }} {{ step.attempt }} {{ step_id }}', 'r1 r1 2 fix'],
])('%s renders as %s', (text, expected) => {
  expect(renderTemplate(template(text), SCOPE)).toEqual({ ok: true, text: expected })
})

test.each([
  ['{{ input.constructor }}', 'does not exist'],
  ['{{ artifacts.root-cause.json.a.c }}', 'does not exist'],
  ['{{ artifacts.root-cause.constructor }}', 'does not exist'],
  ['{{ artifacts.notes.json }}', 'is not JSON'],
  ['{{ "now" | date: "%Y" }}', 'not a date here'],
  ['{{ "x" | sample }}', 'no filter "sample"'],
  ['{% for i in (1..100000000) %}x{% endfor %}', 'limit exceeded'],
])('%s fails with "%s"', (text, message) => {
  const rendered = renderTemplate(template(`line\n  ${text}`), SCOPE)
  expect(rendered).toMatchObject({ ok: false, message: expect.stringContaining(message) })
  expect(rendered).toMatchObject({ message: expect.stringMatching(/\(p\.yaml:11:\d+\)$/u) })
})

test('a rendered text above 1 MiB is refused', () => {
  const scope = { ...SCOPE, input: 'x'.repeat(1024 * 1024) }
  expect(renderTemplate(template('{{ input }}'), scope).ok).toBe(true)
  expect(renderTemplate(template('{{ input }}!'), scope).ok).toBe(false)
})

test.each([
  'no template',
  '{{ input }} {{ run.started_at }} {{ step.attempt }} {{ pipeline_name }}',
  '{{ artifacts.root-cause.json.a.b }} {{ artifacts.notes }}',
  '{{ steps.triage.artifacts.triage.severity }} {{ steps.triage.outcome }}',
  '{% assign x = input %}{{ x }}{% for f in project.folders %}{{ f }}{{ forloop.index }}{% endfor %}',
  '{{ project.test_command | default: "x" | json }}',
  '{% raw %}{{ nothing }}{% endraw %}',
])('%s has no problem', (text) => {
  expect(checkTemplate(template(text), NAMES)).toEqual([])
})

test.each([
  ['YT-13 {{ inptu }}', '10:18', 'unknown "inptu"', 'Did you mean "input"?'],
  ['a\nbc {{ inptu | upcase }}', '11:15', 'unknown "inptu"', 'Did you mean "input"?'],
  ['YT-12 {{ input.constructor }}', '10:18', 'has no field "constructor"', 'input.type'],
  ['YT-12 {{ __proto__.x }}', '10:18', 'unknown "__proto__.x"', 'Known names'],
  ['{{ constructor }}', '10:12', 'unknown "constructor"', 'Known names'],
  ['{{ run.idd }}', '10:12', 'unknown "run.idd"', 'Did you mean "id"?'],
  ['{{ run.id.x }}', '10:12', '"run.id" has no field "x"', ''],
  [
    '{{ artifacts.root_cause.text }}',
    '10:12',
    'artifacts.root_cause',
    'Did you mean "root-cause"?',
  ],
  ['{{ artifacts.notes.txt }}', '10:12', 'artifacts.notes.txt', 'Did you mean "text"?'],
  ['{{ notes }}', '10:12', 'unknown "notes"', 'Did you mean "artifacts.notes"?'],
  ['{{ steps.triag.outcome }}', '10:12', 'steps.triag', 'Did you mean "triage"?'],
  ['{{ steps.triage.outcom }}', '10:12', 'steps.triage.outcom', 'Did you mean "outcome"?'],
  ['{{ steps.triage.artifacts.triag }}', '10:12', 'artifacts.triag', 'Did you mean "triage"?'],
  ['{{ steps.triage.artifacts.triage.severty }}', '10:12', 'no "severty"', 'severity'],
  ['{{ steps.triage.artifacts.notes.x }}', '10:12', 'is text: it has no field "x"', ''],
  ['{{ steps.triage.artifacts.triage.severty }}', '10:12', 'the schema of the artifact', ''],
  ['{{ triage.output }}', '10:12', 'triage.output', 'steps.<id>.artifacts.<name>'],
  ['{{ project.tset_command }}', '10:12', 'project.tset_command', 'test_command'],
  ['{{ item }}', '10:12', 'unknown "item"', 'only in a step with "iterate"'],
  ['{{ input | upcas }}', '10:20', 'no filter "upcas"', 'Did you mean "upcase"?'],
  ['{{ }}', '10:12', 'nothing stands between', ''],
  ['{{ input | }}', '10:18', 'nothing stands after', ''],
  ['{{ "now" | date: "%Y" }}', '10:12', '"now" is not a date', 'use run.started_at'],
  ['{{ like this one }}', '10:9', '"like" and "this" are two names', ''],
  ["{% include 'x' %}", '10:9', 'no tag "include"', 'from other files'],
  ['{% iff input %}', '10:9', 'no tag "iff"', 'Did you mean "if"?'],
  ['{% include "x" %}', '10:9', 'no tag "include"', ''],
  ['{% render "x" %}', '10:9', 'no tag "render"', ''],
  ['{% if input %}', '10:9', 'not closed', ''],
  ['{{ input', '10:9', 'not closed', ''],
])('%s is refused at %s', (text, place, message, hint) => {
  const [problem] = checkTemplate(template(text), NAMES)
  expect(problem?.message).toContain(message)
  expect(`${problem?.location?.line}:${problem?.location?.column}`).toBe(place)
  expect(problem?.hint ?? '').toContain(hint)
})

test('every unknown name of a template is told', () => {
  expect(checkTemplate(template('{{ a1 }} {{ input }}\n{{ b2 }} {{ a1 }}'), NAMES)).toHaveLength(3)
  expect(checkTemplate(template('{{ a1 | upcase }}\n{{ b2 }} {{ a1 }}'), NAMES)).toHaveLength(3)
  expect(checkTemplate(template('{{ a1 | one }}\n{{ b2 | two | one }}'), NAMES)).toHaveLength(5)
})

test.each([
  ['{{ project.test_command }} {{ run.id }} {{ artifacts.notes.path }} {{ step.id }}', 0],
  ['{{ steps.triage.outcome }} {{ artifacts.notes }}', 0],
  ['{{ input }}', 1],
  ['{{ artifacts.notes.text }}', 1],
  ['{{ steps.triage.artifacts.triage.severity }}', 1],
  ['{{ input | upcase }} {{ artifacts.notes.json.x }}', 2],
])('in a command, %s has %i untrusted names', (text, count) => {
  const problems = checkTemplate(template(text), { ...NAMES, trustedOnly: true })
  expect(problems).toHaveLength(count)
  for (const problem of problems) expect(problem.message).toContain('untrusted')
})

const MORE_NAMES: TemplateNames = {
  ...NAMES,
  env: ['depth'],
  gates: () => new Map([['sign-off', ['y', 'n']]]),
  item: true,
  itemSchema: { type: 'object', properties: { name: { type: 'string' } } },
  iteration: true,
  extra: ['loop', 'execution'],
}

const MORE_VALUES: TemplateScope = {
  ...SCOPE,
  artifacts: new Map([['gone', undefined]]),
  env: { depth: 'quick' },
  gates: { 'sign-off': { choice: 'y', text: 'go {{ x }}' } },
  item: { name: 'one', tags: [1] },
  iteration: 3,
  extra: { loop: { count: 5 }, execution: { id: 'e1' } },
}

test.each([
  ['{{ env.depth }}', 'quick'],
  ['{{ gate.sign-off.choice }} {{ gate.sign-off.text }}', 'y go {{ x }}'],
  ['{{ item }} {{ item.name }}', '{"name":"one","tags":[1]} one'],
  ['{{ task }}', '{"name":"one","tags":[1]}'],
  ['{{ item | json }}', '{"name":"one","tags":[1]}'],
  ['{{ iteration }}', '3'],
  ['{{ loop.count }} {{ execution.id }}', '5 e1'],
  ['<{{ artifacts.gone }}{{ artifacts.gone.text }}{{ artifacts.gone.json.a.b }}>', '<>'],
  ['{% if artifacts.gone %}there{% else %}gone{% endif %}', 'gone'],
])('%s shows the names of composed steps as %s', (text, expected) => {
  expect(renderTemplate(template(text), MORE_VALUES)).toEqual({ ok: true, text: expected })
})

test('an item that is a text shows as it is, as a task with quotes', () => {
  const scope = { ...MORE_VALUES, item: '{{ input }}' }
  const rendered = renderTemplate(template('{{ item }} {{ task }}'), scope)
  expect(rendered).toEqual({ ok: true, text: '{{ input }} "{{ input }}"' })
})

test.each([
  ['{{ env.dpth }}', 'unknown "env.dpth"', 'Did you mean "depth"?'],
  ['{{ env }}', '"env" needs a name', 'depth'],
  ['{{ env.depth.x }}', '"env.depth" has no field "x"', ''],
  ['{{ gate.sign.choice }}', 'unknown "gate.sign"', 'sign-off'],
  ['{{ gate.sign-off.choise }}', 'unknown "gate.sign-off.choise"', 'Did you mean "choice"?'],
  ['{{ item.nme }}', 'no "nme"', 'Did you mean "name"?'],
  ['{{ iteration.x }}', '"iteration" has no field "x"', ''],
  ['{{ lop.count }}', 'unknown "lop.count"', 'loop'],
])('%s is refused where there are items', (text, message, hint) => {
  const [problem] = checkTemplate(template(text), MORE_NAMES)
  expect(problem?.message).toContain(message)
  expect(problem?.hint).toSatisfy((told) => String(told ?? '').includes(hint))
})

test('whoever calls a pipeline decides about its env, unless the keys are known', () => {
  const { env: _, ...open } = MORE_NAMES
  expect(checkTemplate(template('{{ env.anything }}'), open)).toEqual([])
})

test.each([
  ['{{ iteration }} {{ execution.id }}', 0],
  ['{{ item }} {{ task }} {{ env.depth }} {{ gate.sign-off.choice }} {{ loop.count }}', 5],
])('in a command, %s has %i untrusted names of composed steps', (text, count) => {
  expect(checkTemplate(template(text), { ...MORE_NAMES, trustedOnly: true })).toHaveLength(count)
})

test('a text needs the steps whose artifacts it names, and gates', () => {
  const text =
    '{{ steps.a.artifacts.x.y }} {{ steps["b-c"].artifacts.z }} {{ steps.d.outcome }} {{ gate.e.text }}'
  expect([...stepsNamedBy(text)]).toEqual(['a', 'b-c', 'e'])
  expect([...stepsNamedBy('steps {{ input }}')]).toEqual([])
})

test('A key that the schema of the input or of an item does not have is said to be of that', () => {
  const schema = { type: 'object', properties: { code: { type: 'string' } } }
  const names = { ...NAMES, input: 'json', inputSchema: schema, item: true } as const
  const said = (text: string, itemSchema = schema): string | undefined =>
    checkTemplate(template(text), { ...names, itemSchema })[0]?.message
  expect(said('{{ input.cod }}')).toBe(
    '"input.cod" is unknown: the schema of the input has no "cod".',
  )
  expect(said('{{ item.cod }}')).toBe(
    '"item.cod" is unknown: the schema of the items has no "cod".',
  )
})
