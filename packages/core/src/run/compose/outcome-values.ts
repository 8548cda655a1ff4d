import { decodeText } from '../../contract/artifact-format.ts'
import type { OutcomeValue } from '../../events.ts'
import type { OutcomeDeclaration } from '../../pipeline/pipeline.ts'
import { cut } from '../failure.ts'
import { readPaths } from './json-path.ts'
import { parseJson } from '../parse-json.ts'

const MAX_VALUES = 50
const MAX_CHARACTERS = 1000

/**
 * The values that the summary of the run shows. They are text from a model or a program: control and
 * invisible characters are taken out, length and number are bounded, and nobody follows them. What is not
 * there gives no value.
 */
export function readOutcomes(
  declared: readonly OutcomeDeclaration[],
  artifacts: ReadonlyMap<string, Uint8Array>,
): readonly OutcomeValue[] {
  return declared.flatMap((one) => readOutcome(one, artifacts)).slice(0, MAX_VALUES)
}

function readOutcome(
  { type, extractFrom, jsonPath, label }: OutcomeDeclaration,
  artifacts: ReadonlyMap<string, Uint8Array>,
): readonly OutcomeValue[] {
  const content = artifacts.get(extractFrom)
  if (content === undefined) return []
  if (jsonPath === undefined) return [{ type, label: label ?? type, value: extractFrom }]
  const read = parseJson(decodeText(content) ?? '')
  if (!read.ok) return []
  return readPaths(read.value, jsonPath)
    .map(textOf)
    .filter((value) => value !== '')
    .map((value) => ({ type, label: label ?? jsonPath, value }))
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  // Cut first: a megabyte need not be cleaned to show a line of it.
  const visible = text.slice(0, 10 * MAX_CHARACTERS).replaceAll(INVISIBLE, (character) => {
    return /\s/u.test(character) ? ' ' : ''
  })
  return cut(visible.toWellFormed().trim(), MAX_CHARACTERS).toWellFormed()
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/gu
