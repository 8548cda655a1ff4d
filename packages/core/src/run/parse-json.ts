type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string }

/** No result of a step is that deep, and whatever walks a value by recursion would exhaust its stack. */
const MAX_DEPTH = 200

/** JSON that code may walk without care for its depth. Never throws. */
export function parseJson(text: string): Parsed {
  if (isTooDeep(text)) {
    return { ok: false, message: `it is nested more than ${MAX_DEPTH} levels deep` }
  }
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, message: error.message }
    throw error
  }
}

/** The same value as JSON text, for people. Whole numbers of conditions may be bigints. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, withoutBigints, 2) ?? 'null'
}

function withoutBigints(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

/** Counts brackets outside of strings, before anything is built. */
function isTooDeep(text: string): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at += 1) {
    const mark = text[at]
    if (mark === '"') inString = !inString
    else if (inString) at += Number(mark === '\\')
    else if (mark === '{' || mark === '[') depth += 1
    else if (mark === '}' || mark === ']') depth -= 1
    if (depth > MAX_DEPTH) return true
  }
  return false
}
