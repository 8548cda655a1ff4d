import type { Choices, Tree, TreeMap } from './choices.ts'

/** A pipeline of every kind of step that has no mistake in it. */
export function makePipeline(choices: Choices): TreeMap {
  const steps = makeSteps(choices, { count: 1 + choices.upTo(5), prefix: 's', inLoop: false })
  const pipeline: TreeMap = { kind: 'WavePipeline', metadata: { name: 'fuzzed' } }
  if (choices.chance(20))
    pipeline['limits'] = { minutes: 5, usd: 0.5, tokens: 9000, concurrency: 2 }
  if (choices.chance(20)) pipeline['failure_policy'] = choices.pick(['continue', 'cancel_all'])
  if (choices.chance(20)) pipeline['snapshot'] = { include: ['vendor'], history: 'none' }
  if (choices.chance(20)) pipeline['requires'] = { tools: ['git', 'node'] }
  if (choices.chance(20)) pipeline['input'] = { type: 'json', schema: { type: 'object' } }
  if (choices.chance(30)) pipeline['hooks'] = [makeHook(choices)]
  const last = steps.at(-1)
  const made = last === undefined ? undefined : last.artifacts[0]
  if (made !== undefined && last !== undefined && choices.chance(40)) {
    pipeline['pipeline_outputs'] = { result: { step: last.id, artifact: made.name } }
  }
  pipeline['steps'] = [...steps.map(({ step }) => step), ...steps.flatMap(({ repair }) => repair)]
  return pipeline
}

interface Artifact {
  readonly name: string
  readonly isJson: boolean
}

interface Made {
  readonly id: string
  readonly step: TreeMap
  readonly artifacts: readonly Artifact[]
  /** Steps that repair this one. */
  readonly repair: readonly TreeMap[]
}

interface Around {
  readonly count: number
  readonly prefix: string
  readonly inLoop: boolean
}

function makeSteps(choices: Choices, around: Around): readonly Made[] {
  const made: Made[] = []
  for (let index = 0; index < around.count; index += 1) {
    // A hyphen needs brackets in conditions.
    const id = `${around.prefix}${choices.chance(20) ? '-' : ''}${index}`
    const before = made.filter(() => choices.chance(60))
    made.push(makeStep(choices, { id, before, inLoop: around.inLoop }))
  }
  return made
}

interface Place {
  readonly id: string
  readonly before: readonly Made[]
  readonly inLoop: boolean
}

const KINDS = ['prompt', 'prompt', 'command', 'fan-out', 'gate', 'aggregate', 'pipeline', 'branch']

function makeStep(choices: Choices, place: Place): Made {
  const kind = choices.pick(place.inLoop ? KINDS : [...KINDS, 'loop'])
  const { step, artifacts, repair = [] } = makeKind(kind, choices, place)
  const common: TreeMap = { id: place.id, ...step }
  if (place.before.length > 0) common['dependencies'] = place.before.map(({ id }) => id)
  if (place.before.length > 0 && choices.chance(30)) common['when'] = makeCondition(choices, place)
  if (choices.chance(20)) common['message'] = 'Done'
  return { id: place.id, step: common, artifacts, repair }
}

type Kind = Omit<Made, 'id' | 'repair'> & { readonly repair?: readonly TreeMap[] }

function makeKind(kind: string, choices: Choices, place: Place): Kind {
  if (kind === 'gate') return { step: { gate: makeGate(choices) }, artifacts: [JSON_ANSWER] }
  if (kind === 'aggregate') return makeAggregate(choices, place)
  if (kind === 'pipeline') return makeCall(choices)
  if (kind === 'branch') return makeBranch(choices)
  if (kind === 'loop') return makeLoop(choices, place)
  if (kind === 'command') return makeCommand(choices, place)
  return makePrompt(choices, place, kind === 'fan-out')
}

const JSON_ANSWER: Artifact = { name: 'answer', isJson: true }

