import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { evaluateCondition } from '../condition/condition.ts'
import { loadPipeline } from '../load.ts'
import type { Pipeline, PromptStep, Step } from '../pipeline.ts'
import type { Loaded, PipelineFile } from '../source.ts'

const FIXTURES = new URL('../../../../../test/fixtures/workflow-v2/', import.meta.url)
const fixture = (name: string): string => readFileSync(new URL(name, FIXTURES), 'utf8')
const WORKFLOW = fixture('incident_response.yaml')
const REGULATORY = fixture('regulatory-notification.yaml')
const TICKET = fixture('create-jira-ticket.yaml')

type Others = Readonly<Record<string, string>>

function fileOf(name: string, text: string): PipelineFile {
  const file = `.wave/pipelines/${name}.yaml`
  return { file, name, bytes: Buffer.from(text), origin: 'project' }
}

function load(text: string, others: Others = {}): Loaded<Pipeline> {
  const name = /^name: (\S+)$/mu.exec(text)?.[1] ?? 'flow'
  return loadPipeline(fileOf(name, text), {
    read: () => undefined,
    pipeline: (called) =>
      others[called] === undefined ? undefined : fileOf(called, others[called]),
    pipelineNames: () => Object.keys(others),
  })
}

function loaded(text: string, others?: Others): Pipeline {
  const read = load(text, others)
  if (!read.ok) throw new Error(read.problems.map(({ message }) => message).join('\n'))
  return read.value
}

function problems(text: string, others?: Others): readonly string[] {
  const read = load(text, others)
  if (read.ok) return []
  return read.problems.map(({ message, location, hint }) =>
    [`${location?.line}:${location?.column} ${message}`, hint].filter(Boolean).join(' '),
  )
}

const notices = (pipeline: Pipeline): readonly string[] =>
  pipeline.notices.map(({ message }) => message)

const head = (name = 'flow'): string => `$schema: "workflow/v2.0"\nname: ${name}\nversion: 1\n`
const flow = (steps: string, name?: string): string => `${head(name)}steps:\n${steps}`

function find(pipeline: { readonly steps: readonly Step[] }, id: string): Step {
  const step = pipeline.steps.find((one) => one.id === id)
  if (step === undefined) throw new Error(`no step ${id}`)
  return step
}

function prompt(pipeline: { readonly steps: readonly Step[] }, id: string): PromptStep {
  const step = find(pipeline, id)
  if (step.kind !== 'prompt') throw new Error(`${id} is no prompt`)
  return step
}

const schemaOf = (step: Step): unknown =>
  step.contracts.find((contract) => contract.type === 'json_schema')?.schema

const texts = (pipeline: Pipeline): string =>
  pipeline.steps.map((step) => (step.kind === 'prompt' ? step.task.text : '')).join('\n')

/** The condition of the last step of a flow whose first step has these lines in its prompt. */
function when(condition: string, lines: readonly string[] = [], more = ''): string | undefined {
  return find(loaded(conditional(condition, lines, more)), 'last').when?.text
}

function conditional(condition: string, lines: readonly string[] = [], more = ''): string {
  const task = ['Look:', ...lines].map((line) => `      ${line}\n`).join('')
  return `${flow(`  - name: triage
    run: |
${task}  - name: last
    needs: [triage]
    if: ${JSON.stringify(condition)}
    run: go on
`)}${more}`
}

test('the workflow of the user loads as it is, and none of its 13 names is left', () => {
  const pipeline = loaded(WORKFLOW)
  expect(WORKFLOW.match(/\{\{[^}]+\}\}/gu)).toHaveLength(13)
  const names = texts(pipeline).match(/\{\{[^}]+\}\}/gu)
  expect(names).toHaveLength(13)
  expect(new Set(names)).toEqual(
    new Set([
      '{{input}}',
      '{{steps.triage.artifacts.fields.severity}}',
      '{{steps.triage.artifacts.output}}',
      '{{steps.technical_analysis.artifacts.output}}',
      '{{steps.remediation_plan.artifacts.output}}',
      '{{execution.timestamp}}',
      '{{steps.triage.artifacts.fields.impact}}',
      '{{steps.triage.artifacts.fields.stakeholder_notification}}',
    ]),
  )
  expect(pipeline.notices).toEqual([])
  expect(pipeline.annotations).toEqual({ version: '2.0.0', source_schema: 'workflow/v2.0' })
  expect(pipeline.limits.concurrency).toBe(1)
})

