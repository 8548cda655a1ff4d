import { extractFields, readWholeMessage } from '../../agent/fields/extract.ts'
import { labelKey, labelValue, readLabels, withoutEmphasis } from '../../agent/fields/labels.ts'
import { namedValues } from '../../agent/fields/whole-words.ts'
import { decodeText } from '../../contract/artifact-format.ts'
import { isRecord } from '../../contract/schema-fields.ts'
import type { ArtifactType } from '../../events.ts'
import type { FieldSpec, VoteStrategy } from '../../pipeline/pipeline.ts'
import { parseJson } from '../parse-json.ts'

/** What one voter delivered. */
export interface BallotInput {
  readonly type: ArtifactType
  /** Undefined: it failed, was skipped, or delivered nothing. */
  readonly content: Uint8Array | undefined
  /** Who answered, for the record. */
  readonly provider?: string
  readonly model?: string
}

/** `key`: equal for verdicts that count as one. A ballot that does not name just one verdict abstains. */
type Reading = { readonly verdict: string; readonly key: string } | { readonly reason: string }

/** What a voter decided. Never throws and never guesses. */
export function readBallot(strategy: VoteStrategy, { content }: BallotInput): Reading {
  if (content === undefined) return { reason: 'it delivered nothing' }
  const text = decodeText(content)
  if (text === undefined) return { reason: 'it is not valid UTF-8 text' }
  if (text.trim() === '') return { reason: 'it is empty' }
  const parsed = parseJson(text)
  const value = parsed.ok ? parsed.value : undefined
  if (isRecord(value)) return readObject(strategy, text)
  return readReply(strategy, typeof value === 'string' ? value : text)
}

const LABELS = ['verdict', 'decision', 'answer', 'result']

/** The answer as an object counts for itself: nothing else in it is searched for a verdict. */
function readObject(strategy: VoteStrategy, text: string): Reading {
  const found = extractFields(text, [fieldOf(strategy)])
  if (!found.ok || found.stage !== 'json') {
    return { reason: `its field "${strategy.field}" is no verdict` }
  }
  return readLine(strategy, String(found.fields[strategy.field]))
}

function readReply(strategy: VoteStrategy, text: string): Reading {
  const found = extractFields(text, [fieldOf(strategy)])
  if (found.ok && found.stage !== 'labels') {
    return readLine(strategy, String(found.fields[strategy.field]))
  }
  const { verdicts } = strategy
  return verdicts === undefined ? readLine(strategy, text) : readProse(strategy, verdicts, text)
}

/** Without a set of verdicts: one line is one. */
function readLine({ verdicts, field }: VoteStrategy, text: string): Reading {
  if (verdicts !== undefined) return verdictOf(namedValues(text, verdicts), verdicts)
  const line = readWholeMessage(text, [WHOLE_LINE])
  if (!line.ok) return { reason: 'it is not one line of at most 64 characters' }
  const labelled = labelledValues(String(line.fields[WHOLE_LINE.name]), field)
  const verdict = labelled[0] ?? String(line.fields[WHOLE_LINE.name])
  const key = comparisonKey(verdict)
  return key === '' ? { reason: 'it says nothing' } : { verdict, key }
}

function readProse({ field }: VoteStrategy, verdicts: readonly string[], text: string): Reading {
  const labelled = labelledValues(text, field)
    .map((value) => namedValues(value, verdicts))
    .filter(({ length }) => length === 1)
  const announced = [...new Set(labelled.flat())]
  if (announced.length === 1) return verdictOf(announced, verdicts)
  const alone = verdictLines(text, verdicts)
  if (alone.length > 0) return verdictOf(alone, verdicts)
  const named = namedValues(text, verdicts)
  const leading = named.length > 1 ? leadingVerdict(text, verdicts) : undefined
  return verdictOf(leading === undefined ? named : [leading], verdicts)
}

/** What stands behind `Verdict:`, `Decision:`, `Answer:` and `Result:`. */
function labelledValues(text: string, field: string): readonly string[] {
  const labels = readLabels(text)
  const keys = new Set([labelKey(field), ...LABELS])
  return [...keys].flatMap((key) =>
    (labels.byKey.get(key) ?? []).slice(0, MAX_LABELS).map((label) => labelValue(labels, label)),
  )
}

const MAX_LABELS = 10

/** The first and the last line, if they are nothing but a verdict. */
function verdictLines(text: string, verdicts: readonly string[]): readonly string[] {
  const trimmed = text.trim()
  const first = trimmed.split('\n', 1)[0] ?? ''
  const last = trimmed.slice(trimmed.lastIndexOf('\n') + 1)
  const found = [first, last].flatMap((line) => {
    const key = comparisonKey(line)
    return verdicts.filter((verdict) => comparisonKey(verdict) === key).slice(0, 1)
  })
  return [...new Set(found)]
}

/**
 * `YES because there is no risk`: the answer comes first, in the spelling that was asked for, and no other
 * verdict stands there in its spelling.
 */
function leadingVerdict(text: string, verdicts: readonly string[]): string | undefined {
  const [only, second] = namedValues(text, verdicts, 'as-declared')
  if (only === undefined || second !== undefined) return undefined
  const start = withoutEmphasis(text.trim().slice(0, only.length + MAX_LINE_CHARACTERS))
  const isWord = !/^[\p{L}\p{N}_-]/u.test(start.slice(only.length))
  return start.startsWith(only) && isWord ? only : undefined
}

const MAX_LINE_CHARACTERS = 200

function verdictOf(named: readonly string[], verdicts: readonly string[]): Reading {
  const [only, second] = named
  if (only === undefined) return { reason: `it names none of ${verdicts.join(', ')}` }
  if (second !== undefined) return { reason: `it names several verdicts: ${named.join(', ')}` }
  return { verdict: only, key: comparisonKey(only) }
}

/** Without case, spaces and final punctuation. */
function comparisonKey(line: string): string {
  if (line.length > MAX_LINE_CHARACTERS) return line
  const bare = withoutEmphasis(line).replaceAll(/\s/gu, '')
  const plain = bare.replace(/[.!?,;:…]+$/u, '')
  return (plain === '' ? bare : plain).toLowerCase()
}

function fieldOf({ field, verdicts }: VoteStrategy): FieldSpec {
  return { ...WHOLE_LINE, name: field, values: verdicts, wholeMessage: false }
}

const WHOLE_LINE: FieldSpec = {
  name: 'line',
  type: 'string',
  values: undefined,
  optional: false,
  mayBeEmpty: false,
  label: undefined,
  placeholder: undefined,
  wholeMessage: true,
}
