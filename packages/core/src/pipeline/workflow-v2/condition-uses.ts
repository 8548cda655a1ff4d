import type { Location } from '../../errors.ts'
import type { Condition, NameNode } from './condition-parser.ts'
import type { Operator } from './condition-tokens.ts'
import type { FieldUse } from './demand.ts'

/** How a name stands in a condition. */
export interface NameUse {
  readonly node: NameNode
  /** Undefined: it is a condition by itself. */
  readonly compared: Compared | undefined
}

interface Compared {
  readonly operator: Operator
  /** Undefined: `'text' in name`, which asks as `contains` does. */
  readonly other: Condition | undefined
}

/** Every name of a condition, in its order, with what is asked of it. */
export function usesIn(condition: Condition): readonly NameUse[] {
  switch (condition.kind) {
    case 'name':
      return [{ node: condition, compared: undefined }]
    case 'and':
    case 'or':
      return condition.parts.flatMap(usesIn)
    case 'not':
      return usesIn(condition.part)
    case 'compare':
      return usesInComparison(condition)
    case 'list':
    case 'text':
    case 'number':
    case 'boolean':
      return []
    default:
      return condition satisfies never
  }
}

function usesInComparison(
  comparison: Extract<Condition, { readonly kind: 'compare' }>,
): readonly NameUse[] {
  const { operator, left, right } = comparison
  const lists = [left, right].flatMap((side) => (side.kind === 'list' ? side.items : []))
  const others = lists.flatMap((item): NameUse[] =>
    item.kind === 'name' ? [{ node: item, compared: { operator: '==', other: undefined } }] : [],
  )
  const ofLeft = operator === 'in' && right.kind !== 'list' ? undefined : right
  const sides: readonly (readonly [Condition, Condition | undefined, Operator])[] = [
    [left, ofLeft, operator],
    [right, operator === 'in' ? undefined : left, operator === 'in' ? 'contains' : operator],
  ]
  const own = sides.flatMap(([side, other, asked]): readonly NameUse[] => {
    if (side.kind === 'name') return [{ node: side, compared: { operator: asked, other } }]
    return side.kind === 'list' ? [] : usesIn(side)
  })
  return [...own, ...others]
}

/** Whether the whole text is asked, which may be long. */
export function asksForText({ compared }: NameUse): boolean {
  return compared?.operator === 'contains'
}

/** What a use says about the type of a field. */
export function fieldUses({ compared }: NameUse, location: Location): readonly FieldUse[] {
  if (compared === undefined) return [{ as: 'boolean', location }]
  const { operator, other } = compared
  if (operator === 'contains' || other === undefined) return [{ as: 'text', location }]
  const values = other.kind === 'list' ? other.items : [other]
  const isOrder = operator !== '==' && operator !== '!=' && operator !== 'in'
  return values.map((value): FieldUse => {
    if (value.kind === 'number') return { as: 'number', location }
    if (value.kind === 'boolean') return { as: 'boolean', location }
    if (value.kind !== 'text' || isOrder) return { as: 'text', location }
    return value.value === ''
      ? { as: 'empty', location }
      : { as: 'literal', value: value.value, location }
  })
}
