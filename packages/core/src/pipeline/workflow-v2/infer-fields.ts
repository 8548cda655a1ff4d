import type { JsonSchema } from '../../contract/schema-fields.ts'
import type { FieldSpec } from '../pipeline.ts'
import { bracketValues, findAnnouncement, isYesNo } from './announced.ts'
import type { Announced } from './announced.ts'
import { WHOLE_LINE } from './demand.ts'
import type { FieldUse } from './demand.ts'
import type { Draft } from './draft.ts'
import type { StepShape } from './workflow-schema.ts'

type Declared = NonNullable<NonNullable<StepShape['wave']>['fields']>

interface FieldSource {
  /** The step that must deliver the fields. */
  readonly step: string
  readonly prompt: string
  readonly uses: ReadonlyMap<string, readonly FieldUse[]>
  /** `wave.fields`, which wins over what the prompt shows. */
  readonly declared: Declared | undefined
}

/** The fields that a step must deliver: those that are used, and those that it declares. */
export function inferFields(source: FieldSource, draft: Draft): readonly FieldSpec[] {
  const names = new Set([...source.uses.keys(), ...Object.keys(source.declared ?? {})])
  return [...names].map((name) => inferField(name, source, draft))
}

function inferField(name: string, source: FieldSource, draft: Draft): FieldSpec {
  if (name === WHOLE_LINE) return { ...PLAIN, name, wholeMessage: true }
  const declared = source.declared ?? {}
  const uses = source.uses.get(name) ?? []
  const shown = showOf(name, source, { uses, draft })
  const given = Object.hasOwn(declared, name) ? declared[name] : undefined
  const base = given === undefined ? fromPrompt(name, shown, uses) : fromShape(name, given, shown)
  return refine(base, uses, { step: source.step, isDeclared: given !== undefined, draft })
}

const PLAIN: Omit<FieldSpec, 'name'> = {
  type: 'string',
  values: undefined,
  optional: false,
  mayBeEmpty: false,
  label: undefined,
  placeholder: undefined,
  wholeMessage: false,
}

/** The contract of the fields, as it is checked. */
export function schemaOfFields(fields: readonly FieldSpec[]): JsonSchema {
  return {
    type: 'object',
    required: fields.filter(({ optional }) => !optional).map(({ name }) => name),
    properties: Object.fromEntries(fields.map((field) => [field.name, schemaOf(field)])),
  }
}

function schemaOf(field: FieldSpec): JsonSchema {
  if (field.values !== undefined) return { enum: field.values }
  if (field.type !== 'string') return { type: field.type }
  const least = field.mayBeEmpty ? {} : { minLength: 1 }
  if (!field.wholeMessage) return { type: 'string', ...least }
  return { type: 'string', ...least, maxLength: 64, pattern: '^[^\\r\\n]*$' }
}

function showOf(
  name: string,
  source: FieldSource,
  at: { readonly uses: readonly FieldUse[]; readonly draft: Draft },
): Announced | undefined {
  const found = findAnnouncement(source.prompt, name)
  if (found.found === 'one') return found.announced
  const [first] = at.uses
  const isDeclared = Object.hasOwn(source.declared ?? {}, name)
  if (first === undefined || isDeclared || first.as === 'object') return undefined
  if (at.draft.hasNoticeAt(first.location)) return undefined
  if (found.found === 'several') {
    const labels = found.labels.map((label) => `"${label}"`).join(', ')
    const message = `Several lines in the prompt of "${source.step}" may announce "${name}": ${labels}.`
    at.draft.notice(message, first.location, `None is used; ${exampleOf(name)}`)
  } else {
    const message = `Nothing in the prompt of "${source.step}" announces "${name}".`
    const type = first.as === 'boolean' ? 'true or false' : 'text'
    at.draft.notice(message, first.location, `It is asked for as ${type}; ${exampleOf(name)}`)
  }
  return undefined
}

function exampleOf(name: string): string {
  const words = name.replaceAll(/[_-]+/gu, ' ')
  const label = words.charAt(0).toUpperCase() + words.slice(1)
  return `a line such as "- ${label}: [...]" in the prompt would say more.`
}

function fromPrompt(
  name: string,
  shown: Announced | undefined,
  uses: readonly FieldUse[],
): FieldSpec {
  if (shown === undefined) return { ...PLAIN, name }
  const { label, bracket } = shown
  const field = { ...PLAIN, name, label, placeholder: bracket }
  if (bracket === undefined) return field
  const values = bracketValues(bracket)
  const isFlag = uses.some(({ as }) => as === 'boolean') && isYesNo(bracket)
  if (values !== undefined && !isFlag) return { ...field, values }
  return isYesNo(bracket) ? { ...field, type: 'boolean' } : field
}

function fromShape(name: string, shape: Declared[string], shown: Announced | undefined): FieldSpec {
  return {
    ...PLAIN,
    name,
    type: shape.type ?? 'string',
    values: shape.enum,
    optional: shape.optional ?? false,
    label: shown?.label,
    placeholder: shown?.bracket,
  }
}

/** What the uses say about the type: they must agree with each other and with what was announced. */
function refine(
  base: FieldSpec,
  uses: readonly FieldUse[],
  at: { readonly step: string; readonly isDeclared: boolean; readonly draft: Draft },
): FieldSpec {
  const mayBeEmpty = uses.some((use) => use.as === 'empty')
  const telling = uses.filter((use) => typeOf(use, base) !== undefined)
  const [first] = telling
  const isFixed = at.isDeclared || base.values !== undefined || base.type === 'boolean'
  const by = isFixed ? undefined : first
  const type = (by && typeOf(by, base)) ?? base.type
  const field = { ...base, type, mayBeEmpty }
  const wrong = telling.find((use) => typeOf(use, base) !== type)
  if (wrong !== undefined) reportClash(field, { use: wrong, by, ...at })
  return field
}

/** The type that a use demands. Undefined: any will do. */
function typeOf(use: FieldUse, field: FieldSpec): FieldSpec['type'] | undefined {
  if (use.as === 'text' || use.as === 'empty') return undefined
  if (use.as !== 'literal') return use.as
  return isFlagWord(use.value, field) ? undefined : 'string'
}

function isFlagWord(value: string, field: FieldSpec): boolean {
  return field.type === 'boolean' && FLAG_WORDS.has(value.toLowerCase())
}

/** How a flag is written in texts. */
export const FLAG_WORDS: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['true', true],
  ['no', false],
  ['false', false],
])

function reportClash(
  field: FieldSpec,
  at: {
    readonly use: FieldUse
    readonly by: FieldUse | undefined
    readonly step: string
    readonly draft: Draft
  },
): void {
  const { use, by, step, draft } = at
  const name = `"${step}.${field.name}"`
  const before =
    by === undefined
      ? `is announced as ${describeField(field)}`
      : `is ${describeField(field)} at ${by.location.line}:${by.location.column}`
  const hint = `Say what it is with "wave.fields" of step "${step}", and use it as that.`
  draft.report(`${name} is used as ${describeUse(use)} here, but ${before}.`, use.location, hint)
}

function describeField({ type, values }: FieldSpec): string {
  if (values !== undefined) return `one of ${values.join(', ')}`
  return TYPE_WORDS[type]
}

function describeUse(use: FieldUse): string {
  if (use.as === 'literal' || use.as === 'text' || use.as === 'empty') return TYPE_WORDS.string
  return TYPE_WORDS[use.as]
}

const TYPE_WORDS = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
} as const
