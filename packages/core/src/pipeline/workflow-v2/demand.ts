import type { Location } from '../../errors.ts'
import type { Unit } from './unit.ts'

/** How a text or condition uses a field. */
export type FieldUse = { readonly location: Location } & (
  | { readonly as: 'text' | 'number' | 'boolean' | 'object' | 'empty' }
  /** Compared with this text. */
  | { readonly as: 'literal'; readonly value: string }
)

/** Which fields of which step the file reads. */
export class Demand {
  readonly #byStep = new Map<string, Map<string, FieldUse[]>>()

  add(unit: Unit, field: string, use: FieldUse): void {
    const fields = this.#byStep.get(unit.name) ?? new Map<string, FieldUse[]>()
    this.#byStep.set(unit.name, fields)
    const uses = fields.get(field) ?? []
    fields.set(field, uses)
    uses.push(use)
  }

  of(unit: Unit): ReadonlyMap<string, readonly FieldUse[]> {
    return this.#byStep.get(unit.name) ?? new Map<string, readonly FieldUse[]>()
  }
}

/** The field in the place of the text of a step that is compared as a whole. */
export const WHOLE_LINE = '_line'
