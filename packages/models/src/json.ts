/** Reading JSON that nobody vouches for: a wrong shape is absent, never an exception. */

export type Json = Readonly<Record<string, unknown>>

const EMPTY: Json = {}

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An empty record for anything else. */
export function asRecord(value: unknown): Json {
  return isRecord(value) ? value : EMPTY
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** A count of tokens: finite and not negative. */
export function asCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}
