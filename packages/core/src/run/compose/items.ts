import { unfenced } from '../../agent/fields/fenced-blocks.ts'
import { isRecord } from '../../contract/schema-fields.ts'
import { parseJson } from '../parse-json.ts'

type Items =
  | { readonly ok: true; readonly items: readonly unknown[] }
  | { readonly ok: false; readonly message: string }

/**
 * The items that a text lists: a JSON array, one JSON object per line, or else its lines without the
 * empty ones. One fence around all of it is removed. Text that starts like JSON and is none is an error:
 * taken as lines it would start work on pieces of a broken answer.
 */
export function parseItems(text: string): Items {
  const list = (unfenced(text) ?? text).trim()
  if (list.startsWith('[')) return parseArray(list)
  const lines = list.split('\n').map((line) => line.trim())
  if (list.startsWith('{')) return parseObjects(lines)
  return { ok: true, items: lines.filter((line) => line !== '') }
}

function parseArray(text: string): Items {
  const read = parseJson(text)
  if (!read.ok) return fail(`The list starts like a JSON array, but ${reasonOf(read.message)}.`)
  return Array.isArray(read.value)
    ? { ok: true, items: read.value }
    : fail('The list starts like a JSON array, but is none.')
}

function parseObjects(lines: readonly string[]): Items {
  const items: unknown[] = []
  for (const [at, line] of lines.entries()) {
    if (line === '') continue
    const read = parseJson(line)
    if (read.ok && isRecord(read.value)) {
      items.push(read.value)
      continue
    }
    const reason = read.ok ? 'this line is no object' : reasonOf(read.message)
    return fail(`Line ${at + 1} of the list has to be one JSON object, but ${reason}.`)
  }
  return { ok: true, items }
}

function reasonOf(message: string): string {
  return message.startsWith('it is') ? message : `it does not parse: ${message}`
}

function fail(message: string): Items {
  return { ok: false, message }
}
