import type { Redactor } from './redact.ts'

/**
 * A value of JSON with every text in it redacted, except below the keys in `kept`. The same value when there
 * is nothing to replace, which is found out at about the price of one look at one text.
 */
export function redactDeep<T>(
  value: T,
  redact: Redactor,
  kept: ReadonlySet<string> = NOTHING_KEPT,
): T {
  const texts: string[] = []
  collect(value, kept, texts)
  if (texts.length === 0) return value
  const joined = texts.join('\n')
  if (redact(joined) === joined) return value
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- texts become texts, the rest stays
  return replace(value, redact, kept) as T
}

/** Whether bytes hold a secret, also as text with two bytes to a character. */
export function holdsSecret(bytes: Uint8Array, redact: Redactor): boolean {
  if (redactBytes(bytes, redact) !== bytes) return true
  const narrow = bytes.includes(0) ? bytes.filter((byte) => byte !== 0) : undefined
  return narrow !== undefined && redactBytes(narrow, redact) !== narrow
}

/** The bytes with every secret replaced, whatever they are; the same bytes when there is none. */
export function redactBytes(bytes: Uint8Array, redact: Redactor): Uint8Array {
  // One character for each byte, so that bytes that are no text stay as they are.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const redacted = redact(text)
  return redacted === text ? bytes : Buffer.from(redacted, 'latin1')
}

const NOTHING_KEPT: ReadonlySet<string> = new Set()

function collect(value: unknown, kept: ReadonlySet<string>, texts: string[]): void {
  if (typeof value === 'string') texts.push(value)
  else if (Array.isArray(value)) for (const entry of value) collect(entry, kept, texts)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, entry] of Object.entries(value))
      if (!kept.has(key)) collect(entry, kept, texts)
  }
}

function replace(value: unknown, redact: Redactor, kept: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map((entry) => replace(entry, redact, kept))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, entry]): [string, unknown] => [
    key,
    kept.has(key) ? entry : replace(entry, redact, kept),
  ])
  return Object.fromEntries(entries)
}