test('what later steps read of the triage becomes its contract', () => {
  const triage = prompt(loaded(WORKFLOW), 'triage')
  expect(schemaOf(triage)).toEqual({
    type: 'object',
    required: ['severity', 'impact', 'stakeholder_notification'],
    properties: {
      severity: { enum: ['SEV1', 'SEV2', 'SEV3', 'SEV4'] },
      impact: { type: 'string', minLength: 1 },
      stakeholder_notification: { type: 'string', minLength: 1 },
    },
  })
  expect(triage.artifacts.map(({ name, path }) => [name, path])).toEqual([
    ['output', 'output/incident_response/triage.md'],
    ['fields', 'fields.json'],
  ])
  expect(triage.artifacts[1]?.extract?.map(({ label }) => label)).toEqual([
    'Severity',
    'Impact',
    'Stakeholder Notification Needed',
  ])
  expect(triage.message).toBe('Triage complete')
  expect(triage.model).toMatchObject({ name: 'anthropic/claude-sonnet-4', temperature: 0.3 })
})

test('each step of the workflow gets the persona that its name speaks of, and no tools', () => {
  const { steps } = loaded(WORKFLOW)
  expect(
    steps.map((step) => step.kind === 'prompt' && [step.persona, step.permissions?.allow]),
  ).toEqual([
    ['navigator', []],
    ['auditor', []],
    ['craftsman', []],
    ['summarizer', []],
  ])
})

test('the nine headings of the document are its outline, and a missing one is a warning', () => {
  const contracts = prompt(loaded(WORKFLOW), 'incident_document').contracts
  const [outline] = contracts
  expect(outline).toMatchObject({ type: 'markdown_spec', source: 'output', onFailure: 'warn' })
  expect(outline?.type === 'markdown_spec' ? outline.sections : []).toEqual([
    'Summary',
    'Timeline',
    'Technical Analysis',
    'Remediation Actions',
    'Root Cause',
    'Impact Assessment',
    'Prevention Plan',
    'Post-Mortem',
    'Stakeholder Communication',
  ])
})

test('with `require_sections` a missing section fails the step', () => {
  const step = '    wave: {require_sections: true}\n'
  const strict = WORKFLOW.replace('    needs: [remediation_plan]\n', (line) => line + step)
  expect(prompt(loaded(strict), 'incident_document').contracts[0]?.onFailure).toBe('fail')
})

test('the regulatory step of the user makes `data_breach` a flag of the triage', () => {
  const pipeline = loaded(`${WORKFLOW}\n${REGULATORY}`)
  const step = prompt(pipeline, 'regulatory_notification')
  expect(step.when?.text).toBe(
    'steps.triage.artifacts.fields.severity == "SEV1" && steps.triage.artifacts.fields.data_breach',
  )
  expect(step.dependencies).toEqual(['incident_document'])
  expect(schemaOf(prompt(pipeline, 'triage'))).toMatchObject({
    required: ['severity', 'impact', 'stakeholder_notification', 'data_breach'],
    properties: { data_breach: { type: 'boolean' } },
  })
  expect(notices(pipeline)).toEqual([
    '"steps" is given more than once, in lines 10 and 232; the lists are joined.',
    '"data_breach" is taken as "triage.data_breach", true or false.',
  ])
})

test('the ticket step of the user makes `summary` a text of the triage, and says so', () => {
  const pipeline = loaded(`${WORKFLOW}\n${TICKET}`)
  expect(schemaOf(prompt(pipeline, 'triage'))).toMatchObject({
    properties: { summary: { type: 'string', minLength: 1 } },
  })
  expect(notices(pipeline)).toContain('Nothing in the prompt of "triage" announces "summary".')
})

test('repeated lists of steps are joined with one notice, and equal names are a mistake', () => {
  const pipeline = loaded(`${WORKFLOW}\n${REGULATORY}\n${TICKET}`)
  expect(pipeline.steps).toHaveLength(6)
  expect(notices(pipeline).filter((message) => message.includes('joined'))).toHaveLength(1)
  expect(problems(`${WORKFLOW}\n${TICKET}\n${TICKET}`)).toEqual([
    expect.stringContaining('The name "create_jira_ticket" is used twice'),
  ])
})

test('a key that is given twice is a mistake all the same', () => {
  expect(problems(`${flow('  - {name: a, run: x}\n')}env: {a: b}\nenv: {c: d}\n`)).toEqual([
    expect.stringContaining('The key "env" is given twice'),
  ])
})

test('a step waits for whom it reads, and is told so', () => {
  const pipeline = loaded(flow('  - {name: b, run: "see {{a}}"}\n  - {name: a, run: x}\n'))
  expect(pipeline.steps.map(({ id }) => id)).toEqual(['a', 'b'])
  expect(find(pipeline, 'b').dependencies).toEqual(['a'])
  expect(notices(pipeline)).toEqual(['Step "b" reads "a" and now waits for it.'])
})

