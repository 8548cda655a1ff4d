import { isRecord } from '../contract/schema-fields.ts'
import type { StepShape } from './build-step.ts'
import type { PipelineShape } from './schema.ts'
import type { Shaped, ShapePath } from './shape.ts'

/** What of a pipeline file has the right shape. A step that cannot be told apart is undefined. */
export type SoundParts = Partial<Omit<PipelineShape, 'steps'>> & {
  readonly steps: readonly (StepShape | undefined)[]
}

/** Filled with what is not known of steps, by their ids. */
interface Gaps {
  readonly opaque: Set<string>
  readonly loose: Set<string>
}

/**
 * What can be looked at further although some of the file is wrong, so that all other mistakes are told
 * as well. A key with something wrong in it is left out.
 */
export function soundParts({ value, unsound }: Shaped, gaps: Gaps): SoundParts {
  const wrong = new Set(unsound.map(([key]) => key))
  const stepsAreSound = !unsound.some((path) => path.length === 1 && path[0] === 'steps')
  const { steps = [], ...rest } = hasSoundKeys(value) ? value : NOTHING
  const kept = Object.entries(rest).filter(([key]) => !wrong.has(key))
  const below = unsound.filter(([key]) => key === 'steps').map((path) => path.slice(1))
  return {
    ...Object.fromEntries(kept),
    steps: stepsAreSound && Array.isArray(steps) ? soundSteps(steps, below, gaps) : [],
  }
}

const NOTHING: Partial<PipelineShape> = {}

/** True of what is kept of it: the walk has left out what is wrong. */
function hasSoundKeys(value: unknown): value is Partial<PipelineShape> {
  return isRecord(value)
}

/** The steps of a list, in their places. `unsound` are paths below the list. */
function soundSteps(
  steps: readonly unknown[],
  unsound: readonly ShapePath[],
  gaps: Gaps,
): (StepShape | undefined)[] {
  if (unsound.length === 0) return steps.map((step) => (isStepShape(step) ? step : undefined))
  const byStep = Map.groupBy(unsound, ([index]) => index)
  return steps.map((step, index) => {
    const paths = (byStep.get(index) ?? []).map((path) => path.slice(1))
    return isStepShape(step) ? soundStep(step, paths, gaps) : undefined
  })
}

function isStepShape(value: unknown): value is StepShape {
  return isRecord(value)
}

function soundStep(
  step: StepShape,
  unsound: readonly ShapePath[],
  gaps: Gaps,
): StepShape | undefined {
  if (unsound.length === 0) return step
  if (unsound.some(([key]) => key === undefined || key === 'id')) return undefined
  const inBody = unsound.filter(isInBody)
  const wrong = new Set(unsound.filter((path) => !isInBody(path)).map(([key]) => key))
  // They are about artifacts that are not known then.
  if (wrong.has('output_artifacts')) for (const key of ['handover', 'outcomes']) wrong.add(key)
  if ([...wrong].some((key) => SEEN_BY_OTHERS.has(key))) gaps.opaque.add(step.id)
  if (wrong.has('dependencies')) gaps.loose.add(step.id)
  const kept = Object.entries(step).filter(([key]) => !wrong.has(key))
  const sound = { ...Object.fromEntries(kept), id: step.id }
  if (step.loop === undefined || wrong.has('loop')) return sound
  const below = inBody.map((path) => path.slice(2))
  return { ...sound, loop: { ...step.loop, steps: soundSteps(step.loop.steps, below, gaps) } }
}

/** What other steps rely on. */
const SEEN_BY_OTHERS: ReadonlySet<unknown> = new Set([
  'output_artifacts',
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
