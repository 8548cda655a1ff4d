import { isRecord, type Json } from '../json.ts'

/** The object that a tool call's raw JSON stands for. Strict: cut-off or decorated JSON is undefined. */
export function parseToolInput(raw: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(raw)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * What to send back for a call whose input some servers insist on reading as an object. The model then
 * sees its own text again, not a repaired guess at it.
 */
export function replayableInput(raw: string): Json {
  return parseToolInput(raw) ?? { INVALID_JSON: raw }
}
