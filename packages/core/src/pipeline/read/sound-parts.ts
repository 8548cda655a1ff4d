import { isRecord } from '../../contract/schema-fields.ts'
import type { StepShape } from './build-step.ts'
import type { PipelineShape } from '../schema/schema.ts'
import type { Shaped, ShapePath } from '../schema/shape.ts'

/** What of a pipeline file has the right shape. A step that cannot be told apart is undefined. */
export type SoundParts = Partial<Omit<PipelineShape, 'steps'>> & {
  readonly steps: readonly (StepShape | undefined)[]
}

/** Filled with what is not known of steps, by their ids. */
interface Filled {
  readonly unlisted: Set<string>
  readonly opaque: Set<string>
  readonly loose: Set<string>
  readonly deaf: Set<string>
  /** What stands there as the id of a step. */
  idOf(path: ShapePath): string | undefined
}

/**
 * What can be looked at further although some of the file is wrong, so that all other mistakes are told
 * as well. What is wrong is left out; where that leaves too little of a key, so is the key. Lists keep all
 * their entries, so that places are right: whoever reads them passes over those that are broken.
 */
export function soundParts({ value, unsound }: Shaped, gaps: Filled): SoundParts {
  const stepsAreSound = !unsound.some((path) => path.length === 1 && path[0] === 'steps')
  const { steps = [], ...rest } = hasSoundKeys(value) ? value : NOTHING
  const ofSteps = unsound.filter(([key]) => key === 'steps')
  const others = unsound.filter(([key]) => key !== 'steps')
  const list = stepsAreSound && Array.isArray(steps) ? steps : []
  return {
    ...withoutWrong(rest, others, FILE_KEYS),
    steps: soundSteps(list, ['steps'], { unsound: ofSteps, gaps }),
  }
}

/** How much of a key with something wrong in it can be used. */
type Rule =
  /** All keys in it stand for themselves. */
  | 'parts'
  /** Lists and maps of entries, broken ones among them. */
  | 'entries'

const FILE_KEYS: Readonly<Record<string, Rule>> = {
  metadata: 'parts',
  input: 'parts',
  requires: 'parts',
  limits: 'parts',
  snapshot: 'parts',
  hooks: 'entries',
  pipeline_outputs: 'entries',
}

const STEP_KEYS: Readonly<Record<string, Rule>> = {
  exec: 'parts',
  permissions: 'parts',
  limits: 'parts',
  memory: 'parts',
  'memory.inject_artifacts': 'entries',
  workspace: 'parts',
  output_artifacts: 'entries',
  handover: 'parts',
  'handover.contract': 'entries',
  'handover.contracts': 'entries',
  retry: 'parts',
  outcomes: 'entries',
  config: 'parts',
}

/** A map without what is wrong in it. `unsound` are paths below the map. */
function withoutWrong(
  map: object,
  unsound: readonly ShapePath[],
  rules: Readonly<Record<string, Rule>>,
  prefix = '',
): Record<string, unknown> {
  const byKey = Map.groupBy(unsound, ([key]) => key)
  const kept = Object.entries(map).flatMap(([key, value]): [string, unknown][] => {
    const below = (byKey.get(key) ?? []).map((path) => path.slice(1))
    if (below.length === 0) return [[key, value]]
    const rule = below.some((path) => path.length === 0) ? undefined : rules[prefix + key]
    if (rule === 'entries') return [[key, value]]
    if (rule === undefined || !isRecord(value)) return []
    return [[key, withoutWrong(value, below, rules, `${prefix}${key}.`)]]
  })
  return Object.fromEntries(kept)
}

const NOTHING: Partial<PipelineShape> = {}

/** True of what is kept of it: the walk has left out what is wrong. */
function hasSoundKeys(value: unknown): value is Partial<PipelineShape> {
  return isRecord(value)
}

interface Around {
  /** Paths below the list. */
  readonly unsound: readonly ShapePath[]
  readonly gaps: Filled
}

/** The steps of a list, in their places. */
function soundSteps(
  steps: readonly unknown[],
  path: ShapePath,
  { unsound, gaps }: Around,
): (StepShape | undefined)[] {
  if (unsound.length === 0) return steps.map((step) => (isStepShape(step) ? step : undefined))
  const depth = path.length
  const byStep = Map.groupBy(unsound, (place) => place[depth])
  return steps.map((step, index) =>
    isRecord(step)
      ? soundStep(step, [...path, index], { unsound: byStep.get(index) ?? [], gaps })
      : undefined,
  )
}

function isStepShape(value: unknown): value is StepShape {
  return isRecord(value)
}

function soundStep(
  step: Readonly<Record<string, unknown>>,
  path: ShapePath,
  { unsound, gaps }: Around,
): StepShape | undefined {
  const below = unsound.map((place) => place.slice(path.length))
  if (below.some(([key]) => key === undefined)) return undefined
  const ownId = typeof step['id'] === 'string' ? step['id'] : gaps.idOf(path)
  // A name that no other step can have.
  const id = ownId ?? `#${Number(path.at(-1)) + 1}`
  const inBody = below.filter(isInBody)
  const own = below.filter((place) => !isInBody(place))
  if (own.some(([key]) => ABOUT_ARTIFACTS.has(key))) gaps.unlisted.add(id)
  if (own.some(([key]) => SEEN_BY_OTHERS.has(key))) gaps.opaque.add(id)
  if (own.some(([key]) => key === 'dependencies')) gaps.loose.add(id)
  if (own.some(([key]) => key === 'memory')) gaps.deaf.add(id)
  const sound = { ...withoutWrong(step, own, STEP_KEYS), id }
  const loop = soundLoop(
    step['loop'],
    own.filter(([key]) => key === 'loop').map((place) => place.slice(1)),
  )
  if (loop === undefined) return sound
  if (inBody.length === 0) return { ...sound, loop }
  const steps = soundSteps(loop.steps, [...path, 'loop', 'steps'], {
    unsound: unsound.filter((place) => isInBody(place.slice(path.length))),
    gaps,
  })
  return { ...sound, loop: { ...loop, steps } }
}

/** Undefined: it is no loop, or not even its steps can be told apart. `unsound` are paths below it. */
function soundLoop(loop: unknown, unsound: readonly ShapePath[]): StepShape['loop'] {
  if (!isLoop(loop) || unsound.length === 0) return isLoop(loop) ? loop : undefined
  const hidesSteps = unsound.some(([key]) => key === undefined || key === 'steps')
  if (hidesSteps || !Array.isArray(loop.steps)) return undefined
  // How many rounds there are changes nothing about what is wrong in them.
  return { max_iterations: 1, ...withoutWrong(loop, unsound, {}), steps: loop.steps }
}

function isLoop(value: unknown): value is NonNullable<StepShape['loop']> {
  return isRecord(value)
}

const ABOUT_ARTIFACTS: ReadonlySet<unknown> = new Set(['output_artifacts', 'iterate', 'strategy'])

/** What other steps rely on as well. */
const SEEN_BY_OTHERS: ReadonlySet<unknown> = new Set([
  'iterate',
  'strategy',
  'workspace',
  'rework_only',
  'retry',
  'handover',
])

function isInBody([key, inner, index]: ShapePath): boolean {
  return key === 'loop' && inner === 'steps' && typeof index === 'number'
}
