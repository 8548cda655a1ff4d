import type { StepShape } from './build-step.ts'
import type { Step } from '../pipeline.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'

/** What kind of step the keys make, and the keys that fit it. */
export interface Kinded {
  readonly kind: Step['kind']
  readonly shape: StepShape
}

/** Keys that do not fit the kind are reported and left out. Undefined when nothing tells the kind. */
export function kindOf(shape: StepShape, path: ShapePath, reading: Reading): Kinded | undefined {
  const [kind, second] = kindsIn(shape)
  if (second !== undefined) {
    const keys = [...(shape.type === 'command' ? ['type: command'] : []), ...kindKeysOf(shape)]
    const message = `Step "${shape.id}" has ${keys.map((key) => `"${key}"`).join(' and ')}, but is of one kind only.`
    reading.report(message, [...path, second], 'Make a step of its own of each.')
    return undefined
  }
  if (kind === undefined) {
    // A key that would tell has been told to be wrong.
    if ([...KIND_KEYS, 'type'].some((key) => reading.isBroken([...path, key]))) return undefined
    const kinds = '"exec", "script", "pipeline", "branch", "loop", "gate" or "aggregate"'
    reading.report(`Step "${shape.id}" has nothing to do: it needs ${kinds}.`, path)
    return undefined
  }
  // A wrong type has been told already.
  if (kind === 'command' && !reading.has([...path, 'type'])) {
    const message = `Step "${shape.id}" has a "script", but is no command step.`
    reading.report(message, [...path, 'script'], 'Add `type: command`.')
  }
  checkWorkspace(shape, kind, path, reading)
  return { kind, shape: withoutForeignKeys(shape, kind, path, reading) }
}

function withoutForeignKeys(
  shape: StepShape,
  kind: Step['kind'],
  path: ShapePath,
  reading: Reading,
): StepShape {
  const own: readonly string[] = OWN_KEYS[kind]
  const foreign = Object.keys(shape).filter((key) => !COMMON_KEYS.has(key) && !own.includes(key))
  if (foreign.length === 0) return shape
  for (const key of foreign) {
    const message = `Step "${shape.id}" is a ${kind} step and takes no "${key}".`
    reading.report(message, [...path, key], adviceFor(kind, key))
  }
  const kept = Object.entries(shape).filter(([key]) => !foreign.includes(key))
  return { ...Object.fromEntries(kept), id: shape.id }
}

const COMPOSED = ['pipeline', 'branch', 'loop', 'gate', 'aggregate'] as const

const COMMON_KEYS: ReadonlySet<string> = new Set([
  'id',
  'dependencies',
  'when',
  'optional',
  'message',
  'outcomes',
])
const ATTEMPT_KEYS = ['retry', 'timeout', 'timeout_minutes', 'handover'] as const
const FAN_OUT_KEYS = ['iterate', 'strategy'] as const
const WORK_KEYS = [
  ...ATTEMPT_KEYS,
  ...FAN_OUT_KEYS,
  'memory',
  'workspace',
  'output_artifacts',
  'rework_only',
] as const

/** Beside those that every kind takes. */
const OWN_KEYS = {
  prompt: [...WORK_KEYS, 'persona', 'exec', 'model', 'permissions', 'limits', 'stand_in'],
  command: [...WORK_KEYS, 'type', 'script', 'dir'],
  pipeline: [...ATTEMPT_KEYS, ...FAN_OUT_KEYS, 'pipeline', 'input', 'config', 'workspace'],
  branch: [...ATTEMPT_KEYS, 'branch', 'input', 'workspace'],
  loop: [...ATTEMPT_KEYS, 'loop'],
  gate: ['gate'],
  aggregate: [...ATTEMPT_KEYS, 'aggregate', 'output_artifacts'],
} as const

const KIND_KEYS = ['exec', 'script', ...COMPOSED] as const

/** The kind that the keys make, and the key that makes it another one as well. */
function kindsIn(shape: StepShape): readonly [Step['kind'] | undefined, KindKey | undefined] {
  const keys = kindKeysOf(shape)
  const [first, second] = keys
  if (shape.type === 'command') return ['command', keys.find((key) => key !== 'script')]
  if (first === undefined) return [undefined, undefined]
  return [KINDS[first], second]
}

type KindKey = (typeof KIND_KEYS)[number]

const KINDS = {
  exec: 'prompt',
  script: 'command',
  pipeline: 'pipeline',
  branch: 'branch',
  loop: 'loop',
  gate: 'gate',
  aggregate: 'aggregate',
} as const satisfies Record<KindKey, Step['kind']>

function kindKeysOf(shape: StepShape): readonly KindKey[] {
  return KIND_KEYS.filter((key) => shape[key] !== undefined)
}

const FROM_CHILD = 'Its artifacts are the "pipeline_outputs" of the pipeline that it calls.'
const AS_CHILD = 'Put it into a pipeline of its own, and repeat the step that calls that.'
const BY_NAME = 'A template can name it: {{ steps.<id>.artifacts.<name> }}.'

const ADVICE: Readonly<Record<string, Readonly<Partial<Record<Step['kind'], string>>>>> = {
  output_artifacts: {
    pipeline: FROM_CHILD,
    branch: FROM_CHILD,
    loop: 'Its artifacts are those of the steps in it.',
    gate: 'Its artifact is "answer".',
  },
  memory: { pipeline: BY_NAME, branch: BY_NAME, gate: BY_NAME, aggregate: 'Use "from".' },
  timeout: { gate: 'Write it inside of "gate".' },
  timeout_minutes: { gate: 'Write "timeout" inside of "gate".' },
  iterate: { branch: AS_CHILD, loop: AS_CHILD },
  input: { command: 'A command reads its input from the file that WAVE_INPUT_FILE names.' },
}

function adviceFor(kind: Step['kind'], key: string): string | undefined {
  return Object.hasOwn(ADVICE, key) ? ADVICE[key]?.[kind] : undefined
}

/** A step that calls a pipeline has no view of its own: it can only say where the pipeline starts. */
function checkWorkspace(
  shape: StepShape,
  kind: Step['kind'],
  path: ShapePath,
  reading: Reading,
): void {
  if (kind !== 'pipeline' && kind !== 'branch') return
  for (const key of Object.keys(shape.workspace ?? {})) {
    if (key === 'ref') continue
    const at = [...path, 'workspace', key]
    const hint = 'The steps of the called pipeline have workspaces of their own.'
    reading.report(`"workspace" of step "${shape.id}" takes only "ref" here.`, at, hint)
  }
}