test('steps that wait for each other are shown', () => {
  const steps = '  - {name: a, needs: [b], run: x}\n  - {name: b, run: "{{a}}"}\n'
  expect(problems(flow(steps))).toEqual([
    expect.stringContaining('Steps wait for each other: "a" -> "b" -> "a".'),
  ])
})

test('ready steps go by `execution_order`, then as in the file', () => {
  const steps = ['c', 'a, execution_order: 2', 'b, execution_order: 1', 'd, needs: [b]']
  const text = flow(steps.map((step) => `  - {name: ${step}, run: x}\n`).join(''))
  expect(loaded(text).steps.map(({ id }) => id)).toEqual(['b', 'a', 'c', 'd'])
})

test('names that stand for nothing are told with place and suggestion, all at once', () => {
  const text = flow(`  - name: triage
    run: |
      Look at {{inputs}}.
      And {{env.team}}.
  - name: plan
    needs: [triage]
    if: "{{triagee.severity}} == 'x'"
    run: "{{ trage }} {{execution.timestmp}} {{step.nobody}}"
`)
  expect(problems(text)).toEqual([
    '7:17 The name "inputs" stands for nothing. Did you mean "input"?',
    '8:13 "env.team" does not exist. There are no keys of "env" here.',
    '11:10 The name "triagee.severity" stands for nothing. Did you mean "triage"?',
    '12:14 The name "trage" stands for nothing. Did you mean "triage"?',
    '12:25 "execution.timestmp" does not exist. Did you mean "timestamp"?',
    '12:48 There is no step "nobody". Known steps: plan, triage.',
  ])
})

test('a template that cannot be read is told at its place', () => {
  expect(problems(flow('  - {name: a, run: "x {{ b | nope }} {{ c }"}\n'))).toHaveLength(1)
})

test('names keep what stands around them: filters, tags, dollars, raw parts', () => {
  const text = flow(`  - {name: root-cause, run: "- Score: high"}
  - name: b
    needs: [root-cause]
    run: "\${{root-cause}} {{ root-cause.score | upcase }} {% if root-cause.score == 'x' %}y{% endif %} {% raw %}{{root-cause}}{% endraw %} {{step.root-cause.score}}"
`)
  expect(prompt(loaded(text), 'b').task.text).toBe(
    '{{steps.root-cause.artifacts.output}} {{ steps.root-cause.artifacts.fields.score | upcase }} ' +
      "{% if steps.root-cause.artifacts.fields.score == 'x' %}y{% endif %} " +
      '{% raw %}{{root-cause}}{% endraw %} {{steps.root-cause.artifacts.fields.score}}',
  )
})

test('keys of the input make it JSON with these keys', () => {
  const pipeline = loaded(flow('  - {name: a, run: "{{input}} {{input.alert}} {{input.a.b}}"}\n'))
  expect(pipeline.input).toMatchObject({
    type: 'json',
    schema: {
      required: ['alert', 'a'],
      properties: { alert: {}, a: { type: 'object', required: ['b'] } },
    },
  })
  expect(loaded(flow('  - {name: a, run: "{{input}}"}\n')).input.type).toBe('string')
})

test('a step may say itself what its input is', () => {
  const text = flow(`  - {name: a, run: x}
  - {name: b, needs: [a], input: "From {{a}}", run: "Do {{input}}"}
  - {name: c, needs: [a], input: {text: "{{a}}", depth: 2}, run: "Do {{input.text}} {{input.depth}}"}
  - {name: d, input: {text: x}, run: "Do {{input.txt}}"}
`)
  expect(problems(text)).toEqual([
    expect.stringContaining('has no key "txt". Did you mean "text"?'),
  ])
  const pipeline = loaded(text.replace('input.txt', 'input.text'))
  expect(prompt(pipeline, 'b').task.text).toBe(
    '{% capture input %}From {{steps.a.artifacts.output}}{% endcapture %}Do {{input}}',
  )
  expect(prompt(pipeline, 'c').task.text).toContain('Do {{wave_text}} {{wave_depth}}')
  expect(pipeline.input.type).toBe('string')
})

test('labels, brackets and uses say what a field is', () => {
  const text = flow(`  - name: scan
    run: |
      - Level: [LOW|VERY HIGH]
      - Safe: [yes/no]
      **Score:** [0-100]
      Notes (short): [one line]
  - name: use
    needs: [scan]
    if: "{{scan.score}} > 50 AND {{scan.safe}} AND {{scan.notes}} != ''"
    run: "{{scan.level}} {{scan.host.name}}"
`)
  expect(schemaOf(prompt(loaded(text), 'scan'))).toMatchObject({
    properties: {
      level: { enum: ['LOW', 'VERY HIGH'] },
      host: { type: 'object' },
      score: { type: 'number' },
      safe: { type: 'boolean' },
      notes: { type: 'string' },
    },
  })
})

