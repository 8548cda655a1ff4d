import { PERSONA } from '../persona/schema.ts'
import { PIPELINE } from '../pipeline/schema/schema.ts'
import type { Shape } from '../pipeline/schema/shape.ts'
import { WORKFLOW } from '../pipeline/workflow-v2/workflow-schema.ts'

/** A JSON Schema as it is published, for editors. */
export interface SchemaFile {
  /** `wave-pipeline.schema.json` */
  readonly name: string
  readonly text: string
}

/** The schemas of both dialects and of the front matter of personas. */
export function languageSchemas(): readonly SchemaFile[] {
  return [
    schemaFile('wave-pipeline', PIPELINE),
    schemaFile('workflow-v2', WORKFLOW),
    schemaFile('persona', PERSONA),
  ]
}

/** One of our shapes as a file: what the loader takes for granted is said. */
export function schemaFile(name: string, shape: Shape): SchemaFile {
  return {
    name: `${name}.schema.json`,
    text: `${JSON.stringify(explicit(shape), undefined, 2)}\n`,
  }
}

/** For the loader a map with known keys is strict unless it says otherwise; for editors it must say so. */
function explicit(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(explicit)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, explicit(inner)])
  const isStrict = 'properties' in value && !('additionalProperties' in value) && 'type' in value
  return Object.fromEntries(isStrict ? [...entries, ['additionalProperties', false]] : entries)
}
