import { isRecord, lacksField } from '../../contract/schema-fields.ts'
import type { JsonSchema } from '../../contract/schema-fields.ts'
import type { Segment, TemplateNames } from '../template/template-names.ts'

/** What is known about a value before there is one. */
export interface ValueType {
  /** Undefined: it may be anything. */
  readonly kinds: ReadonlySet<Kind> | undefined
  /** The only values it can have. */
  readonly values?: readonly unknown[] | undefined
  /** Of a list, what stands in it. */
  readonly items?: ValueType
  /** What it satisfies, for its fields. */
  readonly schema?: JsonSchema
  /** The schema that references are resolved in. */
  readonly root?: JsonSchema
}

export type Kind = 'text' | 'number' | 'flag' | 'list' | 'map' | 'null'

export const ANYTHING: ValueType = { kinds: undefined }

/** A value of exactly that kind. */
export function only(kind: Kind): ValueType {
  return { kinds: new Set([kind]) }
}

/** Whether a value of that type can be of one of the kinds. */
export function canBe(type: ValueType, ...kinds: readonly Kind[]): boolean {
  const { kinds: known } = type
  return known === undefined || kinds.some((kind) => known.has(kind))
}

/** Whether there is a kind that both can be. */
export function overlap(left: ValueType, right: ValueType): boolean {
  return left.kinds === undefined || canBe(right, ...left.kinds)
}

function typeOfSchema(schema: unknown, root: unknown = schema): ValueType {
  if (!isRecord(schema) || !isRecord(root)) return ANYTHING
  const target = followReference(schema, root)
  const values = allowedValues(target)
  const items = typeOfSchemaItems(target, root)
  return { kinds: kindsOf(target, values), values, schema: target, root, ...items }
}

/** The type of a JSON value. */
export function typeOfValue(value: unknown): ValueType {
  return { kinds: new Set([kindOf(value)]), values: [value] }
}

/** What a field of a value is. Undefined: it has no such field. */
export function fieldOf(type: ValueType, name: string): ValueType | undefined {
  if (!canBe(type, 'map')) return undefined
  const { schema, root } = type
  if (schema === undefined) return ANYTHING
  if (lacksField(schema, [name]) !== undefined) return undefined
  const properties = schema['properties']
  if (isRecord(properties) && Object.hasOwn(properties, name))
    return typeOfSchema(properties[name], root)
  return typeOfSchema(schema['additionalProperties'], root)
}

export function itemsOf(type: ValueType): ValueType {
  return type.items ?? ANYTHING
}

/** What a name stands for, and the first of its fields that cannot exist, if there is one. */
export function typeOfName(
  segments: readonly Segment[],
  names: TemplateNames,
): {
  readonly type: ValueType
  readonly lacks?: { readonly of: ValueType; readonly field: Segment }
} {
  if (names.isVague?.(segments) === true) return { type: ANYTHING }
  const { type, rest } = rootType(segments, names)
  let current = type
  for (const segment of rest) {
    const next = memberOf(current, segment)
    if (next === undefined) return { type: ANYTHING, lacks: { of: current, field: segment } }
    current = next
  }
  return { type: current }
}

function memberOf(type: ValueType, segment: Segment): ValueType | undefined {
  if (typeof segment === 'string') return fieldOf(type, segment)
  if (typeof segment === 'number') return canBe(type, 'list') ? itemsOf(type) : undefined
  return canBe(type, 'list', 'map') ? ANYTHING : undefined
}

/** For messages: `text`, `a number`. */
export function describeKinds({ kinds }: ValueType): string {
  return [...(kinds ?? [])].map((kind) => SHOWN[kind]).join(' or ')
}

const SHOWN: Readonly<Record<Kind, string>> = {
  text: 'text',
  number: 'a number',
  flag: 'true or false',
  list: 'a list',
  map: 'a map',
  null: 'null',
}

