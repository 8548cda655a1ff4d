import { expect, test } from 'vitest'
import { bundledPersonas } from '../../persona/bundled.ts'
import { loadPersonas } from '../../persona/registry.ts'
import type { ResolvedModel } from '../../ports.ts'
import {
  sketchAggregate,
  sketchArtifact,
  sketchBranch,
  sketchCall,
  sketchCommand,
  sketchGate,
  sketchIterate,
  sketchLoop,
  sketchPipeline,
  sketchStep,
  sketchText,
} from '../../testing/plans.ts'
import type { Contract, Pipeline, PromptStep, Step } from '../pipeline.ts'
import { BUILT_IN_CAPS, planPipeline } from './plan.ts'
import type { Plan, PlanContext, PlannedStep } from './plan.ts'

const { personas } = loadPersonas({ bundled: bundledPersonas(), project: [] })

function model(name: string, price: number | undefined = 1): ResolvedModel {
  return {
    provider: 'fake',
    model: name,
    contextTokens: 1000,
    maxOutputTokens: 100,
    cost: () => price,
    open: () => Promise.reject(new Error('not opened here')),
  }
}

const CONTEXT: PlanContext = {
  personas,
  project: { test_command: 'npm test' },
  resolveModel: (name) => (name === 'unknown' ? undefined : model(name ?? 'default')),
  hasModels: true,
  knownStandIns: new Set(['triage']),
}

const WITHOUT_MODELS: PlanContext = {
  ...CONTEXT,
  hasModels: false,
  resolveModel: () => undefined,
}

type Steps = Pipeline | readonly Step[]

function result(steps: Steps, context: PlanContext) {
  return planPipeline('steps' in steps ? steps : sketchPipeline(steps), context)
}

function plan(steps: Steps, context: PlanContext = CONTEXT): Plan {
  const planned = result(steps, context)
  if (!planned.ok) throw new Error(JSON.stringify(planned.problems))
  return planned.value
}

function problemsOf(steps: Steps, context: PlanContext = CONTEXT): string[] {
  const planned = result(steps, context)
  const problems = planned.ok ? [] : planned.problems
  return problems.map(
    ({ code, message, hint }) => `${code} ${message}${hint === undefined ? '' : ` | ${hint}`}`,
  )
}

/** A prompt step with that task. */
const ask = (id: string, task: string, more: Partial<PromptStep> = {}): PromptStep =>
  sketchStep({ id, task: sketchText(task), ...more })

const json = (name: string) => sketchArtifact(name, `output/${name}.json`, { type: 'json' })

/** Hands over the JSON artifact of its own name, with fields that are known. */
const TRIAGE = sketchStep({
  id: 'triage',
  artifacts: [json('triage'), sketchArtifact('notes', 'notes.md')],
  contracts: [
    {
      type: 'json_schema',
      source: 'triage',
      onFailure: undefined,
      schema: {
        type: 'object',
        properties: {
          severity: { type: 'string', enum: ['P1', 'P4'] },
          changes: {
            type: 'array',
            items: { type: 'object', properties: { path: { type: 'string' } } },
          },
        },
      },
    },
  ],
})
const T = 'steps.triage.artifacts.triage'
const AFTER = { dependencies: ['triage'] }

const child = (steps: readonly Step[], more: Partial<Pipeline> = {}): Pipeline =>
  sketchPipeline(steps, { name: 'child', file: 'child.yaml', ...more })

const stepOf = (planned: Plan, id: string): PlannedStep => {
  const found = planned.steps.find(({ step }) => step.id === id)
  if (found === undefined) throw new Error(`There is no ${id}.`)
  return found
}

test('a called pipeline is planned with the runners and tools of its own steps', () => {
  const inner = child([sketchCommand({ id: 'build' }), ask('look', '{{ input }}')])
  const planned = stepOf(plan([sketchCall({ id: 'audit', child: inner })]), 'audit')
  expect(planned).toMatchObject({ runner: 'engine', models: [], tools: [], executes: true })
  expect(planned.child?.steps.map(({ runner }) => runner)).toEqual(['command', 'agent'])
  expect(planned.child?.pipeline.name).toBe('child')
})

