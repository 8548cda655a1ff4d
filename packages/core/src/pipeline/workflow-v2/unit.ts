import type { Location } from '../../errors.ts'
import type { Template } from '../pipeline.ts'
import type { ShapePath } from '../schema/shape.ts'
import type { LoopKind } from './loop-names.ts'
import type { ConsensusShape, LoopShape, StepShape } from './workflow-schema.ts'

/** A step or root loop of the file, its texts still with the names of the dialect. */
export interface Unit {
  readonly name: string
  /** Where it stands in the file. */
  readonly path: ShapePath
  readonly location: Location
  /** Of a root loop, nothing but the name. */
  readonly shape: StepShape
  /** Known ones, each once. */
  readonly needs: readonly string[]
  readonly condition: { readonly text: Template; readonly path: ShapePath } | undefined
  /** What `{{input}}` or `{{input.key}}` stands for in this step. */
  readonly input: Template | Texts | undefined
  readonly body: Body
}

export type Texts = Readonly<Record<string, Template>>

export type Body = RunBody | ConsensusBody | CallBody | LoopBody

export interface RunBody {
  readonly mode: 'run'
  readonly task: Template
}

export interface ConsensusBody {
  readonly mode: 'consensus'
  readonly task: Template
  readonly shape: ConsensusShape
  readonly path: ShapePath
}

export interface CallBody {
  readonly mode: 'template'
  readonly calls: string
  readonly with: Texts
  readonly path: ShapePath
}

export interface LoopBody {
  readonly mode: 'loop'
  readonly calls: string
  readonly with: Texts
  readonly path: ShapePath
  readonly shape: LoopShape
  readonly kind: LoopKind
  readonly items: Template | undefined
  readonly until: Template | undefined
}

/** A text of a unit. */
export interface UnitText {
  readonly template: Template
  /** Rendered once per round or item, so that names of the loop exist. */
  readonly loop: LoopKind | undefined
}

/** Every text of a unit that is rendered, conditions left out. */
export function textsOf(unit: Unit): readonly UnitText[] {
  const { body, input } = unit
  const own = input === undefined || isTexts(input) ? Object.values(input ?? {}) : [input]
  if (body.mode === 'run' || body.mode === 'consensus') return [...own, body.task].map(once)
  const given = Object.values(body.with)
  if (body.mode === 'template') return [...own, ...given].map(once)
  const items = body.items === undefined ? [] : [once(body.items)]
  const { kind } = body
  const rounds = given.map((template) => ({ template, loop: kind }))
  return [...own.map(once), ...items, ...rounds]
}

function once(template: Template): UnitText {
  return { template, loop: undefined }
}

export function isTexts(input: Template | Texts): input is Texts {
  return typeof input['location'] !== 'object' || !('line' in input['location'])
}