test('declared fields win over what the prompt shows', () => {
  const text = flow(`  - name: scan
    run: "- Score: [A/B]"
    wave: {fields: {score: {type: number}, why: {optional: true}}}
`)
  expect(schemaOf(prompt(loaded(text), 'scan'))).toEqual({
    type: 'object',
    required: ['score'],
    properties: { score: { type: 'number' }, why: { type: 'string', minLength: 1 } },
  })
})

test('uses that contradict each other are a mistake', () => {
  const text = conditional('{{triage.level}} > 3 AND {{triage.level}}', [])
  expect(problems(text)).toEqual([
    expect.stringContaining('"triage.level" is used as true or false here, but is a number at'),
  ])
  expect(problems(conditional('{{triage.level}} > 3', ['- Level: [A/B]']))).toEqual([
    expect.stringContaining('but is announced as one of A, B'),
  ])
})

const FIELD = 'steps.triage.artifacts.fields'

test.each([
  ["{{triage.sev}} == 'A'", `${FIELD}.sev == "A"`],
  ["${{ triage.sev == 'A' }}", `${FIELD}.sev == "A"`],
  ["{{ triage.sev != 'b' }}", `${FIELD}.sev != "B"`],
  ["'{{triage.sev}}' == 'A'", `${FIELD}.sev == "A"`],
  [`{{triage.sev}} == "A"`, `${FIELD}.sev == "A"`],
  ["{{triage.sev}} in ['a', 'B']", `${FIELD}.sev in ["A", "B"]`],
  ["triage.sev == 'A' and not ok", `${FIELD}.sev == "A" && !${FIELD}.ok`],
  ["{{triage.sev}} == 'A' OR {{triage.ok}}", `${FIELD}.sev == "A" || ${FIELD}.ok`],
  ["{{triage.sev}} == 'A' || ok && ok", `${FIELD}.sev == "A" || (${FIELD}.ok && ${FIELD}.ok)`],
  ["!({{triage.sev}} == 'A' or ok)", `!(${FIELD}.sev == "A" || ${FIELD}.ok)`],
  ['{{triage.ok}} == true', `${FIELD}.ok == true`],
  ["{{triage.ok}} == 'no'", `${FIELD}.ok == false`],
  ['{{triage.n}} >= 3 AND {{triage.n}} < 10.5', `${FIELD}.n >= 3 && ${FIELD}.n < 10.5`],
  ["{{triage.why}} contains 'x'", `${FIELD}.why.contains("x")`],
  ["{{triage}} contains 'x'", 'steps.triage.artifacts.output.contains("x")'],
  ["'x' in {{triage}}", 'steps.triage.artifacts.output.contains("x")'],
  ["{{triage}} == 'NO'", `${FIELD}._line == "NO"`],
  ["{{triage}} in ['YES', 'MAYBE']", `${FIELD}._line in ["YES", "MAYBE"]`],
  ["{{env.mode}} == 'fast'", 'env.mode == "fast"'],
  [
    '{{env.mode}} AND ok == true AND {{triage.n}} > 0',
    `!(env.mode in ["", "false", "no", "0"]) && ${FIELD}.ok == true && ${FIELD}.n > 0`,
  ],
  ["{{input.kind}} == 'x'", 'input.kind == "x"'],
])('the condition %s means %s', (condition, cel) => {
  const lines = ['- Sev: [A/B]', '- Ok: [yes/no]', '- Why: [reason]']
  expect(when(condition, lines, 'env: {mode: fast}\n')).toBe(cel)
})

test.each([
  ["{{triage.sev}} == 'SEV5'", '"triage.sev" is never "SEV5".'],
  ["{{triage.sev}} == 'SEVl'", 'is never "SEVl".'],
  ['{{triage.sev}} == SEV1', 'The name "SEV1" stands for nothing. Put "SEV1" in quotes'],
  ['{{triage}}', '"triage" is text, not true or false. Compare it'],
  ['{{triage}} > 3', '"triage" is text and has no order.'],
  ["{{triage.sev}} = 'SEV1'", '"=" compares nothing. Write "==".'],
  ["{{triage.sev}} matches 'S.*'", '"matches" is not supported.'],
  ["{{triage.sev}} == 'SEV1", "The quote ' is never closed."],
  ["({{triage.sev}} == 'SEV1'", 'The bracket "(" is never closed.'],
  ["{{triage.sev}} == 'SEV1' AND", 'The condition ends where a value is needed.'],
  ["{{triage.sev}} == 'SEV1' == true", 'A comparison has two sides, not three.'],
  ["'{{triage.sev}} x' == 'SEV1'", 'A quoted text cannot hold a name and other text.'],
  ['data_breach', 'The name "data_breach" stands for nothing.'],
  ["'SEV1'", 'A value alone is neither true nor false.'],
  ['{{triage.sev}}', '"triage.sev" is used as true or false here, but is announced as one of'],
])('the condition %s is refused: %s', (condition, complaint) => {
  expect(problems(conditional(condition, ['- Sev: [SEV1/SEV2]']))).toEqual([
    expect.stringContaining(complaint),
  ])
})