test('limits of a called pipeline are never wider than those of its caller', () => {
  const limits = { minutes: 90, usd: undefined, tokens: 500, concurrency: undefined }
  const narrow = { minutes: 5, usd: 1, tokens: undefined, concurrency: 2 }
  const calls = [
    sketchCall({ id: 'wide', child: child([ask('a', 'x')], { limits }) }),
    sketchCall({ id: 'narrow', child: child([ask('a', 'x')], { limits: narrow }) }),
    sketchCall({ id: 'silent', child: child([ask('a', 'x')]) }),
  ]
  const caller = { minutes: 30, usd: 3, tokens: 900, concurrency: 8 }
  const planned = plan(sketchPipeline(calls, { limits: caller }))
  expect(stepOf(planned, 'wide').child?.limits).toEqual({ ...caller, tokens: 500 })
  expect(stepOf(planned, 'narrow').child?.limits).toEqual({ ...narrow, tokens: 900 })
  expect(stepOf(planned, 'silent').child?.limits).toEqual(caller)
})

test('what is wrong in a called pipeline is told once, however often it is called', () => {
  const inner = child([ask('a', '{{ inptu }}', { persona: 'nobody' })])
  const calls = ['one', 'two'].map((id) => sketchCall({ id, child: inner }))
  const other = sketchCall({ id: 'three', child: inner, env: { depth: sketchText('x') } })
  expect(problemsOf([...calls, other])).toEqual([
    expect.stringContaining('persona-unknown Step "a" names the unknown persona "nobody".'),
    'pipeline-invalid The template names the unknown "inptu". | Did you mean "input"?',
  ])
})

test('a called pipeline knows the env that the call and its own file set', () => {
  const inner = child([ask('a', '{{ env.depth }} {{ env.own }}')], { env: { own: '1' } })
  const call = (env: Record<string, string>): Step =>
    sketchCall({
      id: 'audit',
      child: inner,
      env: Object.fromEntries(Object.entries(env).map(([key, text]) => [key, sketchText(text)])),
    })
  expect(problemsOf([call({ depth: 'quick' })])).toEqual([])
  expect(problemsOf([call({ dept: 'quick' })])).toEqual([
    'pipeline-invalid The template names the unknown "env.depth". | Did you mean "dept"?',
  ])
  expect(problemsOf(inner)).toEqual([])
  expect(problemsOf(inner, { ...CONTEXT, env: [] })[0]).toContain('unknown "env.depth"')
})

const withHint = (hint: string): readonly string[] => [
  `pipeline-invalid The template names the unknown "env.depth". | ${hint}`,
  'pipeline-invalid The template names the unknown "project.team". | Add it to `project` in `.wave/config.yaml`.',
]

test('without any known key, the hint says who could give it', () => {
  const inner = child([ask('a', '{{ env.depth }} {{ project.team }}')])
  const without = { ...CONTEXT, project: {}, env: [] }
  expect(problemsOf(inner, without)).toEqual(
    withHint('A caller sets it in its `config.env`: run a pipeline that calls this one.'),
  )
  const file = 'test.yaml'
  expect(problemsOf([sketchCall({ id: 'audit', child: inner })], without)).toEqual(
    withHint(`Set it under \`config.env\` of step "audit" of ${file}, which calls this file.`),
  )
  const branch = sketchBranch({ id: 'route', on: '"x"', cases: { x: inner } })
  expect(problemsOf([branch], without)).toEqual(
    withHint(
      `It is called by the branch of step "route" of ${file}, which gives no \`env\`: give it in \`input\`.`,
    ),
  )
})

test('a pipeline that takes JSON must be given JSON', () => {
  const input = { source: 'cli', type: 'json', example: undefined } as const
  const inner = child([ask('a', '{{ input.depth }}')], { input })
  const call = (text: string | undefined): Step =>
    sketchCall({
      id: 'audit',
      child: inner,
      input: text === undefined ? text : { text: sketchText(text) },
    })
  expect(problemsOf([call('{"depth": 1}')])).toEqual([])
  expect(problemsOf([call('{{ input | json }}')])).toEqual([])
  expect(problemsOf([call('plain')])[0]).toContain('which takes JSON, with a text.')
  expect(problemsOf([call(undefined)])[0]).toContain('which takes JSON, with the text that it was')
  expect(problemsOf(sketchPipeline([call(undefined)], { input }))).toEqual([])
})

test('templates of a call are checked', () => {
  const call = sketchCall({
    id: 'audit',
    child: child([ask('a', 'x')]),
    input: { text: sketchText('{{ one }}') },
    env: { depth: sketchText('{{ two }}') },
  })
  expect(problemsOf([call])).toHaveLength(2)
})

