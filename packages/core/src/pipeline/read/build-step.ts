import { isRecord } from '../../contract/schema-fields.ts'
import { buildArtifacts } from './build-artifacts.ts'
import { buildBranch, buildCall } from './build-call.ts'
import { buildAggregate, buildGate, buildLoop } from './build-composition.ts'
import { buildContracts } from './build-contracts.ts'
import { buildInjections } from './build-injections.ts'
import { buildIterate } from './build-iterate.ts'
import { buildMount, imageOf } from './build-mount.ts'
import { buildOutcomes } from './build-outcomes.ts'
import { buildPrompt } from './build-prompt.ts'
import { buildRetry } from './build-retry.ts'
import type { AggregateStep, CommandStep, Step } from '../pipeline.ts'
import { readLimit } from './read-duration.ts'
import type { Reading } from './reading.ts'
import type { PipelineShape } from '../schema/schema.ts'
import type { ShapePath } from '../schema/shape.ts'
import { kindOf } from './step-kind.ts'

export type StepShape = PipelineShape['steps'][number]

/** What the steps of a file have in common while they are built. */
export interface Building {
  readonly reading: Reading
  /** The steps that a step can name: those beside it, and outside of the loop that it stands in. */
  readonly peers: readonly StepShape[]
  /** The steps in a loop; of other steps none. */
  bodyOf(shape: StepShape): readonly StepShape[]
}

/**
 * The steps of a list, with defaults filled in. In place of a step that could not be built stands one
 * that does nothing, so that what other steps say about it can be checked; the problems are reported.
 */
export function buildSteps(
  shapes: readonly unknown[],
  path: ShapePath,
  { reading, outer }: { readonly reading: Reading; readonly outer: readonly StepShape[] },
): readonly Step[] {
  const known = shapes.filter(isStepShape)
  const building = { reading, peers: [...known, ...outer], bodyOf }
  return shapes.map((shape, index) => {
    const at = [...path, index]
    const step = isStepShape(shape) ? buildStep(shape, at, building) : undefined
    return step ?? placeholder(isStepShape(shape) ? shape : undefined, at, reading)
  })
}

function isStepShape(value: unknown): value is StepShape {
  return isRecord(value)
}

function bodyOf(shape: StepShape): readonly StepShape[] {
  return (shape.loop?.steps ?? []).filter(isStepShape)
}

function buildStep(shape: StepShape, path: ShapePath, building: Building): Step | undefined {
  const { reading } = building
  const kinded = kindOf(shape, path, reading)
  const known = kinded?.shape ?? shape
  const part = kinded && buildPart(kinded.kind, known, path, building)
  if (part !== undefined) return { ...part, ...buildCommon(known, path, building, part) }
  // Its other mistakes are told all the same, apart from those about artifacts that are not known.
  reading.unlisted.add(shape.id)
  reading.opaque.add(shape.id)
  buildCommon(known, path, building, { artifacts: [] })
  return undefined
}

type CommonKey = Exclude<keyof AggregateStep, 'kind' | 'artifacts' | 'from' | 'strategy'>
type CommonPart = Pick<AggregateStep, CommonKey>
type PartOf<T extends Step> = T extends Step ? Omit<T, CommonKey> : never

function buildPart(
  kind: Step['kind'],
  shape: StepShape,
  path: ShapePath,
  building: Building,
): PartOf<Step> | undefined {
  const { reading } = building
  switch (kind) {
    case 'prompt':
      return withDeclared(buildPrompt(shape, path, reading), shape, path, reading)
    case 'command':
      return withDeclared(buildCommand(shape, path, reading), shape, path, reading)
    case 'pipeline':
      return buildCall(shape, path, reading)
    case 'branch':
      return buildBranch(shape, path, reading)
    case 'loop':
      return buildLoop(shape, path, {
        reading,
        buildBody: (steps, at) => buildSteps(steps, at, { reading, outer: building.peers }),
      })
    case 'gate':
      return buildGate(shape, path, reading)
    case 'aggregate':
      return buildAggregate(shape, path, reading)
    default:
      return kind satisfies never
  }
}