const TRUTH = [
  ["{{triage.sev}} == 'A'", true],
  ["{{triage.sev}} != 'A'", false],
  ["{{triage.sev}} in ['B', 'A']", true],
  ["{{triage.sev}} in ['B']", false],
  ["{{triage.why}} contains 'leak'", true],
  ["'leek' in {{triage.why}}", false],
  ['{{triage.n}} > 4', true],
  ['{{triage.n}} >= 5', true],
  ['{{triage.n}} < 5', false],
  ['{{triage.n}} <= 5.0', true],
  ['{{triage.n}} == 5', true],
  ['{{triage.ok}}', true],
  ['NOT {{triage.ok}}', false],
  ["{{triage.ok}} == 'yes'", true],
  ["{{triage.sev}} == 'B' OR {{triage.ok}} AND {{triage.n}} > 9", false],
  ["{{triage.sev}} == 'A' OR {{triage.ok}} AND {{triage.n}} > 9", true],
  ["!({{triage.sev}} == 'B' || {{triage.n}} > 9) && ok", true],
  ["{{triage}} contains 'All'", true],
  ["{{triage}} == 'All well'", true],
  ['{{triage.n}} > 0 AND {{env.on}} AND NOT {{env.off}}', true],
  ['{{input.flag}} AND {{input.count}} == 2 AND NOT {{input.none}}', true],
  ["{{input.kind}} in ['x', 'y']", true],
] as const

test.each(TRUTH)('%s is %s', (condition, value) => {
  const lines = ['- Sev: [A/B]', '- Ok: [yes/no]', '- Why: [reason]']
  const text = conditional(condition, lines, 'env: {on: true, off: no}\n')
  const { when: expression } = find(loaded(text), 'last')
  if (expression === undefined) throw new Error('no condition')
  const fields = { sev: 'A', ok: true, why: 'a leak', n: 5, _line: 'All well' }
  const artifacts = new Map([
    ['fields', { type: 'json', content: Buffer.from(JSON.stringify(fields)) }],
    ['output', { type: 'markdown', content: Buffer.from('All well.') }],
  ] as const)
  const scope = {
    input: { flag: 'yes', count: 2, kind: 'x', none: '0' },
    run: { id: 'r', name: 'flow', started_at: '' },
    step: { id: 'last', attempt: 1 },
    artifacts: new Map(),
    steps: new Map([['triage', { outcome: 'completed', artifacts }]] as const),
    project: {},
    env: { on: 'true', off: 'no' },
  }
  expect(evaluateCondition(expression, scope)).toMatchObject({ ok: true, value })
})

test('a bare name that two steps announce must be written in full', () => {
  const text = flow(`  - {name: a, run: "- Ok: [yes/no]"}
  - {name: b, run: "- Ok: [yes/no]"}
  - {name: c, needs: [a, b], if: "{{a.x}} == 'x' AND {{b.x}} == 'x' AND ok", run: x}
`)
  expect(problems(text)).toEqual([expect.stringContaining('"ok" may be "a.ok" or "b.ok".')])
})

test('a consensus is a round of ballots that can be asked again, and their count', () => {
  const text = flow(`  - name: gate
    on_failure: retry
    consensus:
      prompt: "Ship {{input}}? Answer [APPROVE/REJECT]."
      executions: [{provider: a, model: m}, {provider: b, model: m, temperature: 0}, {provider: a, model: m}]
      require: 2/3
  - {name: ship, needs: [gate], if: "{{gate}} == 'approve' AND {{gate.agreement}} >= 0.75", run: "{{gate}} {{gate.votes.APPROVE}}"}
`)
  const pipeline = loaded(text)
  const gate = find(pipeline, 'gate')
  if (gate.kind !== 'loop') throw new Error('no loop')
  expect(gate).toMatchObject({ maxIterations: 1, until: undefined, retry: { maxAttempts: 3 } })
  expect(gate.steps.map(({ id, kind, dependencies }) => [id, kind, dependencies])).toEqual([
    ['gate-1', 'prompt', []],
    ['gate-2', 'prompt', ['gate-1']],
    ['gate-3', 'prompt', ['gate-2']],
    ['gate-vote', 'aggregate', ['gate-1', 'gate-2', 'gate-3']],
  ])
  expect(find(gate, 'gate-vote')).toMatchObject({
    strategy: { type: 'vote', require: { votes: 2, of: 3 }, verdicts: ['APPROVE', 'REJECT'] },
    from: [{ artifact: 'ballot-1' }, { artifact: 'ballot-2' }, { artifact: 'ballot-3' }],
  })
  expect(prompt(gate, 'gate-1').retry.onFailure).toBe('ignore')
  expect(find(pipeline, 'ship').when?.text).toBe(
    'steps.gate.artifacts.fields.result == "APPROVE" && steps.gate.artifacts.fields.agreement >= 0.75',
  )
  expect(notices(pipeline)).toEqual([expect.stringContaining('they are not independent')])
})

