/** A value that JSON can hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

export type JsonObject = { readonly [key: string]: JsonValue }

export type ToolInput =
  | { readonly ok: true; readonly value: JsonObject }
  /** `not-json`: the text does not parse. `not-acceptable`: it does, but as something never meant. */
  | {
      readonly ok: false
      readonly problem: 'not-json' | 'not-acceptable'
      readonly message: string
    }

/**
 * Reads a tool call's input strictly. It is never repaired: a tolerant parser turns cut-off JSON into a
 * shorter object that looks valid. Duplicate keys are found in the raw text, because `JSON.parse` keeps
 * the last one without a word.
 */
export function parseToolInput(raw: string): ToolInput {
  let value: JsonValue
  try {
    value = JSON.parse(raw)
  } catch (error) {
    const message = error instanceof Error ? error.message : 'unreadable'
    return { ok: false, problem: 'not-json', message: `The input is not JSON: ${message}.` }
  }
  if (!isObject(value)) {
    const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
    return refuse(`The input must be a JSON object; it is ${found}.`)
  }
  const bad = findUnmeant(raw)
  return bad === undefined ? { ok: true, value } : refuse(bad)
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuse(message: string): ToolInput {
  return { ok: false, problem: 'not-acceptable', message }
}

/** No schema is that deep, and whatever walks the value by recursion would exhaust its stack. */
const MAX_DEPTH = 200

/** Walks the tokens of valid JSON text; a key is a string that stands before a colon. */
function findUnmeant(raw: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  let last = ''
  for (let at = 0; at < raw.length; at += 1) {
    const mark = raw[at]
    if (open.length > MAX_DEPTH) return `The input is nested more than ${MAX_DEPTH} levels deep.`
    if (mark === '"') {
      const end = endOfString(raw, at)
      last = raw.slice(at, end + 1)
      at = end
    } else if (mark === '{') open.push(new Set())
    else if (mark === '[') open.push(undefined)
    else if (mark === '}' || mark === ']') open.pop()
    else if (mark === ':') {
      const problem = noteKey(open.at(-1), last)
      if (problem !== undefined) return problem
    }
  }
  return undefined
}

/** By hand: a regular expression over a string of megabytes can exhaust its stack. */
function endOfString(raw: string, start: number): number {
  let at = start + 1
  while (raw[at] !== '"') at += raw[at] === '\\' ? 2 : 1
  return at
}

/** Two spellings of one key, such as `"a"` and `"\u0061"`, are the same key. */
function noteKey(keys: Set<string> | undefined, literal: string): string | undefined {
  const key = String(JSON.parse(literal))
  if (key === '__proto__') return 'The key "__proto__" is not allowed.'
  if (keys?.has(key) === true) return `The key ${JSON.stringify(key)} appears twice in one object.`
  keys?.add(key)
  return undefined
}
