import type { JsonSchema } from '../../contract/schema-fields.ts'
import type { FieldSpec } from '../../pipeline/fields.ts'

/** The contract of extracted fields as a JSON Schema. Further keys are allowed. */
export function fieldsSchema(specs: readonly FieldSpec[]): JsonSchema {
  return {
    type: 'object',
    required: specs.filter(({ optional }) => !optional).map(({ name }) => name),
    properties: Object.fromEntries(specs.map((spec) => [spec.name, schemaOf(spec)])),
  }
}

function schemaOf({ type, values, mayBeEmpty, wholeMessage }: FieldSpec): JsonSchema {
  if (values !== undefined) return { enum: mayBeEmpty ? ['', ...values] : [...values] }
  if (type !== 'string') return { type }
  const least = mayBeEmpty ? {} : { minLength: 1 }
  return wholeMessage ? { type, ...least, maxLength: 64 } : { type, ...least }
}