const call = (keys: string): string =>
  flow(`  - {name: call, template: {name: review, with: ${keys}}}\n`)
const looped = (keys: string): string => flow(`  - {name: a, loop: {workflow: draft, ${keys}}}\n`)

const CHILD = flow('  - {name: look, run: "Review {{input.code}} {{depth}}"}\n', 'review')

test('every key of `with` arrives, also as a bare name, and a missing one is a mistake at the call', () => {
  const step = find(loaded(call('{code: "{{input}}", depth: 2}'), { review: CHILD }), 'call')
  if (step.kind !== 'pipeline') throw new Error('no call')
  expect(step.input).toMatchObject({
    fields: { code: { text: '{{input}}' }, depth: { text: '2' } },
  })
  expect(prompt(step.child, 'look').task.text).toBe('Review {{input.code}} {{input.depth}}')
  expect(problems(call('{depth: 2, x: y}'), { review: CHILD })).toEqual([
    expect.stringContaining('calls "review" without its input "code".'),
  ])
  expect(problems(call('{code: x}'), { review: CHILD })).toEqual([
    expect.stringContaining('The name "depth" stands for nothing.'),
  ])
})

test('what the caller reads of a call becomes the contract of the child', () => {
  const child = flow('  - {name: look, run: "- Verdict: [GOOD/BAD]"}\n', 'review')
  const text = flow(`  - {name: call, template: {name: review, with: {input: "{{input}}"}}}
  - {name: b, needs: [call], if: "{{call.verdict}} == 'good'", run: "{{call}} {{call.verdict}}"}
`)
  const pipeline = loaded(text, { review: child })
  const step = find(pipeline, 'call')
  if (step.kind !== 'pipeline') throw new Error('no call')
  expect(step.input).toMatchObject({ text: { text: '{{input}}' } })
  expect(schemaOf(prompt(step.child, 'look'))).toMatchObject({
    properties: { verdict: { enum: ['GOOD', 'BAD'] } },
  })
  expect(step.child.outputs.map(({ name }) => name)).toEqual(['output', 'fields'])
  expect(prompt(pipeline, 'b').when?.text).toBe('steps.call.artifacts.fields.verdict == "GOOD"')
  expect(prompt(pipeline, 'b').task.text).toBe(
    '{{steps.call.artifacts.output}} {{steps.call.artifacts.fields.verdict}}',
  )
})

test('unknown workflows and circles of calls are told at the call', () => {
  const text = flow('  - {name: call, template: {name: flow}}\n')
  expect(problems(text, { flow: text })[0]).toContain('calls pipelines in a circle')
  expect(problems(flow('  - {name: a, template: {name: reviw}}\n'), { review: CHILD })).toEqual([
    expect.stringContaining('calls the unknown pipeline "reviw". Did you mean "review"?'),
  ])
})

const DRAFT = flow('  - {name: write, run: "Improve {{input.text}} {{loop.iteration}}"}\n', 'draft')

test('a loop with a sentence asks a judge after each round', () => {
  const text = `${flow('  - {name: first, run: x}\n')}loops:
  - {name: polish, workflow: draft, max_iterations: 3, until: The text is good, with: {text: "{{first}} {{loop.last.output}}"}}
`
  const loop = find(loaded(text, { draft: DRAFT }), 'polish')
  if (loop.kind !== 'loop') throw new Error('no loop')
  expect(loop).toMatchObject({ dependencies: ['first'], maxIterations: 3, onExhausted: 'continue' })
  expect(loop.steps.map(({ id }) => id)).toEqual(['polish-round', 'polish-judge'])
  expect(loop.until?.text).toBe('steps["polish-judge"].artifacts.verdict.met')
  expect(find(loop, 'polish-round')).toMatchObject({
    input: { fields: { text: { text: '{{steps.first.artifacts.output}} {{loop.last.output}}' } } },
  })
})

