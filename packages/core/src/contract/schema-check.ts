import { suggest } from '../suggest.ts'
import { isRecord } from './schema-fields.ts'
import type { JsonSchema } from './schema-fields.ts'

/**
 * Everything in a JSON Schema (2020-12) that we cannot evaluate, each with its JSON pointer. What
 * passes here compiles; so that loading a pipeline needs no compiler.
 */
export function checkSchema(schema: JsonSchema): readonly string[] {
  const walk = new SchemaWalk(schema)
  walk.visit(schema, '')
  return walk.problems
}

class SchemaWalk {
  readonly problems: string[] = []
  readonly #root: JsonSchema

  constructor(root: JsonSchema) {
    this.#root = root
  }

  visit(schema: unknown, pointer: string): void {
    if (typeof schema === 'boolean' && pointer !== '') return
    if (!isRecord(schema)) {
      this.#report(pointer, 'must be a schema: a map, true or false')
      return
    }
    for (const [keyword, value] of Object.entries(schema)) {
      this.#visitKeyword(keyword, value, `${pointer}/${escapePointer(keyword)}`)
    }
  }

  #visitKeyword(keyword: string, value: unknown, pointer: string): void {
    const kind = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined
    if (kind === undefined) {
      const near = suggest(keyword, Object.keys(KEYWORDS))
      const hint = near === undefined ? '' : `; did you mean "${near}"?`
      this.#report(pointer, `the keyword "${keyword}" is unknown${hint}`)
    } else if (kind === 'schema') {
      this.visit(value, pointer)
    } else if (kind === 'schemas') {
      this.#visitList(value, pointer)
    } else if (kind === 'schema-map') {
      this.#visitMap(value, pointer)
    } else {
      const complaint = VALUES[kind](value, this.#root)
      if (complaint !== undefined) this.#report(pointer, complaint)
    }
  }

  #visitList(value: unknown, pointer: string): void {
    if (!Array.isArray(value) || value.length === 0) {
      this.#report(pointer, 'must be a list of schemas')
      return
    }
    for (const [index, item] of value.entries()) this.visit(item, `${pointer}/${index}`)
  }

  #visitMap(value: unknown, pointer: string): void {
    if (!isRecord(value)) {
      this.#report(pointer, 'must be a map of schemas')
      return
    }
    for (const [key, item] of Object.entries(value)) {
      this.visit(item, `${pointer}/${escapePointer(key)}`)
    }
  }

  #report(pointer: string, message: string): void {
    this.problems.push(`${pointer === '' ? 'the schema' : pointer}: ${message}`)
  }
}

type ValueKind =
  | 'any'
  | 'count'
  | 'number'
  | 'positive'
  | 'text'
  | 'flag'
  | 'names'
  | 'name-lists'
  | 'values'
  | 'types'
  | 'format'
  | 'reference'
  | 'dialect'
  | 'expression'

function keywords<T extends string>(kind: T, ...names: readonly string[]): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, kind]))
}

const KEYWORDS: Readonly<Record<string, ValueKind | 'schema' | 'schemas' | 'schema-map'>> = {
  ...keywords('schema', 'additionalProperties', 'items', 'not', 'contains', 'if', 'then', 'else'),
  ...keywords('schema', 'propertyNames', 'unevaluatedProperties', 'unevaluatedItems'),
  ...keywords('schemas', 'allOf', 'anyOf', 'oneOf', 'prefixItems'),
  ...keywords('schema-map', 'properties', '$defs', 'definitions', 'dependentSchemas'),
  ...keywords('any', 'const', 'default', 'examples', 'title', 'description', '$comment', '$id'),
  ...keywords('flag', 'uniqueItems', 'deprecated', 'readOnly', 'writeOnly'),
  ...keywords('count', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minContains'),
  ...keywords('count', 'maxContains', 'minProperties', 'maxProperties'),
  ...keywords('number', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'),
  ...keywords('expression', 'pattern', 'patternProperties'),
  multipleOf: 'positive',
  required: 'names',
  dependentRequired: 'name-lists',
  enum: 'values',
  type: 'types',
  format: 'format',
  $ref: 'reference',
  $schema: 'dialect',
}

const TYPES = new Set(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'])

/** Formats that a schema may name. */
export const FORMATS = [
  'date',
  'date-time',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'json-pointer',
  'time',
  'uri',
  'uuid',
] as const

const VALUES: Readonly<
  Record<ValueKind, (value: unknown, root: JsonSchema) => string | undefined>
> = {
  any: () => undefined,
  flag: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
  text: (value) => (typeof value === 'string' ? undefined : 'must be a string'),
  count: (value) => (isCount(value) ? undefined : 'must be a whole number from 0'),
  number: (value) => (typeof value === 'number' ? undefined : 'must be a number'),
  positive: (value) =>
    typeof value === 'number' && value > 0 ? undefined : 'must be a number above 0',
  names: (value) => (areNames(value) ? undefined : 'must be a list of different names'),
  'name-lists': (value) =>
    isRecord(value) && Object.values(value).every(areNames)
      ? undefined
      : 'must be a map of lists of names',
  values: (value) =>
    Array.isArray(value) && value.length > 0 ? undefined : 'must be a list of values',
  types: checkTypes,
  format: checkFormat,
  reference: checkReference,
  dialect: (value) =>
    String(value).startsWith('https://json-schema.org/draft/2020-12/schema')
      ? undefined
      : 'only JSON Schema 2020-12 is supported',
  // A pattern could take for ever, and nothing of `.wave/` may do that to the host.
  expression: () => 'regular expressions are not supported; use "enum", "const" or "format"',
}

function checkTypes(value: unknown): string | undefined {
  const types: readonly unknown[] = Array.isArray(value) ? value : [value]
  const unknown = types.find((type) => typeof type !== 'string' || !TYPES.has(type))
  if (types.length === 0) return 'must name a type'
  return unknown === undefined ? undefined : `the type ${JSON.stringify(unknown)} is unknown`
}

function checkFormat(value: unknown): string | undefined {
  const isKnown = FORMATS.some((format) => format === value)
  return isKnown
    ? undefined
    : `the format ${JSON.stringify(value)} is not one of ${FORMATS.join(', ')}`
}

function checkReference(value: unknown, root: JsonSchema): string | undefined {
  if (value === '#') return undefined
  if (typeof value !== 'string' || !value.startsWith('#/')) {
    return 'only references into the same schema are supported, such as "#/$defs/name"'
  }
  let current: unknown = root
  for (const part of value.slice(2).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    const container = typeof current === 'object' && current !== null ? current : {}
    if (!Object.hasOwn(container, key)) return `nothing stands at ${value}`
    current = Reflect.get(container, key)
  }
  return undefined
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function areNames(value: unknown): boolean {
  if (!Array.isArray(value) || new Set(value).size !== value.length) return false
  return value.every((name) => typeof name === 'string')
}

function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
