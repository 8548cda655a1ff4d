import { LIMITS } from '../limits.ts'

/** Deeper values are left out. */
const MAX_DEPTH = 12

/**
 * An alert or log lines in JSON as text with a line per value, `starts at: 2026-05-04T10:00:00Z`, and the
 * lines of a value as lines of their own. Other text is given back as it is.
 */
export function unpackJson(text: string): string {
  const whole = parseHolder(text)
  if (whole !== undefined) return cut(linesOf('', whole, 0))
  const lines = text.slice(0, LIMITS.inputChars).split('\n')
  const parsed = lines.map((line) => parseHolder(line))
  if (parsed.every((value) => value === undefined)) return text
  return cut(
    lines.flatMap((line, index) => {
      const value = parsed[index]
      return value === undefined ? [line] : linesOf('', value, 0)
    }),
  )
}

function cut(lines: readonly string[]): string {
  return lines.join('\n').slice(0, LIMITS.inputChars)
}

/** An object, or a list that holds one: anything else may just as well be prose. */
function parseHolder(text: string): object | undefined {
  const trimmed = text.trim()
  if (trimmed.length > LIMITS.inputChars || !/^(?:\{\s*"|\[\s*\{)[^]*[\]}]$/.test(trimmed)) {
    return undefined
  }
  try {
    const value: unknown = JSON.parse(trimmed)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function linesOf(key: string, value: unknown, depth: number): string[] {
  if (Array.isArray(value) && depth < MAX_DEPTH) {
    return value.flatMap((one: unknown) => linesOf(key, one, depth + 1))
  }
  if (typeof value === 'object' && value !== null && depth < MAX_DEPTH) {
    return Object.entries(value).flatMap(([name, one]) => linesOf(inWords(name), one, depth + 1))
  }
  const text = textOf(value)
  if (text === '') return []
  const [first = '', ...rest] = text.trimEnd().split(/\r?\n/)
  if (key === '') return [first, ...rest]
  return rest.length === 0 ? [`${key}: ${first}`] : [`${key}:`, first, ...rest]
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === null || value === undefined ? '' : '(deeper values left out)'
}

/** `startsAt` as `starts at`, so that it reads as words and not as a name in the code. */
function inWords(name: string): string {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll(/[_.-]+/g, ' ')
  return words.trim().toLowerCase().slice(0, 100)
}