test('a loop with a condition asks the result of the round', () => {
  const text = flow(`  - name: polish
    loop: {workflow: draft, max_iterations: 3, with: {text: x}, until: "{{loop.output}} contains 'DONE' OR {{polish.score}} > 8 OR {{loop.iteration}} >= 2"}
`)
  const loop = find(loaded(text, { draft: DRAFT }), 'polish')
  expect(loop.kind === 'loop' && loop.until?.text).toBe(
    'steps["polish-round"].artifacts.output.contains("DONE") || ' +
      'steps["polish-round"].artifacts.fields.score > 8 || iteration >= 2',
  )
})

test('a loop over items has figures and a list of all results', () => {
  const child = flow('  - {name: look, run: "Review {{input}} {{item}}"}\n', 'review')
  const text = flow(`  - {name: files, run: list}
  - name: each
    loop: {workflow: review, mode: iterate, items: "{{files}}", max_iterations: 20, parallel: true, min_success_rate: 0.5, accumulate: all}
  - {name: sum, needs: [each], if: "{{each.failed}} < 2", run: "{{each.succeeded}} of {{each.iterations}}: {{all}} {{each}}"}
`)
  const pipeline = loaded(text, { review: child })
  const each = find(pipeline, 'each')
  expect(each).toMatchObject({
    kind: 'pipeline',
    dependencies: ['files'],
    input: { text: { text: '{{ item }}' } },
    iterate: {
      items: { kind: 'text', text: { text: '{{steps.files.artifacts.output}}' } },
      mode: 'parallel',
      maxConcurrent: 3,
      maxItems: 20,
      onFailure: 'continue',
      minSuccessRate: 0.5,
    },
  })
  expect(find(pipeline, 'all')).toMatchObject({ kind: 'aggregate', dependencies: ['each'] })
  const sum = prompt(pipeline, 'sum')
  expect(sum.dependencies).toEqual(['each', 'all'])
  expect(sum.when?.text).toBe(
    'size(steps.each.artifacts.output.filter(each, each.outcome == "failed")) < 2',
  )
  expect(sum.task.text).toContain(
    '{{wave_each_succeeded}} of {{wave_each_iterations}}: {{steps.all.artifacts.output}}',
  )
})

test('a called workflow finds the names of its loop, each handed over only if it is read', () => {
  const child = flow('  - {name: look, run: "{{item}} {{loop.iteration}}"}\n', 'review')
  const text = flow(`  - name: each
    loop: {workflow: review, mode: iterate, items: "a", max_iterations: 2, with: {input: "{{item.name}}"}}
`)
  const each = find(loaded(text, { review: child }), 'each')
  if (each.kind !== 'pipeline') throw new Error('no call')
  expect(prompt(each.child, 'look').task.text).toBe('{{env.wave_item}} {{env.wave_loop_iteration}}')
  expect(each.env).toMatchObject({
    wave_item: { text: '{{ item }}' },
    wave_loop_iteration: { text: '{{ loop.iteration }}' },
  })
  expect(problems(child)).toEqual([
    expect.stringContaining('"item" exists only in the "with" of a loop'),
    expect.stringContaining('"loop.iteration" exists only in the "with" of a loop'),
  ])
})

test('a loop says which of its keys do not fit its mode', () => {
  expect(problems(looped('max_iterations: 60, parallel: true'), { draft: DRAFT })).toEqual([
    expect.stringContaining('needs "until" with `mode: refine`'),
    expect.stringContaining('can have at most 50 rounds, not 60'),
    expect.stringContaining('has "parallel", which needs `mode: iterate`'),
  ])
})

test('names of steps have no meaning of their own', () => {
  const step = prompt(loaded(flow('  - {name: validate_result, run: x}\n')), 'validate_result')
  expect(step.contracts).toEqual([])
})

test('what the dialect has elsewhere and wave has not is told by its key', () => {
  const text = `${head()}execution: {servers: [files], skills: []}
llm: x
steps:
  - {name: a, rag: {query: x}}
  - {name: b, embeddings: {}, run: x}
  - {name: c, skills: [pdf], run: x}
  - {name: d, adapter: claude, run: x}
  - {name: e, for_each: x, run: x}
`
  expect(problems(text)).toEqual([
    expect.stringContaining('"execution.servers" is not supported'),
    expect.stringContaining('has the key "llm": use "execution"'),
    expect.stringContaining('Step "a" has the key "rag": it is not supported'),
    expect.stringContaining('Step "b" has the key "embeddings": it is not supported'),
    expect.stringContaining('"skills" of step "c" is not supported'),
    expect.stringContaining('Step "d" has the key "adapter": use "provider" and "model"'),
    expect.stringContaining('Step "e" has the key "for_each": use "loop"'),
  ])
})