function makePrompt(choices: Choices, place: Place, isFanOut: boolean): Kind {
  const { id } = place
  const name = `made-${id}`
  const isJson = choices.chance(50)
  const step: TreeMap = {
    persona: choices.pick(['navigator', 'auditor', 'craftsman', 'summarizer']),
    exec: { type: 'prompt', source: makeText(choices, place) },
    output_artifacts: [{ name, path: `output/${name}.${isJson ? 'json' : 'md'}` }],
    ...makeMemory(choices, place),
    ...makeWorkspace(choices),
  }
  addOptional(step, { name, isJson }, choices)
  if (isFanOut) step['iterate'] = { over: '[1, 2]', mode: choices.pick(['sequential', 'parallel']) }
  const repair = !place.inLoop && choices.chance(15) ? makeRepair(id, step) : []
  if (repair.length === 0 && choices.chance(20)) step['retry'] = { policy: 'standard' }
  return { step, artifacts: [{ name, isJson: isJson || isFanOut }], repair }
}

function addOptional(step: TreeMap, { name, isJson }: Artifact, choices: Choices): void {
  if (choices.chance(20))
    step['model'] = { name: 'balanced', fallbacks: ['cheapest'], effort: 'low' }
  if (choices.chance(20)) step['permissions'] = { allow: ['read', 'bash(npm *)'], deny: ['write'] }
  if (choices.chance(20)) step['limits'] = { turns: 3, usd: 0.1 }
  if (choices.chance(20)) step['timeout'] = choices.pick(['90s', '5m', '1h30m', '500ms'])
  if (choices.chance(30)) step['handover'] = { contracts: [makeContract(choices, isJson)] }
  if (choices.chance(15)) step['outcomes'] = [{ type: 'url', extract_from: name, label: 'Link' }]
}

function makeRepair(id: string, step: TreeMap): readonly TreeMap[] {
  step['retry'] = { max_attempts: 2, on_failure: 'rework', rework_step: `fix-${id}` }
  return [{ id: `fix-${id}`, persona: 'craftsman', rework_only: true, exec: { source: 'Mend it' } }]
}

function makeCommand(choices: Choices, place: Place): Kind {
  const name = `log-${place.id}`
  return {
    step: {
      type: 'command',
      script: choices.pick(['make', 'echo {{ run.id }}', 'npm test && npm run lint']),
      output_artifacts: [{ name, source: 'stdout', path: `${name}.txt`, required: false }],
      ...makeMemory(choices, place),
      ...makeWorkspace(choices),
    },
    artifacts: [{ name, isJson: false }],
  }
}

function makeMemory(choices: Choices, { before }: Place): TreeMap {
  const known = before.flatMap(({ id, artifacts }) => artifacts.map(({ name }) => ({ id, name })))
  if (known.length === 0 || choices.chance(50)) return {}
  const { id, name } = choices.pick(known)
  return {
    memory: {
      strategy: 'fresh',
      inject_artifacts: [{ step: id, artifact: name, as: 'given', optional: true }],
    },
  }
}

function makeWorkspace(choices: Choices): TreeMap {
  if (choices.chance(60)) return {}
  const mode = choices.pick(['readonly', 'readwrite'])
  const mount = { mount: [{ source: './', target: '/src', mode }] }
  return { workspace: choices.pick<Tree>([mount, { type: 'worktree', base: 'main' }]) }
}

function makeText(choices: Choices, { before }: Place): string {
  const names = [
    'input',
    'run.id',
    'step.attempt',
    ...before.map(({ id }) => `steps.${id}.outcome`),
  ]
  const name = choices.pick(names)
  return choices.pick([
    'Look at {{ input }}',
    `See {{ ${name} }}`,
    `{% if ${name} %}yes{% else %}no{% endif %}`,
    `Two lines\nof {{ ${name} | default: "nothing" }}`,
  ])
}

