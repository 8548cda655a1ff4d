import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { bundledPersonas } from '../../persona/bundled.ts'
import { loadPersonas } from '../../persona/registry.ts'
import type { ResolvedModel } from '../../ports.ts'
import { bundledPipelines } from '../bundled.ts'
import { loadPipeline } from '../load.ts'
import type { PromptStep, Pipeline } from '../pipeline.ts'
import { BUILT_IN_CAPS, planPipeline } from './plan.ts'
import type { Plan, PlanContext } from './plan.ts'

const PAGE = readFileSync(
  new URL('../../../../../test/fixtures/incident-response/page.yaml', import.meta.url),
)

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

const WITH_MODELS: PlanContext = {
  personas,
  project: { test_command: 'npm test' },
  resolveModel: (name) => (name === 'unknown' ? undefined : model(name ?? 'default')),
  hasModels: true,
  knownStandIns: new Set(['triage', 'investigate', 'root-cause', 'remediate', 'postmortem']),
}

const WITHOUT_MODELS: PlanContext = {
  ...WITH_MODELS,
  hasModels: false,
  resolveModel: () => undefined,
}

function load(text: string | Uint8Array, origin: Pipeline['origin'] = 'project'): Pipeline {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  const source = { file: 'p.yaml', name: undefined, bytes, origin }
  const result = loadPipeline(source, { read: () => undefined, pipeline: () => undefined })
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.value
}

function plan(text: string | Uint8Array | Pipeline, context: PlanContext = WITH_MODELS): Plan {
  const pipeline = typeof text === 'string' || text instanceof Uint8Array ? load(text) : text
  const result = planPipeline(pipeline, context)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.value
}

function problemsOf(text: string | Pipeline, context: PlanContext = WITH_MODELS): string[] {
  const result = planPipeline(typeof text === 'string' ? load(text) : text, context)
  const problems = result.ok ? [] : result.problems
  return problems.map(
    ({ code, location, message, hint }) =>
      `${code} ${location?.line}:${location?.column} ${message}${hint === undefined ? '' : ` | ${hint}`}`,
  )
}

test('the pipeline of the user’s page runs with a model under the lines of its page', () => {
  const planned = plan(PAGE)
  expect(planned.mode).toBe('model')
  expect(planned.steps.map(({ step, message }) => [step.id, message])).toEqual([
    ['triage', 'Triage complete'],
    ['investigate', 'Investigation complete'],
    ['root-cause', 'Analysis complete'],
    ['remediate', 'Fix ready'],
    ['postmortem', 'Report complete'],
  ])
  const [triage, investigate, rootCause, remediate, postmortem] = planned.steps
  expect(triage?.tools).toEqual(['read', 'grep', 'glob', 'history'])
  expect(rootCause?.tools).toEqual(['read', 'grep', 'glob'])
  expect(remediate?.tools).toEqual(['read', 'grep', 'glob', 'history', 'bash', 'edit', 'write'])
  expect(postmortem?.tools).toEqual(['read', 'grep', 'glob'])
  expect(planned.steps.map(({ executes }) => executes)).toEqual([false, false, false, true, false])
  expect([...(postmortem?.ancestors ?? [])].toSorted()).toEqual([
    'investigate',
    'remediate',
    'root-cause',
    'triage',
  ])
  expect(investigate?.dependents).toEqual(['root-cause'])
  expect(triage?.models.map((each) => each.model)).toEqual(['balanced'])
  expect(planned.limits).toEqual({ minutes: 60, concurrency: 4, usd: undefined, tokens: undefined })
  // Prompts of its own need not state a verdict.
  expect(planned.pipeline.verdict).toBeUndefined()
})

test('without a model, a copy of the bundled pipeline gets its stand-ins and its verdict', () => {
  const planned = plan(PAGE, WITHOUT_MODELS)
  expect(planned.mode).toBe('evidence')
  expect(planned.pipeline.verdict?.step).toBe('postmortem')
  for (const { step, runner, tools, models, executes } of planned.steps) {
    expect({ id: step.kind === 'prompt' && step.standIn, runner, tools, models, executes }).toEqual(
      {
        id: step.id,
        runner: 'evidence',
        tools: [],
        models: [],
        executes: false,
      },
    )
  }
})

test('a pipeline with other artifacts than the bundled one is no copy of it', () => {
  const changed = PAGE.toString().replace('output/triage.json', 'output/first.json')
  expect(problemsOf(changed, WITHOUT_MODELS)[0]).toMatch(
    /^provider-missing 10:5 Step "triage" needs a language model, and none is configured\. \| Set ANTHROPIC_API_KEY or OPENAI_API_KEY/u,
  )
  expect(problemsOf(changed, WITHOUT_MODELS)).toHaveLength(5)
})

test('every bundled pipeline plans, with and without a model', () => {
  for (const file of bundledPipelines()) {
    const pipeline = load(file.bytes, 'bundled')
    expect(plan(pipeline).mode).toBe('model')
    expect(plan(pipeline, WITHOUT_MODELS).mode).toBe('evidence')
  }
})