test('what a called pipeline hands over has the schema of the field it comes from', () => {
  const outputs = [
    { name: 'severity', step: 'triage', artifact: 'triage', field: 'severity', type: 'json' },
    { name: 'all', step: 'triage', artifact: 'triage', field: undefined, type: 'json' },
    { name: 'notes', step: 'triage', artifact: 'notes', field: undefined, type: 'text' },
  ] as const
  const audit = sketchCall({ id: 'audit', child: child([TRIAGE], { outputs }) })
  const when = (text: string): readonly Step[] => [
    audit,
    ask('b', 'x', { dependencies: ['audit'], when: sketchText(text) }),
  ]
  const artifacts = 'steps.audit.artifacts'
  expect(
    problemsOf(when(`${artifacts}.severity == "P1" && ${artifacts}.all.severity == "P1"`)),
  ).toEqual([])
  expect(problemsOf(when(`${artifacts}.severity == "P2"`))[0]).toContain('is never "P2"')
  expect(problemsOf(when(`${artifacts}.all.sevrity == "P1"`))[0]).toContain('no "sevrity"')
  expect(problemsOf(when(`${artifacts}.notes > 3`))[0]).toContain('is text, but 3 is a number')
})

const branchOn = (on: string, cases: Record<string, Pipeline | 'skip'>): readonly Step[] => [
  TRIAGE,
  sketchBranch({ id: 'route', ...AFTER, on, cases, otherwise: 'skip' }),
]

test('a branch is planned case by case, and its cases must fit what the condition can be', () => {
  const inner = child([sketchCommand({ id: 'a' })])
  const route = stepOf(plan(branchOn(`${T}.severity`, { P1: inner, P4: 'skip' })), 'route')
  expect(route).toMatchObject({ runner: 'engine', executes: true, cases: { otherwise: 'skip' } })
  expect([...(route.cases?.byValue.keys() ?? [])]).toEqual(['P1', 'P4'])
  expect(route.cases?.byValue.get('P4')).toBe('skip')
  expect(route.cases?.byValue.get('P1')).toMatchObject({ pipeline: { name: 'child' } })
  expect(problemsOf(branchOn(`${T}.severity`, { P2: inner }))).toEqual([
    'pipeline-invalid Step "route" has a case for "P2", which "on" never is. | It can be "P1", "P4".',
  ])
  expect(problemsOf(branchOn(`${T}.changes`, { P1: inner }))[0]).toContain('is a list, not text')
})

test('a loop is planned with its body, which names its own steps, what is before it and the round', () => {
  const draft = ask('draft', `{{ iteration }} {{ ${T}.severity }} {{ steps.triage.outcome }}`, {
    artifacts: [sketchArtifact('text', 'text.md')],
  })
  const check = ask('check', '{{ steps.draft.artifacts.text }}', {
    dependencies: ['draft'],
    artifacts: [json('verdict')],
    when: sketchText(`iteration > 1 && ${T}.severity == "P1"`),
  })
  const loop = (until: string, body: readonly Step[] = [draft, check]): readonly Step[] => [
    TRIAGE,
    sketchLoop({ id: 'polish', ...AFTER, steps: body, until: sketchText(until) }),
    ask('after', '{{ steps.polish.artifacts.text }}', { dependencies: ['polish'] }),
  ]
  const until = `steps.check.artifacts.verdict.ok && iteration > 1 && ${T}.severity == "P1"`
  const polish = stepOf(plan(loop(until)), 'polish')
  expect(polish.runner).toBe('engine')
  expect(polish.body?.map(({ step, runner }) => [step.id, runner])).toEqual([
    ['draft', 'agent'],
    ['check', 'agent'],
  ])
  expect([...(polish.body?.[1]?.ancestors ?? [])]).toEqual(['draft'])
  expect(problemsOf(loop('steps.chek.artifacts.verdict.ok'))).toEqual([
    'pipeline-invalid The condition names the unknown "steps.chek". | Did you mean "check"?',
  ])
  expect(problemsOf(loop('steps.after.outcome == "completed"'))[0]).toContain('"steps.after"')
  const early = { ...draft, task: sketchText('{{ steps.check.artifacts.verdict }}') }
  expect(problemsOf(loop(until, [early, check]))[0]).toContain(
    '"steps.check", which itself waits for "draft"',
  )
  expect(problemsOf([TRIAGE, { ...draft, dependencies: ['triage'] }])[0]).toContain(
    '"iteration" exists only in fan-outs and loops.',
  )
})