function makeCondition(choices: Choices, { before }: Place): string {
  const { id } = choices.pick(before)
  const name = `steps["${id}"].outcome`
  return choices.pick([
    `${name} == "completed"`,
    `${name} in ["completed", "skipped"] && true`,
    `{{ !(${name} == "failed") || size("a") > 0 }}`,
  ])
}

function makeContract(choices: Choices, isJson: boolean): TreeMap {
  const schema = { type: 'object', properties: { severity: { enum: ['P1', 'P2'] } } }
  if (isJson && choices.chance(60)) return { type: 'json_schema', schema, on_failure: 'fail' }
  return choices.pick<TreeMap>([
    { type: 'non_empty_file' },
    { type: 'blameless', must_pass: false },
    { type: 'sections', sections: ['Summary', 'Timeline'] },
    { type: 'citations', minimum: 1 },
    { type: 'llm_judge', criteria: ['names a cause'], threshold: 0.5 },
    { type: 'event_contains', events: [{ state: 'tool-call', contains: 'read' }] },
  ])
}

function makeGate(choices: Choices): TreeMap {
  const choice = { key: 'y', label: 'Yes' }
  return choices.pick<TreeMap>([
    { type: 'approval' },
    { type: 'approval', choices: [choice, { key: 'n', fail: true }], timeout: '1h', default: 'n' },
    { type: 'timer', timeout: '10s' },
  ])
}

function makeAggregate(choices: Choices, { id, before }: Place): Kind {
  const name = `all-${id}`
  const sources = before.flatMap((one) =>
    one.artifacts.flatMap(({ name: artifact, isJson }) =>
      isJson ? [`${one.id}.${artifact}`] : [],
    ),
  )
  // Without anything to join there is a gate in its place.
  if (sources.length === 0)
    return { step: { gate: { type: 'approval' } }, artifacts: [JSON_ANSWER] }
  const strategy = choices.pick(['merge_arrays', 'merge_objects'])
  const output: Tree = [{ name, path: `${name}.json`, type: 'json' }]
  return {
    step: { aggregate: { from: sources, strategy }, output_artifacts: output },
    artifacts: [{ name, isJson: true }],
  }
}

const FOUND: Artifact = { name: 'found', isJson: true }

function makeCall(choices: Choices): Kind {
  const step: TreeMap = { pipeline: 'child', input: choices.pick(['x', '{{ run.id }}']) }
  if (choices.chance(30)) step['config'] = { env: { depth: 'quick' } }
  return { step, artifacts: [FOUND] }
}

function makeBranch(choices: Choices): Kind {
  const on = choices.pick(['run.name', '"a" == "a" ? run.name : "b"'])
  const step = { branch: { on, cases: { a: 'child', b: 'skip' }, default: 'skip' }, input: 'x' }
  return { step, artifacts: [FOUND] }
}

function makeLoop(choices: Choices, { id }: Place): Kind {
  const body = makeSteps(choices, { count: 1 + choices.upTo(2), prefix: `${id}b`, inLoop: true })
  const [first] = body
  const loop: TreeMap = { max_iterations: 2, steps: body.map(({ step }) => step) }
  if (first !== undefined) loop['until'] = `steps["${first.id}"].outcome == "completed"`
  // The names of gates and calls are the same in every step.
  const names = body.flatMap(({ artifacts }) => artifacts.map(({ name }) => name))
  const isClear = new Set(names).size === names.length
  if (!isClear) loop['steps'] = body.slice(0, 1).map(({ step }) => step)
  return { step: { loop }, artifacts: [] }
}

function makeHook(choices: Choices): TreeMap {
  return choices.pick<TreeMap>([
    { name: 'tell', event: 'run_failed', type: 'notify', channel: 'oncall' },
    { name: 'lint', event: 'step_completed', type: 'command', matcher: 's*', command: 'make lint' },
  ])
}
