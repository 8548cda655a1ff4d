import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'
import { parseDuration } from '../schema/words.ts'

/** Milliseconds of a time limit, which must be more than nothing. Reports it when it is not. */
export function readLimit(
  text: string | undefined,
  defaultMs: number,
  path: ShapePath,
  reading: Reading,
): number {
  if (text === undefined) return defaultMs
  const limitMs = parseDuration(text)
  if (limitMs > 0) return limitMs
  reading.report(`${reading.subject(path)} must be more than 0.`, path)
  return defaultMs
}