test('the body of a loop is not seen from outside', () => {
  const loop = sketchLoop({ id: 'polish', steps: [ask('draft', 'x')] })
  const after = ask('after', '{{ steps.draft.outcome }}', { dependencies: ['polish'] })
  expect(problemsOf([loop, after])[0]).toContain('unknown "steps.draft"')
})

test('a fan-out knows the fields of its items, and hands over a list of results', () => {
  const review = (task: string, after = 'x'): readonly Step[] => [
    TRIAGE,
    ask('review', task, {
      ...AFTER,
      iterate: sketchIterate(`${T}.changes`),
      artifacts: [json('note')],
    }),
    ask('last', 'y', { dependencies: ['review'], when: sketchText(after) }),
  ]
  const note = 'steps.review.artifacts.note'
  const fits = `${note}.all(n, n.outcome == "completed" && n.value.ok && n.iteration > 0)`
  expect(
    problemsOf(review('{{ iteration }} {{ item.path }} {{ item | json }} {{ task }}', fits)),
  ).toEqual([])
  expect(problemsOf(review('{{ item.pth }}', fits))[0]).toContain('no "pth"')
  expect(problemsOf(review('x', `${note}.ok`))[0]).toContain('it belongs to a list')
  expect(problemsOf(review('x', `${note}.exists(n, n.outcome == "done")`))[0]).toContain(
    'never "done"',
  )
  const text = ask('text', 'x', { ...AFTER, iterate: sketchIterate(`${T}.severity`) })
  expect(problemsOf([TRIAGE, text])[0]).toContain('is text, not a list')
  expect(stepOf(plan(review('x', fits)), 'review').runner).toBe('agent')
})

test('items exist only in the task of a fan-out', () => {
  const iterate = sketchIterate('[1, 2]')
  const source = { ...iterate, items: { kind: 'text', text: sketchText('{{ item }}') } } as const
  expect(problemsOf([ask('a', '{{ item }}', { iterate: source })])).toEqual([
    'pipeline-invalid The template names the unknown "item". | "item" exists only in a step with "iterate".',
  ])
  const when = sketchText('item == 1')
  expect(problemsOf([ask('a', 'x', { iterate, when })])[0]).toContain('unknown "item"')
})

test('later steps name the answer of a gate, and only choices that it has', () => {
  const after = (when: string): readonly Step[] => [
    sketchGate({ id: 'sign-off', gate: { message: sketchText('Ship {{ input }}?') } }),
    ask('a', '{{ gate.sign-off.text }} {{ steps.sign-off.artifacts.answer.text }}', {
      dependencies: ['sign-off'],
      when: sketchText(when),
    }),
  ]
  expect(problemsOf(after('gate["sign-off"].choice == "y"'))).toEqual([])
  expect(problemsOf(after('gate["sign-off"].choice == "yes"'))[0]).toContain('is never "yes"')
  expect(problemsOf(after('steps["sign-off"].artifacts.answer.choice == "q"'))[0]).toContain(
    'never "q"',
  )
  expect(
    problemsOf([...after('true').slice(0, 1), ask('b', '{{ gate.sign-off.text }}')])[0],
  ).toContain('unknown "gate.sign-off"')
  expect(stepOf(plan(after('true')), 'sign-off').runner).toBe('engine')
})

test('a vote and a joined list are known by their fields', () => {
  const votes = ['one', 'two'].map((id) =>
    ask(id, 'x', { artifacts: [sketchArtifact('o', 'o.md')] }),
  )
  const from = votes.map(({ id }) => ({ step: id, artifact: 'o' }))
  const vote = sketchAggregate({
    id: 'vote',
    from,
    dependencies: ['one', 'two'],
    artifacts: [json('fields'), sketchArtifact('output', 'o.md')],
    strategy: {
      type: 'vote',
      require: 'majority',
      allowPartial: false,
      verdicts: ['YES', 'NO'],
      field: 'verdict',
    },
  })
  const when = (text: string): readonly Step[] => [
    ...votes,
    vote,
    ask('a', 'x', { dependencies: ['vote'], when: sketchText(text) }),
  ]
  const fields = 'steps.vote.artifacts.fields'
  expect(
    problemsOf(when(`${fields}.success && ${fields}.result == "YES" && ${fields}.agreement > 0.5`)),
  ).toEqual([])
  expect(problemsOf(when(`${fields}.result == "MAYBE"`))[0]).toContain('is never "MAYBE"')
  expect(problemsOf(when(`${fields}.winner == "x"`))[0]).toContain('no "winner"')
})