test('a mark that is nearly right is told with the right one', () => {
  for (const mark of ['workflow/v2', 'workflow-v2.0']) {
    expect(
      problems(`$schema: ${mark}\nname: flow\nversion: 1\nsteps: [{name: a, run: x}]\n`),
    ).toEqual([expect.stringContaining('Did you mean "workflow/v2.0"?')])
  }
})

test('settings of the model come from the step, then from the file', () => {
  const text = `${head()}execution: {provider: a, model: m, temperature: 0.3, timeout: 60, max_iterations: 12, on_error: continue, parallel: true, max_workers: 5}
steps:
  - {name: one, run: x}
  - {name: two, model: n, timeout: 90s, max_tokens: 100, on_failure: retry, max_retries: 4, run: x}
  - {name: three, providers: [{provider: b, model: o}, {provider: c, model: p}], run: x}
`
  const pipeline = loaded(text)
  expect(pipeline.limits.concurrency).toBe(5)
  expect(pipeline.failurePolicy).toBe('continue')
  expect(prompt(pipeline, 'one')).toMatchObject({
    model: { name: 'a/m', temperature: 0.3 },
    timeoutMs: 60_000,
    turns: 12,
    retry: { maxAttempts: 1, onFailure: 'continue' },
  })
  expect(prompt(pipeline, 'two')).toMatchObject({
    model: { name: 'a/n', maxOutputTokens: 100 },
    timeoutMs: 90_000,
    retry: { maxAttempts: 5, onFailure: 'fail', backoff: 'exponential' },
  })
  expect(prompt(pipeline, 'three').model).toMatchObject({ name: 'b/o', fallbacks: ['c/p'] })
})

test('a provider without a model, and a model under several providers, are mistakes', () => {
  const text = `${head()}execution: {providers: [{provider: a, model: m}], max_workers: 2}
steps:
  - {name: one, provider: b, run: x}
  - {name: two, model: n, run: x}
`
  expect(problems(text)).toEqual([
    expect.stringContaining('has "max_workers" without `parallel: true`'),
    expect.stringContaining('has "provider" without "model"'),
    expect.stringContaining('has "model" without "provider", and "execution" has several'),
  ])
})

test('steps need one thing to do, a name of their own and known needs', () => {
  const text = flow(`  - {name: a}
  - {name: b, run: x, template: {name: y}}
  - {name: input, run: x}
  - {name: c, needs: [c, d], run: x, if: "true", condition: "true"}
`)
  expect(problems(text)).toEqual([
    expect.stringContaining('Step "a" has nothing to do'),
    expect.stringContaining('Step "b" has both "run" and "template"'),
    expect.stringContaining('cannot have the name "input"'),
    expect.stringContaining('Step "c" needs itself'),
    expect.stringContaining('Step "c" needs the unknown step "d"'),
    expect.stringContaining('has both "if" and "condition"'),
  ])
})

test('mistakes of shape do not hide the others', () => {
  const text = flow(`  - {name: a, run: [x]}
  - {name: b, needs: [a], run: "{{a}} {{nobody}}"}
`)
  expect(problems(text)).toEqual([
    expect.stringContaining('"run" of step "a" must be a string'),
    expect.stringContaining('The name "nobody" stands for nothing'),
  ])
})

test('a workspace gives a step files and the tools of its persona', () => {
  const text = `${head()}wave: {persona: auditor, workspace: {mount: [{source: ./, target: /code}]}}
steps:
  - {name: look, run: x, wave: {output: {path: output/look.txt, type: text}}}
  - {name: fix, run: x, wave: {persona: craftsman, workspace: {mount: [{source: ./, mode: readwrite}]}}}
`
  const pipeline = loaded(text)
  expect(prompt(pipeline, 'look')).toMatchObject({
    persona: 'auditor',
    permissions: undefined,
    mount: { source: '.', target: '/code', mode: 'readonly' },
    artifacts: [{ name: 'output', path: 'output/look.txt', type: 'text' }],
  })
  expect(prompt(pipeline, 'fix')).toMatchObject({
    persona: 'craftsman',
    mount: { target: '/src', mode: 'readwrite' },
  })
  expect(problems(flow('  - {name: a, run: x, wave: {output: {path: ../x.md}}}\n'))).toEqual([
    expect.stringContaining('must be a plain path below "output/"'),
  ])
})

test('version and values are kept as they are written', () => {
  const text = `$schema: workflow/v2.0\nname: flow\nversion: 2.0\nenv: {port: 1.10, on: true}\nsteps: [{name: a, run: x}]\n`
  const pipeline = loaded(text)
  expect(pipeline.annotations['version']).toBe('2.0')
  expect(pipeline.env).toEqual({ port: '1.10', on: 'true' })
})
