export type JsonSchema = Readonly<Record<string, unknown>>

export interface MissingField {
  readonly field: string
  readonly known: readonly string[]
}

/**
 * The first part of a dotted path that a schema does not list. Undefined when it may exist: it is
 * listed, more properties are allowed explicitly, or the schema says nothing about properties.
 */
export function lacksField(
  schema: unknown,
  path: readonly (string | number | undefined)[],
): MissingField | undefined {
  let current: unknown = schema
  for (const part of path) {
    if (!isRecord(current)) return undefined
    if (typeof part !== 'string') {
      current = current['items']
      continue
    }
    const properties = current['properties']
    if (!isRecord(properties)) return undefined
    if (!Object.hasOwn(properties, part)) {
      if (isListOperator(part) || mayStandElsewhere(current)) return undefined
      return { field: part, known: Object.keys(properties) }
    }
    current = properties[part]
  }
  return undefined
}

// With one of these, properties may stand elsewhere.
const OPENING = ['$ref', 'allOf', 'anyOf', 'oneOf', 'if', 'patternProperties', '$dynamicRef']

function mayStandElsewhere(schema: Record<string, unknown>): boolean {
  return OPENING.some((keyword) => keyword in schema) || allowsMore(schema)
}

/** Said, not left out: a schema that lists its properties means those. */
function allowsMore(schema: Record<string, unknown>): boolean {
  const additional = schema['additionalProperties'] ?? schema['unevaluatedProperties']
  return additional !== undefined && additional !== false
}

/** What Liquid adds to lists, texts and maps. */
function isListOperator(part: string): boolean {
  return part === 'size' || part === 'first' || part === 'last'
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