const judge = (name: string): Contract => ({
  type: 'llm_judge',
  source: 'o',
  criteria: ['good'],
  threshold: 1,
  model: { name, fallbacks: ['strongest'], maxOutputTokens: undefined, effort: undefined },
  onFailure: undefined,
  timeoutMs: 1000,
  tokenBudget: undefined,
})

const review = (persona: string): Contract => ({
  type: 'agent_review',
  persona,
  criteria: 'good',
  context: [],
  onFailure: undefined,
  timeoutMs: 1000,
  tokenBudget: undefined,
})

const MOUNT = { source: '.', target: '/src', mode: 'readonly' } as const

test('an unknown model is told once, with every step that asks for it', () => {
  const choice = {
    name: 'unknown',
    fallbacks: [],
    maxOutputTokens: undefined,
    effort: undefined,
  }
  const steps = ['a', 'b', 'c'].map((id) => ask(id, 'x', { model: choice }))
  const explained = {
    ...CONTEXT,
    explainModel: (name: string) => ({ what: `"${name}" of nobody`, hint: 'Configure it.' }),
  }
  expect(problemsOf(steps, explained)).toEqual([
    'provider-missing Step "a" asks for "unknown" of nobody. So do step "b", step "c". | Configure it.',
  ])
})

test('judges and reviewers have models, prompt and tools of their own', () => {
  const judged = judge('cheapest')
  const contracts = [judged, review('auditor'), review('craftsman')]
  const planned = stepOf(plan([ask('a', 'x', { contracts, mount: MOUNT })]), 'a')
  const [first, second, third] = contracts.map((contract) => planned.judges?.get(contract))
  expect(first?.models.map((each) => each.model)).toEqual(['cheapest', 'strongest'])
  expect(first).toMatchObject({ persona: undefined, systemPrompt: '', tools: [] })
  expect(second?.persona?.name).toBe('auditor')
  expect(second?.systemPrompt).not.toBe('')
  expect(second?.tools).toEqual(['read', 'grep', 'glob', 'history'])
  expect(third?.tools).toEqual(['read', 'grep', 'glob', 'history', 'bash'])
  expect(planned.executes).toBe(true)
  const override = stepOf(
    plan([ask('a', 'x', { contracts })], { ...CONTEXT, modelOverride: 'mine' }),
    'a',
  )
  expect(override.judges?.get(judged)?.models.map((each) => each.model)).toEqual(['mine'])
})

test('unknown models and personas of contracts are told', () => {
  expect(problemsOf([ask('a', 'x', { contracts: [judge('unknown')] })])).toEqual([
    expect.stringContaining(
      'provider-missing The contract "llm_judge" of step "a" asks for the unknown model',
    ),
  ])
  expect(problemsOf([ask('a', 'x', { contracts: [review('auditer')] })])).toEqual([
    expect.stringContaining(
      'persona-unknown The contract "agent_review" of step "a" names the unknown persona "auditer". | Did you mean "auditor"?',
    ),
  ])
  const command = sketchCommand({ id: 'a', contracts: [judge('cheapest')] })
  expect(problemsOf([command], WITHOUT_MODELS)).toEqual([
    expect.stringContaining(
      'provider-missing The contract "llm_judge" of step "a" needs a language model',
    ),
  ])
})

test.each<[string, string | undefined, readonly string[]]>([
  ['the cheapest', 'cheapest', ['balanced', 'strongest']],
  ['the balanced', 'balanced', ['strongest']],
  ['the strongest', 'strongest', []],
  ['another', 'special', ['strongest']],
])('%s model escalates tier by tier', (_, name, expected) => {
  const choice = {
    name: name ?? '',
    fallbacks: ['spare'],
    maxOutputTokens: undefined,
    effort: undefined,
  }
  const retry = { ...TRIAGE.retry, maxAttempts: 4, escalate: true }
  const planned = stepOf(plan([ask('a', 'x', { model: choice, retry })]), 'a')
  expect((planned.escalation ?? []).map((models) => models.map((each) => each.model))).toEqual(
    expected.map((tier) => [tier, 'spare']),
  )
  const calm = { ...retry, escalate: false }
  expect(
    stepOf(plan([ask('a', 'x', { model: choice, retry: calm })]), 'a').escalation,
  ).toBeUndefined()
})

