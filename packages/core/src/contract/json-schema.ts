import type { Ajv2020, ErrorObject, ValidateFunction } from 'ajv/dist/2020.js'
import { loadAjv, loadFormats } from '../lazy.ts'
import { FORMATS } from './schema-check.ts'
import type { JsonSchema } from './schema-fields.ts'

/** Every violation of a schema: JSON pointer, what was expected, what was found. Empty: it fits. */
export function checkAgainstSchema(schema: JsonSchema, value: unknown): readonly string[] {
  const validate = compile(schema)
  try {
    if (validate(value)) return []
  } catch (error) {
    // A schema that refers to itself, or data nested without end.
    if (!(error instanceof RangeError)) throw error
    return ['The value is nested too deeply to be checked.']
  }
  const sentences = [...new Set((validate.errors ?? []).map(describe))]
  const more = sentences.length - MAX_SENTENCES
  return more <= 0 ? sentences : [...sentences.slice(0, MAX_SENTENCES), `and ${more} more`]
}

const MAX_SENTENCES = 50

/** By schema object: a step is checked once per attempt and once per correction. */
const compiled = new WeakMap<JsonSchema, ValidateFunction>()
let compiler: Ajv2020 | undefined

function compile(schema: JsonSchema): ValidateFunction {
  const known = compiled.get(schema)
  if (known !== undefined) return known
  compiler ??= createCompiler()
  // An id would be registered, and clash with the next version of the same schema.
  const { $id: _, ...anonymous } = schema
  const validate = compiler.compile(anonymous)
  compiled.set(schema, validate)
  return validate
}

function createCompiler(): Ajv2020 {
  const { Ajv2020: Compiler } = loadAjv()
  const created = new Compiler({
    allErrors: true,
    verbose: true,
    strict: false,
    logger: false,
    validateSchema: false,
    ownProperties: true,
  })
  loadFormats().default(created, [...FORMATS])
  return created
}

function describe(error: ErrorObject): string {
  const place = error.instancePath === '' ? 'the top level' : error.instancePath
  return `${place}: ${expectation(error)}`
}

function expectation(error: ErrorObject): string {
  const { keyword, params, data } = error
  const write = WORDING[keyword]
  if (write !== undefined) return write(params, data)
  return `expected it ${error.message?.replace(/^must /u, 'to ') ?? 'to be different'}, got ${show(data)}`
}

type Params = Readonly<Record<string, unknown>>

const WORDING: Readonly<Record<string, (params: Params, data: unknown) => string>> = {
  required: ({ missingProperty }) => `the property ${show(missingProperty)} is missing`,
  additionalProperties: ({ additionalProperty }) =>
    `the property ${show(additionalProperty)} is not allowed`,
  unevaluatedProperties: ({ unevaluatedProperty }) =>
    `the property ${show(unevaluatedProperty)} is not allowed`,
  type: ({ type }, data) =>
    `expected ${Array.isArray(type) ? type.join(' or ') : String(type)}, got ${kindOf(data)} ${show(data)}`,
  enum: ({ allowedValues }, data) => {
    const values = Array.isArray(allowedValues) ? allowedValues.map(show).join(', ') : ''
    return `expected one of ${values}, got ${show(data)}`
  },
  const: ({ allowedValue }, data) => `expected ${show(allowedValue)}, got ${show(data)}`,
  format: ({ format }, data) => `expected the format ${String(format)}, got ${show(data)}`,
  minLength: ({ limit }, data) =>
    limit === 1
      ? 'must not be empty'
      : `expected at least ${String(limit)} characters, got ${show(data)}`,
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`
}

const MAX_SHOWN = 80