test('only the craftsman may write', () => {
  for (const [name, persona] of personas) {
    const mayWrite = persona.permissions.allow.some((entry) =>
      ['*', 'write', 'edit'].includes(entry),
    )
    expect([name, mayWrite]).toEqual([name, name === 'craftsman'])
  }
})

const one = (extra: string): string => `metadata: {name: p}
steps:
  - id: a
    persona: craftsman
${extra}`

test.each<[string, string, readonly string[]]>([
  [
    'unknown persona',
    one('    exec: {source: x}').replace('craftsman', 'navigater'),
    [
      'persona-unknown 4:14 Step "a" names the unknown persona "navigater". | Did you mean "navigator"? Personas: auditor, craftsman, generalist, navigator, philosopher, summarizer.',
    ],
  ],
  [
    'unknown stand-in',
    one('    stand_in: evidence/triag\n    exec: {source: x}'),
    [
      'pipeline-invalid 5:15 Step "a" names the unknown stand-in "evidence/triag". | Did you mean "triage"?',
    ],
  ],
  [
    'unknown name in a template',
    one('    exec:\n      source: |\n        one\n        two {{ inptu }}\n'),
    ['pipeline-invalid 8:16 The template names the unknown "inptu". | Did you mean "input"?'],
  ],
  [
    'artifact that is not injected',
    one('    exec: {source: "{{ artifacts.triage }}"}'),
    [
      'pipeline-invalid 5:24 The template names the unknown "artifacts.triage". | There are no injected artifacts here.',
    ],
  ],
  [
    'step that is no ancestor',
    one('    exec: {source: "{{ steps.b.outcome }}"}\n  - {id: b, type: command, script: x}'),
    [
      'pipeline-invalid 5:24 The template names "steps.b", which need not be finished before. | Add "b" to the dependencies of "a".',
    ],
  ],
  [
    'unknown key of the project',
    one('    exec: {source: "{{ project.tests }}"}'),
    [
      'pipeline-invalid 5:24 The template names the unknown "project.tests". | Known keys: test_command.',
    ],
  ],
  [
    'untrusted text in a command',
    'metadata: {name: p}\nsteps: [{id: a, type: command, script: "grep {{ input }}"}]',
    ['pipeline-invalid 2:49 "input" is untrusted text'],
  ],
  [
    'unknown model',
    one('    exec: {source: x}\n    model: unknown'),
    ['provider-missing 6:12 Step "a" asks for the unknown model "unknown".'],
  ],
  [
    'unknown fallback',
    one('    exec: {source: x}\n    model: {name: a, fallbacks: [unknown]}'),
    ['provider-missing 6:12 Step "a" asks for the unknown model "unknown".'],
  ],
  [
    'CT-09 wider limit',
    one('    exec: {source: x}').replace(
      'steps:',
      'limits: {minutes: 1441, concurrency: 17}\nsteps:',
    ),
    [
      'limit-widened 2:19 "limits.minutes" of the pipeline is 1441, more than the 1440 that are allowed.',
      'limit-widened 2:38 "limits.concurrency" of the pipeline is 17, more than the 16 that are allowed.',
    ],
  ],
  [
    'CT-09 longer timeout',
    one('    exec: {source: x}\n    timeout: 5h'),
    [
      'limit-widened 6:14 The timeout of step "a" is 300 minutes, more than the 240 that are allowed.',
    ],
  ],
])('%s is refused', (_, text, expected) => {
  const problems = problemsOf(text)
  expect(problems).toHaveLength(expected.length)
  for (const [index, message] of expected.entries()) expect(problems[index]).toContain(message)
})

test('a missing model is told only when the files are right', () => {
  const text = one('    exec: {source: "{{ inptu }}"}')
  expect(problemsOf(text, WITHOUT_MODELS)).toHaveLength(1)
  expect(problemsOf(text, WITHOUT_MODELS)[0]).toContain('pipeline-invalid')
  expect(problemsOf(one('    exec: {source: x}'), WITHOUT_MODELS)[0]).toContain('provider-missing')
})

test('of several set limits the smallest holds, and defaults stay below the caps', () => {
  const text = one('    exec: {source: x}').replace(
    'steps:',
    'limits: {usd: 3, minutes: 50}\nsteps:',
  )
  const limits = {
    caps: { ...BUILT_IN_CAPS, usd: 5, tokens: 1000, concurrency: 2 },
    layers: [
      { source: '--max-usd', limits: { usd: 2 } },
      { source: '.wave/config.yaml', limits: { usd: 4, minutes: 55 } },
    ],
  }
  expect(plan(text, { ...WITH_MODELS, limits }).limits).toEqual({
    minutes: 50,
    concurrency: 2,
    usd: 2,
    tokens: 1000,
  })
  const wider = { ...limits, layers: [{ source: '--max-usd', limits: { usd: 6 } }] }
  expect(problemsOf(text, { ...WITH_MODELS, limits: wider })).toEqual([
    'limit-widened undefined:undefined "limits.usd" of --max-usd is 6, more than the 5 that are allowed. | Set at most 5, or raise the limit in your own configuration.',
  ])
})