const suite = (command: string): Contract => ({
  type: 'test_suite',
  command: sketchText(command),
  dir: undefined,
  onFailure: undefined,
  timeoutMs: 1000,
})

const executes = (steps: Steps, context = CONTEXT): readonly boolean[] =>
  plan(steps, context).steps.map((planned) => planned.executes)

test('steps need a workspace that executes for commands, tests, hooks and what they are made of', () => {
  const quiet = ask('a', 'x')
  expect(executes([quiet])).toEqual([false])
  expect(executes([ask('a', 'x', { contracts: [suite('npm test')] })])).toEqual([true])
  expect(executes([ask('a', 'x', { mount: { ...MOUNT, mode: 'readwrite' } })])).toEqual([true])
  expect(executes([sketchLoop({ id: 'l', steps: [quiet] })])).toEqual([false])
  expect(executes([sketchLoop({ id: 'l', steps: [sketchCommand({ id: 'c' })] })])).toEqual([true])
  const hook = {
    name: 'h',
    timeoutMs: 1,
    type: 'command',
    event: 'step_start',
    blocking: true,
  } as const
  const hooks = [{ ...hook, matcher: 'impl*', command: sketchText('true') }]
  expect(
    executes(sketchPipeline([ask('impl-1', 'x'), quiet, sketchGate({ id: 'impl-2' })], { hooks })),
  ).toEqual([true, false, false])
  const evidence = ask('a', 'x', { standIn: 'triage', contracts: [suite('x')] })
  expect(executes([evidence], WITHOUT_MODELS)).toEqual([true])
})

test.each<[string, Steps]>([
  ['script', [sketchCommand({ id: 'a', script: sketchText('echo {{ input }}') })]],
  ['contract', [ask('a', 'x', { contracts: [suite('echo {{ input }}')] })]],
  ['path', [ask('a', 'x', { artifacts: [sketchArtifact('o', 'output/{{ input }}.md')] })]],
  [
    'hook',
    sketchPipeline([ask('a', 'x')], {
      hooks: [
        {
          name: 'h',
          matcher: '*',
          timeoutMs: 1,
          type: 'command',
          event: 'step_start',
          blocking: true,
          command: sketchText('echo {{ input }}'),
        },
      ],
    }),
  ],
])('untrusted text cannot stand in a %s', (_, steps) => {
  expect(problemsOf(steps)).toEqual([expect.stringContaining('"input" is untrusted text')])
})

test('trusted names may stand in commands and paths', () => {
  const trusted = '{{ run.id }}-{{ step.id }}-{{ iteration }}'
  const steps = [
    sketchCommand({
      id: 'a',
      iterate: sketchIterate('["x"]'),
      script: sketchText(`echo ${trusted} {{ project.test_command }}`),
      artifacts: [sketchArtifact('o', `output/${trusted}.md`)],
      contracts: [suite(`echo ${trusted}`)],
    }),
  ]
  expect(problemsOf(steps)).toEqual([])
})

test('a repair may name what the failed step left, and the failure', () => {
  const repair = (task: string): readonly Step[] => [
    TRIAGE,
    ask('fix', 'x', {
      ...AFTER,
      artifacts: [json('plan')],
      retry: { ...TRIAGE.retry, onFailure: 'rework', rework: { step: 'fix-it', maxRounds: 1 } },
    }),
    ask('fix-it', task, { reworkOnly: true }),
  ]
  const task = `{{ artifacts.plan.json.x }} {{ artifacts.failure }} {{ ${T}.severity }}`
  expect(problemsOf(repair(task))).toEqual([])
  expect(problemsOf(repair('{{ artifacts.other }}'))[0]).toContain(
    'Known injected artifacts: failure, plan.',
  )
  expect(problemsOf([ask('a', '{{ artifacts.failure }}')])).toHaveLength(1)
})

const composed = (inner: Step): readonly Step[] => [
  sketchCall({ id: 'call', child: child([inner]) }),
  sketchLoop({ id: 'loop', steps: [{ ...inner, id: 'b' }] }),
  sketchBranch({ id: 'branch', on: '"x"', cases: { x: child([inner]) } }),
  sketchGate({ id: 'gate' }),
]

