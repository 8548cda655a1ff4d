import { buildArtifacts } from './build-artifacts.ts'
import type { StepShape } from './build-step.ts'
import type {
  AggregateStep,
  AggregateStrategy,
  ArtifactDeclaration,
  GateStep,
  LoopStep,
  Step,
  VoteStrategy,
} from '../pipeline.ts'
import { readLimit } from './read-duration.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'

type LoopPart = Pick<
  LoopStep,
  'kind' | 'maxIterations' | 'until' | 'onExhausted' | 'steps' | 'artifacts'
>
type GatePart = Pick<GateStep, 'kind' | 'gate' | 'artifacts'>
type AggregatePart = Pick<AggregateStep, 'kind' | 'from' | 'strategy' | 'artifacts'>

/** What only a loop has. Outside, it stands for its last round: it has the artifacts of its body. */
export function buildLoop(
  shape: StepShape,
  path: ShapePath,
  around: {
    readonly reading: Reading
    readonly buildBody: (steps: readonly unknown[], path: ShapePath) => readonly Step[]
  },
): LoopPart | undefined {
  const { loop } = shape
  if (loop === undefined) return undefined
  const { reading } = around
  const at = [...path, 'loop']
  const steps = around.buildBody(loop.steps, [...at, 'steps'])
  if (steps.some(({ id }) => reading.unlisted.has(id))) reading.unlisted.add(shape.id)
  return {
    kind: 'loop',
    maxIterations: loop.max_iterations,
    until: loop.until === undefined ? undefined : reading.expression(loop.until, [...at, 'until']),
    onExhausted: loop.on_exhausted ?? 'fail',
    steps,
    artifacts: artifactsOfBody(shape, steps, { path: [...at, 'steps'], reading }),
  }
}

function artifactsOfBody(
  shape: StepShape,
  steps: readonly Step[],
  { path, reading }: { readonly path: ShapePath; readonly reading: Reading },
): readonly ArtifactDeclaration[] {
  const producers = new Map<string, Step>()
  for (const [index, step] of steps.entries()) {
    for (const [position, { name }] of step.artifacts.entries()) {
      const other = producers.get(name)
      if (other !== undefined && other !== step) {
        const message = `Steps "${other.id}" and "${step.id}" of the loop "${shape.id}" both declare the artifact "${name}".`
        const hint = 'Outside, the loop stands for its steps: give each artifact its own name.'
        reading.report(message, [...path, index, 'output_artifacts', position, 'name'], hint)
      }
      producers.set(name, step)
    }
  }
  return steps.flatMap((step) => step.artifacts.map((one) => exposed(one, step)))
}

/** Of a fan-out, what others see is the list of its results. */
function exposed(artifact: ArtifactDeclaration, step: Step): ArtifactDeclaration {
  return step.iterate === undefined ? artifact : { ...artifact, type: 'json' }
}

const ANSWER: ArtifactDeclaration = {
  name: 'answer',
  path: 'answer.json',
  type: 'json',
  required: true,
  source: 'file',
}

/** What only a gate has. */
export function buildGate(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): GatePart | undefined {
  const { gate } = shape
  if (gate === undefined) return undefined
  const at = [...path, 'gate']
  const { type, message, timeout, freeform = false } = gate
  const choices = buildChoices(gate, at, reading)
  if (type === 'timer') refuseAnswers(gate, at, reading)
  else checkDefault(gate, { keys: choices.map(({ key }) => key), at, reading })
  const waitMs =
    timeout === undefined ? undefined : readLimit(timeout, 1, [...at, 'timeout'], reading)
  const question = message === undefined ? undefined : reading.template(message, [...at, 'message'])
  const built = { type, choices, waitMs, freeform, defaultChoice: gate.default }
  return { kind: 'gate', gate: { ...built, message: question }, artifacts: [ANSWER] }
}

type GateShape = NonNullable<StepShape['gate']>

const APPROVE = [
  { key: 'approve', label: 'Approve', fail: false },
  { key: 'reject', label: 'Reject', fail: true },
]

function buildChoices(
  gate: GateShape,
  at: ShapePath,
  reading: Reading,
): GateStep['gate']['choices'] {
  if (gate.type === 'timer') return []
  const keys = new Set<string>()
  for (const [index, { key }] of (gate.choices ?? []).entries()) {
    const place = [...at, 'choices', index, 'key']
    if (keys.has(key)) reading.report(`${reading.subject(place)} is "${key}" twice.`, place)
    keys.add(key)
  }
  const written = gate.choices?.map(({ key, label = key, fail = false }) => ({ key, label, fail }))
  return written ?? APPROVE
}

