import { isRecord } from '../../contract/schema-fields.ts'
import type { FieldSpec } from '../../pipeline/fields.ts'
import { labelKey, withoutEmphasis } from './labels.ts'
import { namedValues } from './whole-words.ts'

export type Normalised =
  | { readonly ok: true; readonly fields: Record<string, unknown> }
  | { readonly ok: false; readonly problems: readonly string[] }

/**
 * Brings raw values into the form that a contract demands: `SEV1 (Critical)` becomes `SEV1`, `yes` true,
 * `85%` 85. Only the fields of the contract are kept. What is missing, ambiguous or an echo of the prompt
 * is a problem, never a guess.
 */
export function normaliseFields(
  raw: Readonly<Record<string, unknown>>,
  specs: readonly FieldSpec[],
): Normalised {
  const fields: [string, unknown][] = []
  const problems: string[] = []
  for (const spec of specs) {
    const found = Object.hasOwn(raw, spec.name) ? raw[spec.name] : undefined
    if (isAbsent(found)) {
      if (!spec.optional) problems.push(`${spec.name} is missing: ${demandOf(spec)}.`)
      continue
    }
    const value = normaliseField(spec, found)
    if (value.ok) fields.push([spec.name, value.value])
    else problems.push(`${spec.name} ${value.problem}`)
  }
  // Not an assignment: a field may be called like a property that every object has.
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, fields: Object.fromEntries(fields) }
}

/** What a field has to be, in words for a model. */
export function demandOf({ type, values, mayBeEmpty }: FieldSpec): string {
  if (values !== undefined) return `one of ${values.join(', ')}`
  if (type === 'boolean') return 'yes or no'
  if (type === 'number') return 'one number'
  if (type === 'object') return 'a JSON object'
  return mayBeEmpty ? 'text, which may be empty' : 'text; UNKNOWN if it is not known'
}

type Value =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string }

const MAX_QUOTED_CHARACTERS = 100

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null
}

function normaliseField(spec: FieldSpec, raw: unknown): Value {
  if (spec.type === 'object') {
    return isRecord(raw) ? accept(raw) : refuse(spec, raw)
  }
  const text = textOf(raw)
  if (text === undefined) return refuse(spec, raw)
  if (isEcho(text, spec.placeholder)) {
    return { ok: false, problem: `repeats the brackets of the task: ${quote(text)}.` }
  }
  if (spec.values !== undefined) return normaliseEnum(spec, spec.values, text)
  if (spec.type === 'boolean') return acceptIfKnown(spec, text, readBoolean(text))
  if (spec.type === 'number') return acceptIfKnown(spec, text, readNumber(text))
  return text.trim() === '' && !spec.mayBeEmpty
    ? { ok: false, problem: `is empty: ${demandOf(spec)}.` }
    : accept(text.trim())
}

/** Numbers, true and false lose nothing by becoming text. */
function textOf(raw: unknown): string | undefined {
  if (typeof raw === 'string') return raw
  return typeof raw === 'boolean' || Number.isFinite(raw) ? String(raw) : undefined
}

function normaliseEnum(spec: FieldSpec, values: readonly string[], text: string): Value {
  if (spec.mayBeEmpty && text.trim() === '') return accept('')
  const [only, second] = namedValues(text, values)
  if (only === undefined) return refuse(spec, text)
  if (second === undefined) return accept(only)
  return { ok: false, problem: `must be ${demandOf(spec)}; ${quote(text)} names several.` }
}

/** A reason may follow: `Yes, 500 records`, `no (checked)`. `No doubt` and `yes or no` are neither. */
function readBoolean(text: string): boolean | undefined {
  const words = withoutEmphasis(text).toLowerCase()
  const token = BOOLEANS.find(([word]) => words.startsWith(word))
  if (token === undefined) return undefined
  const [word, value] = token
  return /^(?:$|\s*[.,;:!(]|\s+[-–—]\s)/u.test(words.slice(word.length)) ? value : undefined
}

const BOOLEANS = [
  ['yes', true],
  ['true', true],
  ['no', false],
  ['false', false],
] as const

const MAX_NUMBER_CHARACTERS = 64

function readNumber(text: string): number | undefined {
  const words = withoutEmphasis(text)
  if (words.length > MAX_NUMBER_CHARACTERS) return undefined
  const digits = /^([+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?)\s*%?\.?$/iu.exec(words)?.[1]
  const number = Number(digits ?? Number.NaN)
  return Number.isFinite(number) ? number : undefined
}

/**
 * The prompt's own bracket text. Without its brackets a single word may be the answer: `internal` out of
 * `[internal]`.
 */
function isEcho(text: string, placeholder: string | undefined): boolean {
  if (placeholder === undefined) return false
  const value = text.trim()
  const isBracketed = value.startsWith('[')
  const isSame = withoutBrackets(value) === withoutBrackets(placeholder.trim())
  return isSame && (isBracketed || labelKey(value).includes('_'))
}

function withoutBrackets(text: string): string {
  const inner = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  return inner.trim().toLowerCase()
}

function acceptIfKnown(spec: FieldSpec, text: string, value: unknown): Value {
  return value === undefined ? refuse(spec, text) : accept(value)
}

function accept(value: unknown): Value {
  return { ok: true, value }
}

function refuse(spec: FieldSpec, raw: unknown): Value {
  const found = typeof raw === 'string' ? quote(raw) : kindOf(raw)
  return { ok: false, problem: `must be ${demandOf(spec)}; it is ${found}.` }
}

function kindOf(raw: unknown): string {
  if (Array.isArray(raw)) return 'a list'
  return typeof raw === 'object' ? 'an object' : `a ${typeof raw}`
}

function quote(text: string): string {
  const short = text.trim()
  return JSON.stringify(
    short.length > MAX_QUOTED_CHARACTERS
      ? `${short.slice(0, MAX_QUOTED_CHARACTERS - 1)}…`.toWellFormed()
      : short,
  )
}
