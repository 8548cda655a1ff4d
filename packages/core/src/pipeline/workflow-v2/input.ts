import type { JsonSchema } from '../../contract/schema-fields.ts'
import type { Pipeline } from '../pipeline.ts'

/** What the input must be: JSON with every key that the file reads, or else any text. */
export function inputOf(keys: readonly (readonly string[])[]): Pipeline['input'] {
  const base = { source: 'cli', example: undefined } as const
  return keys.length === 0
    ? { ...base, type: 'string' }
    : { ...base, type: 'json', schema: schemaOf(keys) }
}

function schemaOf(keys: readonly (readonly string[])[]): JsonSchema {
  const byRoot = Map.groupBy(keys, ([root = '']) => root)
  const properties = [...byRoot].map(([root, paths]) => {
    const inner = paths.map((path) => path.slice(1)).filter((path) => path.length > 0)
    return [root, inner.length === 0 ? {} : schemaOf(inner)] as const
  })
  return {
    type: 'object',
    required: [...byRoot.keys()],
    properties: Object.fromEntries(properties),
  }
}