test('a limit in money needs prices, unless tokens are limited too', () => {
  const text = one('    exec: {source: x}').replace('steps:', 'limits: {usd: 3}\nsteps:')
  const unpriced = {
    ...WITH_MODELS,
    resolveModel: () => ({ ...model('x'), cost: () => undefined }),
  }
  expect(problemsOf(text, unpriced)[0]).toContain(
    'limit-unpriced 4:5 Step "a" uses the model "fake/x"',
  )
  expect(problemsOf(text.replace('usd: 3', 'usd: 3, tokens: 9'), unpriced)).toEqual([])
  expect(problemsOf(text)).toEqual([])
})

test('models come from the override, else the step with its fallbacks, else the persona', () => {
  const names = (text: string, context = WITH_MODELS): string[] =>
    plan(text, context).steps.flatMap(({ models }) => models.map((each) => each.model))
  const plain = one('    exec: {source: x}')
  expect(names(plain)).toEqual(['strongest'])
  expect(names(plain.replace('craftsman', 'generalist'))).toEqual(['default'])
  const chosen = `${plain}\n    model: {name: a, fallbacks: [b]}`
  expect(names(chosen)).toEqual(['a', 'b'])
  expect(names(chosen, { ...WITH_MODELS, modelOverride: 'c' })).toEqual(['c'])
})

const toolsOf = (extra: string): readonly string[] | undefined =>
  plan(one(`    exec: {source: x}\n${extra}`)).steps[0]?.tools
const mount = (mode: string): string => `    workspace: {mount: [{source: ./, mode: ${mode}}]}`

test('tools follow from persona, step and mount', () => {
  expect(toolsOf('')).toEqual(['bash'])
  expect(toolsOf(mount('readonly'))).toEqual(['read', 'grep', 'glob', 'history', 'bash'])
  expect(toolsOf(mount('readwrite'))).toContain('write')
  expect(toolsOf(`    permissions: {deny: [bash, history]}\n${mount('readonly')}`)).toEqual([
    'read',
    'grep',
    'glob',
  ])
  expect(toolsOf(`    permissions: {allow: [write, read]}\n${mount('readonly')}`)).toEqual(['read'])
})

/** A craftsman with that prompt. */
function withPrompt(prompt: string): PlanContext {
  const bytes = new TextEncoder().encode(`---\ndescription: d\n---\n${prompt}`)
  const file = { file: '.wave/personas/craftsman.md', name: 'craftsman', bytes }
  return { ...WITH_MODELS, personas: loadPersonas({ bundled: [], project: [file] }).personas }
}

test('a persona is a template over the project only', () => {
  const text = `${one('    exec: {source: x}')}\n  - {id: b, persona: craftsman, exec: {source: y}}`
  const planned = plan(text, withPrompt('Test with {{ project.test_command }}.'))
  expect(planned.steps[0]?.systemPrompt).toBe('Test with npm test.')
  expect(problemsOf(text, withPrompt('one\nuse {{ input }}'))).toEqual([
    'persona-invalid 5:8 The template names the unknown "input". | Known names: project.',
  ])
})

/** A pipeline made without a file, as a program may do. */
function chain(length: number): Pipeline {
  const base = load(one('    exec: {source: "{{ input }} {{ steps.s0.outcome }}"}'))
  const [template] = base.steps
  const steps = Array.from({ length }, (_, index): PromptStep => {
    if (template?.kind !== 'prompt') throw new Error('a prompt step was expected')
    return {
      ...template,
      id: `s${index}`,
      task: { ...template.task, text: index < 2 ? 'x' : '{{ input }}' },
      dependencies: index === 0 ? [] : [`s${index - 1}`],
      artifacts: [{ name: 'o', path: 'o', type: 'text', required: true, source: 'file' }],
      inject: index === 0 ? [] : [{ step: 's0', artifact: 'o', as: 'o' }],
    }
  })
  const { locate: _, ...rest } = base
  return { ...rest, steps }
}

test('YT-13 a chain of 10,000 steps is planned, and one that bites its tail is refused', () => {
  const pipeline = chain(10_000)
  const planned = plan(pipeline)
  expect(planned.steps[9999]?.ancestors.size).toBe(9999)
  const [first, ...rest] = pipeline.steps
  if (first === undefined) throw new Error('no step')
  const circle = { ...pipeline, steps: [{ ...first, dependencies: ['s9999'] }, ...rest] }
  expect(problemsOf(circle)[0]).toMatch(
    /Steps wait for each other: "s0" -> "s9999" -> .* -> 9980 more -> "s0"\. \| Remove one of these dependencies\.$/u,
  )
})
