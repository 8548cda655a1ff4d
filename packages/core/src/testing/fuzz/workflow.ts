import type { Choices, TreeMap } from './choices.ts'

/** A file of the workflow/v2.0 dialect that has no mistake in it. */
export function makeWorkflow(choices: Choices): TreeMap {
  const before: Before[] = []
  const steps: TreeMap[] = []
  const count = 1 + choices.upTo(5)
  for (let index = 0; index < count; index += 1) {
    const name = `s${choices.chance(20) ? '-' : ''}${index}`
    const known = before.filter(() => choices.chance(50))
    const step = makeStep(choices, name, known)
    steps.push(step)
    before.push({ name, hasFields: 'run' in step })
  }
  const workflow: TreeMap = { $schema: 'workflow/v2.0', name: 'fuzzed', version: '1.0.0' }
  if (choices.chance(40)) workflow['env'] = { team: 'sre', level: 3 }
  if (choices.chance(40)) workflow['execution'] = makeExecution(choices)
  workflow['steps'] = steps
  if (choices.chance(20)) workflow['loops'] = [{ name: 'again', ...makeRefine() }]
  if (choices.chance(20)) workflow['wave'] = { persona: 'auditor' }
  return workflow
}

interface Before {
  readonly name: string
  /** Whether conditions may read `severity` of it. */
  readonly hasFields: boolean
}

function makeExecution(choices: Choices): TreeMap {
  return choices.pick<TreeMap>([
    { provider: 'anthropic', model: 'claude', temperature: 0.3 },
    {
      providers: [
        { provider: 'a', model: 'm' },
        { provider: 'b', model: 'n' },
      ],
      timeout: '2m',
    },
    { parallel: true, max_workers: 3, on_error: 'continue', max_tokens: 100 },
  ])
}

function makeStep(choices: Choices, name: string, before: readonly Before[]): TreeMap {
  const names = before.map((one) => one.name)
  const step: TreeMap = { name, ...makeMode(choices, names) }
  if (names.length > 0) step['needs'] = names
  const first = before.find(({ hasFields }) => hasFields)?.name
  if (first !== undefined && choices.chance(40)) {
    step[choices.pick(['if', 'condition'])] = choices.pick([
      `{{${first}.severity}} == 'P1'`,
      `{{${first}.severity}} in ['P1', 'P2'] AND NOT {{${first}.severity}} == 'P2'`,
      `{{${first}}} contains 'yes' OR true`,
    ])
  }
  if (choices.chance(20)) step['on_failure'] = choices.pick(['halt', 'continue', 'retry'])
  if (choices.chance(20)) step['timeout'] = choices.pick(['30s', '2m', '60'])
  if (choices.chance(20)) step['execution_order'] = choices.upTo(5)
  if ('run' in step && choices.chance(20)) {
    step['wave'] = choices.pick<TreeMap>([
      { persona: 'auditor' },
      { fields: { severity: { enum: ['P1', 'P2'] } } },
      { output: { path: `output/${name}.md`, type: 'markdown' } },
    ])
  }
  return step
}

function makeMode(choices: Choices, before: readonly string[]): TreeMap {
  const name = before[0] ?? 'input'
  const kind = choices.upTo(9)
  if (kind === 9) return { template: { name: 'child', with: { input: `{{${name}}}` } } }
  if (kind === 8) return { loop: makeRefine() }
  if (kind === 7) return { consensus: makeConsensus(choices) }
  return {
    run: choices.pick([
      'Look at {{input}}\n\n- Severity: [P1/P2]\n- Note: [what you saw]',
      `Severity: [P1/P2]\nSee {{${name}}} at {{execution.timestamp}}`,
      `**Severity:** [P1|P2]\n{% if ${name} %}{{${name}}}{% endif %}`,
    ]),
  }
}

function makeConsensus(choices: Choices): TreeMap {
  return {
    prompt: 'Severity: [P1/P2]? Answer [YES/NO]. {{input}}',
    executions: [
      { provider: 'a', model: 'm' },
      { provider: 'b', model: 'n', temperature: 0 },
    ],
    require: choices.pick(['majority', 'unanimous', '1/2']),
  }
}

function makeRefine(): TreeMap {
  return {
    workflow: 'child',
    max_iterations: 3,
    until: 'the text is good',
    with: { input: '{{loop.last.output}} {{input}}' },
  }
}