test('without a model, stand-ins are asked of prompt steps wherever they stand', () => {
  const known = ask('a', 'x', { standIn: 'triage' })
  const planned = plan(composed(known), WITHOUT_MODELS)
  expect(planned.mode).toBe('evidence')
  expect(stepOf(planned, 'call').child?.steps[0]?.runner).toBe('evidence')
  expect(stepOf(planned, 'loop').body?.[0]?.runner).toBe('evidence')
  const lacking = problemsOf(composed(ask('a', 'x')), WITHOUT_MODELS)
  expect(lacking).toHaveLength(2)
  for (const problem of lacking) expect(problem).toContain('needs a language model')
})

test('limits hold for steps of bodies and of called pipelines, and for steps of their own', () => {
  const slow = ask('slow', 'x', { timeoutMs: 5 * 60 * 60_000 })
  const costly = ask('costly', 'x', { limits: { tokens: 500, usd: 9 } })
  const steps = [
    sketchLoop({ id: 'loop', steps: [slow, costly] }),
    sketchCall({ id: 'call', child: child([{ ...slow, id: 'slower' }]) }),
    sketchGate({ id: 'gate', timeoutMs: 5 * 60 * 60_000 }),
  ]
  const limits = { caps: { ...BUILT_IN_CAPS, usd: 5, tokens: 400 }, layers: [] }
  expect(problemsOf(steps, { ...CONTEXT, limits }).map((problem) => problem.split(',')[0])).toEqual(
    [
      'limit-widened The timeout of step "slow" is 300 minutes',
      'limit-widened "limits.tokens" of step "costly" is 500',
      'limit-widened "limits.usd" of step "costly" is 9',
      'limit-widened The timeout of step "slower" is 300 minutes',
    ],
  )
})

const unpriced = (name: string): PlanContext => ({
  ...CONTEXT,
  resolveModel: (asked) => ({
    ...model(asked ?? 'default'),
    cost: () => (asked === name ? undefined : 1),
  }),
})

test('a limit in money needs prices of judges, stronger tiers and called pipelines as well', () => {
  const limits = { minutes: undefined, usd: 3, tokens: undefined, concurrency: undefined }
  const told = (step: Step, name: string): number =>
    problemsOf(sketchPipeline([step], { limits }), unpriced(name)).length
  const named = { name: 'a', fallbacks: [], maxOutputTokens: undefined, effort: undefined }
  const step = ask('a', 'x', { model: named })
  expect(told(step, 'other')).toBe(0)
  expect(told(step, 'a')).toBe(1)
  expect(told({ ...step, contracts: [judge('judge')] }, 'judge')).toBe(1)
  expect(told({ ...step, retry: { ...step.retry, escalate: true } }, 'strongest')).toBe(1)
  expect(told(sketchLoop({ id: 'l', steps: [step] }), 'a')).toBe(1)
  expect(told(sketchCall({ id: 'c', child: child([step]) }), 'a')).toBe(1)
  const own = { ...step, limits: { usd: 1, tokens: undefined } }
  expect(problemsOf([own], unpriced('a'))).toHaveLength(1)
  expect(problemsOf([{ ...own, limits: { usd: 1, tokens: 5 } }], unpriced('a'))).toHaveLength(0)
})

test('a workflow names what the engine tells it, and only the env that it sets', () => {
  const workflow = (task: string): Pipeline =>
    sketchPipeline([ask('a', task)], { dialect: 'workflow/v2.0', env: { team: 'sre' } })
  const task =
    '{{ execution.id }} {{ workflow.name }} {{ loop.iteration }} {{ env.team }} {{ input.code }}'
  expect(problemsOf(workflow(task))).toEqual([])
  expect(problemsOf(workflow('{{ env.other }}'))[0]).toContain('unknown "env.other"')
  expect(problemsOf([ask('a', '{{ execution.id }}')])[0]).toContain('unknown "execution.id"')
})

test('a long chain in which each step names others is planned in a moment', () => {
  const steps = Array.from({ length: 10_000 }, (_, index): Step => {
    const before = `steps.s${index - 1}.artifacts.o`
    const dependencies = index === 0 ? [] : [`s${index - 1}`]
    const artifacts = [json('o')]
    if (index === 0) return ask('s0', 'x', { artifacts })
    return ask(`s${index}`, `{{ ${before}.a }} {{ steps.s0.outcome }}`, { dependencies, artifacts })
  })
  expect(plan(steps).steps).toHaveLength(10_000)
})