function rootType(segments: readonly Segment[], names: TemplateNames): Rooted {
  const [root, ...rest] = segments
  const find = Object.hasOwn(ROOTS, String(root)) ? ROOTS[String(root)] : undefined
  if (find === undefined || names.extra?.includes(String(root)) === true)
    return { type: ANYTHING, rest: [] }
  return find(rest, names)
}

type Rooted = { readonly type: ValueType; readonly rest: readonly Segment[] }

const ROOTS: Readonly<Record<string, (rest: readonly Segment[], names: TemplateNames) => Rooted>> =
  {
    input: (rest, names) => ({
      type: names.input === 'json' ? typeOfSchema(names.inputSchema) : only('text'),
      rest,
    }),
    item: (rest, names) => ({ type: typeOfSchema(names.itemSchema), rest }),
    iteration: () => ({ type: only('number'), rest: [] }),
    run: textsBelow,
    env: textsBelow,
    gate: (rest, names) => ({ type: gateType(rest, names), rest: [] }),
    steps: (rest, names) => ({ type: stepType(rest, names), rest: rest.slice(3) }),
  }

function textsBelow(rest: readonly Segment[]): Rooted {
  return { type: only(rest.length === 0 ? 'map' : 'text'), rest: [] }
}

function gateType([id, field]: readonly Segment[], names: TemplateNames): ValueType {
  const choices = names.gates?.().get(String(id)) ?? []
  return field === 'choice' && choices.length > 0
    ? { kinds: new Set(['text']), values: choices }
    : only('text')
}

function stepType([id, part, artifact]: readonly Segment[], names: TemplateNames): ValueType {
  if (part === 'outcome') return { kinds: new Set(['text']), values: OUTCOMES }
  if (artifact === undefined) return only('map')
  return typeOfSchema(names.steps().get(String(id))?.get(String(artifact)))
}

const OUTCOMES = ['completed', 'failed', 'skipped']

const MAX_REFERENCES = 20

function followReference(schema: JsonSchema, root: JsonSchema): JsonSchema {
  let current = schema
  for (let steps = 0; steps < MAX_REFERENCES; steps += 1) {
    const reference = current['$ref']
    if (typeof reference !== 'string' || 'type' in current) return current
    const target = resolve(reference, root)
    if (!isRecord(target)) return current
    current = target
  }
  return current
}

function resolve(reference: string, root: JsonSchema): unknown {
  if (reference === '#') return root
  let current: unknown = root
  for (const part of reference.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key))
      return undefined
    current = Reflect.get(current, key)
  }
  return current
}

function allowedValues(schema: JsonSchema): readonly unknown[] | undefined {
  if ('const' in schema) return [schema['const']]
  const values = schema['enum']
  return Array.isArray(values) ? values : undefined
}

function typeOfSchemaItems(schema: JsonSchema, root: JsonSchema): { readonly items?: ValueType } {
  const items = schema['items']
  // Looked at only when needed: a schema may contain itself.
  return isRecord(items)
    ? {
        get items() {
          return typeOfSchema(items, root)
        },
      }
    : {}
}

function kindsOf(
  schema: JsonSchema,
  values: readonly unknown[] | undefined,
): ReadonlySet<Kind> | undefined {
  if (values !== undefined) return new Set(values.map(kindOf))
  const type = schema['type']
  const types: readonly unknown[] = Array.isArray(type) ? type : [type]
  const kinds = types.map((name) => KINDS[String(name)])
  return kinds.every((kind) => kind !== undefined) ? new Set(kinds) : undefined
}

const KINDS: Readonly<Partial<Record<string, Kind>>> = {
  string: 'text',
  number: 'number',
  integer: 'number',
  boolean: 'flag',
  array: 'list',
  object: 'map',
  null: 'null',
}

function kindOf(value: unknown): Kind {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'list'
  return KIND_OF[typeof value] ?? 'number'
}

const KIND_OF: Readonly<Partial<Record<string, Kind>>> = {
  string: 'text',
  boolean: 'flag',
  object: 'map',
}
