import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { checkSchema, FORMATS } from './schema-check.ts'

const GOOD = [
  {},
  { $schema: 'https://json-schema.org/draft/2020-12/schema', $id: 'x', title: 't', type: 'object' },
  { type: ['string', 'null'], minLength: 1, maxLength: 3, default: null, examples: ['a'] },
  {
    properties: { a: true, b: { $ref: '#/$defs/x~1y' }, constructor: {} },
    $defs: { 'x/y': false },
  },
  { items: { $ref: '#' }, prefixItems: [{}], uniqueItems: true, contains: {}, minContains: 0 },
  { anyOf: [{ const: 1 }, { not: { enum: [1] } }], if: {}, else: {} },
  { required: ['a'], dependentRequired: { a: ['b'] }, unevaluatedProperties: false },
  { type: 'number', multipleOf: 0.5, exclusiveMinimum: -1, propertyNames: { minLength: 1 } },
]

test.each(GOOD)('%j is accepted, and compiles', (schema) => {
  expect(checkSchema(schema)).toEqual([])
  const compile = (): unknown => new Ajv2020({ strict: false }).compile(schema)
  expect(compile).not.toThrow()
})

test.each([
  [{ typ: 'object' }, '/typ: the keyword "typ" is unknown; did you mean "type"?'],
  [{ type: 'strin' }, '/type: the type "strin" is unknown'],
  [{ properties: { a: { type: 'x' } } }, '/properties/a/type: the type "x" is unknown'],
  [{ properties: [] }, '/properties: must be a map of schemas'],
  [{ items: 3 }, '/items: must be a schema: a map, true or false'],
  [{ required: 'a' }, '/required: must be a list of different names'],
  [{ enum: [] }, '/enum: must be a list of values'],
  [{ minLength: -1 }, '/minLength: must be a whole number from 0'],
  [{ $ref: '#/$defs/none' }, '/$ref: nothing stands at #/$defs/none'],
  [{ $ref: 'https://example.com/x' }, '/$ref: only references into the same schema'],
  [{ $schema: 'http://json-schema.org/draft-07/schema#' }, '/$schema: only JSON Schema 2020-12'],
  [{ format: 'regex' }, '/format: the format "regex" is not one of'],
  [{ allOf: [] }, '/allOf: must be a list of schemas'],
])('%j is refused', (schema, message) => {
  expect(checkSchema(schema).join('\n')).toContain(message)
})

test('YT-14 a regular expression in a schema is refused: the host compiles none from a project', () => {
  const schema = { properties: { a: { pattern: '(a+)+$' } }, patternProperties: { '(a+)+$': {} } }
  expect(checkSchema(schema)).toHaveLength(2)
})

test('every format that is accepted is known to the validator', async () => {
  const { default: formats } = await import('ajv-formats')
  for (const format of FORMATS) expect(formats.default.get(format)).toBeDefined()
})