function refuseAnswers(gate: GateShape, at: ShapePath, reading: Reading): void {
  for (const key of ['choices', 'default', 'freeform'] as const) {
    if (gate[key] === undefined) continue
    reading.report(`${reading.subject([...at, key])} belongs to an approval.`, [...at, key])
  }
  if (gate.timeout !== undefined) return
  const message = `${reading.subject(at)} lacks the key "timeout": a timer waits that long.`
  reading.report(message, at)
}

function checkDefault(
  gate: GateShape,
  {
    keys,
    at,
    reading,
  }: { readonly keys: readonly string[]; readonly at: ShapePath; readonly reading: Reading },
): void {
  if (gate.default === undefined || keys.includes(gate.default)) return
  const place = [...at, 'default']
  const message = `${reading.subject(place)} is "${gate.default}", which is none of its choices.`
  reading.report(message, place, `Choices: ${keys.join(', ')}.`)
}

/** What only a step has that joins artifacts. */
export function buildAggregate(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): AggregatePart | undefined {
  const { aggregate } = shape
  if (aggregate === undefined) return undefined
  const artifacts = buildArtifacts(shape, path, reading)
  const from = aggregate.from.map((name) => {
    const [step = '', artifact = ''] = name.split('.')
    return { step, artifact }
  })
  const strategy = buildStrategy(aggregate, [...path, 'aggregate'], reading)
  checkJoined(shape, artifacts, { path, reading })
  return strategy && { kind: 'aggregate', from, strategy, artifacts }
}

type AggregateShape = NonNullable<StepShape['aggregate']>

const STRATEGY_KEYS = {
  concat: [],
  merge_objects: [],
  merge_arrays: ['key'],
  vote: ['require', 'allow_partial', 'verdicts', 'field'],
} as const

function buildStrategy(
  shape: AggregateShape,
  at: ShapePath,
  reading: Reading,
): AggregateStrategy | undefined {
  const { strategy } = shape
  const own: readonly string[] = STRATEGY_KEYS[strategy]
  for (const key of Object.values(STRATEGY_KEYS).flat()) {
    if (shape[key] === undefined || own.includes(key)) continue
    const place = [...at, key]
    reading.report(`${reading.subject(place)} does not belong to \`strategy: ${strategy}\`.`, place)
  }
  if (strategy === 'merge_arrays') return { type: strategy, key: shape.key }
  if (strategy !== 'vote') return { type: strategy }
  const require = buildRequire(shape.require, at, reading)
  if (require === undefined) return undefined
  const { allow_partial: allowPartial = false, verdicts, field = 'verdict' } = shape
  return { type: strategy, require, allowPartial, verdicts, field }
}

function buildRequire(
  text: string | undefined,
  at: ShapePath,
  reading: Reading,
): VoteStrategy['require'] | undefined {
  if (text === undefined) {
    const hint = 'Write "unanimous", "majority" or a share such as "2/3".'
    reading.report(`${reading.subject(at)} lacks the key "require".`, at, hint)
    return undefined
  }
  if (text === 'unanimous' || text === 'majority') return text
  const [votes = 0, of = 0] = text.split('/').map(Number)
  if (votes <= of) return { votes, of }
  const place = [...at, 'require']
  reading.report(`${reading.subject(place)} asks for more votes than there are: ${text}.`, place)
  return undefined
}

/** One artifact comes out; of a vote also the winning reply. */
function checkJoined(
  shape: StepShape,
  artifacts: readonly ArtifactDeclaration[],
  { path, reading }: { readonly path: ShapePath; readonly reading: Reading },
): void {
  const at = [...path, 'output_artifacts']
  const strategy = shape.aggregate?.strategy ?? 'concat'
  const json = artifacts.filter(({ type }) => type === 'json').length
  const texts = artifacts.filter(({ type }) => type === 'text' || type === 'markdown').length
  const subject = `Step "${shape.id}"`
  if (strategy === 'vote') {
    if (json === 1 && texts <= 1 && json + texts === artifacts.length) return
    const hint = 'Declare a JSON artifact for the result, and if you like a text one for the reply.'
    reading.report(`${subject} must declare one JSON artifact and at most one text.`, at, hint)
  } else if (artifacts.length !== 1) {
    reading.report(`${subject} must declare one artifact, not ${artifacts.length}.`, at)
  } else if (strategy === 'concat' ? texts !== 1 : json !== 1) {
    const wanted = strategy === 'concat' ? 'text or markdown' : 'json'
    const place = [...at, 0]
    reading.report(`${subject} joins by ${strategy}: its artifact must be ${wanted}.`, place)
  }
  const piped = artifacts.findIndex(({ source }) => source === 'stdout')
  if (piped === -1) return
  const message = `${subject} runs nothing that could write to its standard output.`
  reading.report(message, [...at, piped, 'source'])
}
