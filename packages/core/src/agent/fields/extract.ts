import type { FieldSpec } from '../../pipeline/fields.ts'
import { isObject, parseToolInput } from '../json.ts'
import { fencedBlocks } from './fenced-blocks.ts'
import { labelsFor, labelValue, readLabels, withoutEmphasis } from './labels.ts'
import type { LabelledText } from './labels.ts'
import { normaliseFields } from './normalise.ts'
import type { Normalised } from './normalise.ts'
import { objectRegions } from './object-regions.ts'

type ExtractionStage = 'json' | 'fenced' | 'object' | 'labels'

export type Extraction =
  | {
      readonly ok: true
      readonly fields: Record<string, unknown>
      readonly stage: ExtractionStage
    }
  /** Sentences that a model can act on. */
  | { readonly ok: false; readonly problems: readonly string[] }

/**
 * Reads named values out of a message: as JSON, as JSON in a code fence, as JSON within prose, as labelled
 * lines. The first place that gives the whole contract wins; nothing is put together from several. Takes
 * time in proportion to the text, whatever the text is.
 */
export function extractFields(text: string, specs: readonly FieldSpec[]): Extraction {
  const whole = readWholeMessage(text, specs)
  const parts = searchFields(
    text,
    specs.filter((spec) => !spec.wholeMessage),
  )
  if (whole.ok && parts.ok) return { ...parts, fields: { ...whole.fields, ...parts.fields } }
  const problems = [whole, parts].flatMap((read) => (read.ok ? [] : read.problems))
  return { ok: false, problems }
}

/**
 * The fields that stand for a message as a whole: one line, without quotes, emphasis and final full stop.
 */
export function readWholeMessage(text: string, specs: readonly FieldSpec[]): Normalised {
  const wanted = specs.filter((spec) => spec.wholeMessage)
  if (wanted.length === 0) return { ok: true, fields: {} }
  const line = text.length > MAX_RAW_LINE_CHARACTERS ? undefined : bareLine(text)
  if (line === undefined || line.length > MAX_LINE_CHARACTERS) {
    const problem = `The message as a whole must be one line of at most ${MAX_LINE_CHARACTERS} characters.`
    return { ok: false, problems: [problem] }
  }
  return normaliseFields(Object.fromEntries(wanted.map(({ name }) => [name, line])), wanted)
}

const MAX_LINE_CHARACTERS = 64
/** With quotes, emphasis and spaces around it. */
const MAX_RAW_LINE_CHARACTERS = 200

/** Undefined when there is more than one line. */
function bareLine(text: string): string | undefined {
  let line = text.trim()
  if (/[\n\r]/u.test(line)) return undefined
  for (let before = ''; before !== line;) {
    before = line
    line = withoutQuotes(withoutEmphasis(line)).replace(/\.$/u, '').trim()
  }
  return line
}

function withoutQuotes(text: string): string {
  const pair = QUOTES.find(([open, close]) => text.startsWith(open) && text.endsWith(close))
  return pair === undefined || text.length < 2 ? text : text.slice(1, -1)
}

const QUOTES = [
  ['"', '"'],
  ["'", "'"],
  ['“', '”'],
  ['‘', '’'],
] as const

function searchFields(text: string, specs: readonly FieldSpec[]): Extraction {
  let fewest: readonly string[] | undefined
  for (const { stage, fields, unclear = [] } of candidates(text, specs)) {
    const read = normaliseFields(fields, specs)
    if (read.ok && unclear.length === 0) return { ok: true, fields: read.fields, stage }
    const problems = [...unclear, ...(read.ok ? [] : read.problems)]
    if (fewest === undefined || problems.length < fewest.length) fewest = problems
  }
  return { ok: false, problems: fewest ?? [] }
}

interface FoundFields {
  readonly stage: ExtractionStage
  readonly fields: Readonly<Record<string, unknown>>
  /** Problems of the place itself. */
  readonly unclear?: readonly string[]
}

/** So many of one kind are looked at, counted from the end. */
const MAX_CANDIDATES = 100

/** Everything in a text that may be the answer, in the order in which it is asked. */
function* candidates(text: string, specs: readonly FieldSpec[]): Generator<FoundFields> {
  yield* parsed('json', [text.trim()])
  const blocks = fencedBlocks(text).filter(({ tag }) => tag === '' || tag === 'json')
  yield* parsed(
    'fenced',
    blocks.map(({ content }) => content),
  )
  const regions = objectRegions(text).slice(-MAX_CANDIDATES)
  yield* parsed(
    'object',
    regions.map(({ start, end }) => text.slice(start, end)),
  )
  yield labelled(readLabels(text), specs)
}

/** The last one first: what a model says last is what it means. */
function* parsed(stage: ExtractionStage, texts: readonly string[]): Generator<FoundFields> {
  for (const text of texts.slice(-MAX_CANDIDATES).toReversed()) {
    if (!text.trimStart().startsWith('{')) continue
    const read = parseToolInput(text)
    if (read.ok && isObject(read.value)) yield { stage, fields: read.value }
  }
}

function labelled(text: LabelledText, specs: readonly FieldSpec[]): FoundFields {
  const fields: [string, string][] = []
  const unclear: string[] = []
  for (const spec of specs) {
    if (spec.type === 'object') continue
    const values = new Set<unknown>()
    for (const label of labelsFor(text, spec.name, spec.label)) {
      const value = labelValue(text, label)
      const read = normaliseFields({ [spec.name]: value }, [spec])
      values.add(read.ok ? read.fields[spec.name] : value)
      if (values.size > 1) break
      fields.push([spec.name, value])
    }
    if (values.size > 1) {
      unclear.push(`${spec.name} stands there more than once, with different values.`)
    }
  }
  return { stage: 'labels', fields: Object.fromEntries(fields), unclear }
}