function withDeclared<T>(
  part: T | undefined,
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): (T & Pick<Step, 'artifacts'>) | undefined {
  const artifacts = buildArtifacts(shape, path, reading)
  return part === undefined ? undefined : { ...part, artifacts }
}

/** What a step of any kind has. */
function buildCommon(
  shape: StepShape,
  path: ShapePath,
  building: Building,
  { artifacts }: Pick<Step, 'artifacts'>,
): CommonPart {
  const { reading, peers } = building
  const { when, message } = shape
  const iterate = buildIterate(shape, path, { ...building, artifacts })
  const outcomes = buildOutcomes(shape, path, { artifacts, reading })
  const image = imageOf(shape)
  const mount = buildMount(shape, path, reading, peers)
  checkDir(shape, mount?.target, path, reading)
  return {
    id: shape.id,
    dependencies: shape.dependencies ?? [],
    ...(when === undefined ? {} : { when: reading.expression(when, [...path, 'when']) }),
    inject: buildInjections(shape, path, reading),
    mount,
    ...(image === undefined ? {} : { image }),
    contracts: buildContracts(shape, path, { artifacts, mount, reading }),
    retry: buildRetry(shape, path, reading),
    timeoutMs: timeoutOf(shape, path, reading),
    ...(shape.rework_only === true ? { reworkOnly: true } : {}),
    ...(iterate === undefined ? {} : { iterate }),
    ...(outcomes.length === 0 ? {} : { outcomes }),
    message,
    location: reading.locate(path),
  }
}

function buildCommand(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): Pick<CommandStep, 'kind' | 'script' | 'dir'> | undefined {
  const { script, dir } = shape
  const at = [...path, 'script']
  if (script !== undefined && script.trim() !== '') {
    return { kind: 'command', script: reading.template(script, at), dir }
  }
  reading.report(`Step "${shape.id}" needs a "script" that is not empty.`, at)
  return undefined
}

function checkDir(
  { dir }: StepShape,
  target: string | undefined,
  path: ShapePath,
  reading: Reading,
): void {
  if (dir === undefined) return
  const roots = target === undefined ? ['/work'] : [target, '/work']
  const isBelow = roots.some((root) => `${dir}/`.startsWith(`${root}/`))
  if (isBelow && !/\p{C}/u.test(dir) && !dir.split('/').includes('..')) return
  const at = [...path, 'dir']
  reading.report(`${reading.subject(at)} must be a folder below ${roots.join(' or ')}.`, at)
}

const DEFAULT_TIMEOUT_MS = 15 * 60_000

function timeoutOf(shape: StepShape, path: ShapePath, reading: Reading): number {
  const { timeout, timeout_minutes: minutes } = shape
  const at = [...path, 'timeout']
  if (timeout !== undefined && minutes !== undefined) {
    const message = `Step "${shape.id}" has both "timeout" and "timeout_minutes".`
    reading.report(message, at, 'Keep one of them.')
  }
  if (minutes !== undefined) return Math.max(1, Math.round(minutes * 60_000))
  return readLimit(timeout, defaultTimeoutMs(shape), at, reading)
}

/** A step that is made of others may take as long as those and the run may. */
function defaultTimeoutMs({ pipeline, branch, loop }: StepShape): number {
  const isMadeOfOthers = pipeline !== undefined || branch !== undefined || loop !== undefined
  return isMadeOfOthers ? Infinity : DEFAULT_TIMEOUT_MS
}

/** Stands for a step that could not be built; only what other steps say about it is looked at. */
function placeholder(shape: StepShape | undefined, path: ShapePath, reading: Reading): Step {
  const id = shape?.id ?? reading.idOf(path) ?? `?${path.join('.')}`
  reading.unlisted.add(id)
  reading.opaque.add(id)
  return {
    kind: 'aggregate',
    id,
    dependencies: shape?.dependencies ?? [],
    inject: [],
    from: [],
    strategy: { type: 'concat' },
    artifacts: [],
    mount: undefined,
    contracts: [],
    retry: buildRetry({ id }, path, reading),
    timeoutMs: DEFAULT_TIMEOUT_MS,
    message: undefined,
    location: reading.locate(path),
  }
}
