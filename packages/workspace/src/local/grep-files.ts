import type { Match } from '@wave/core'

export interface Matches {
  readonly matches: readonly Match[]
  readonly truncated: boolean
}

const MAX_LINE_CHARACTERS = 500
/** As git and ripgrep do it: a NUL near the start means binary. */
const BINARY_WINDOW_BYTES = 8_000

/** Lines that hold the pattern as it stands, byte for byte. Binary files are passed over. */
export async function grepFiles(
  files: AsyncIterable<{ readonly path: string; readonly content: Uint8Array }>,
  query: { readonly pattern: string; readonly maxMatches: number },
): Promise<Matches> {
  const needle = Buffer.from(query.pattern)
  const matches: Match[] = []
  for await (const { path, content } of files) {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    if (bytes.subarray(0, BINARY_WINDOW_BYTES).includes(0)) continue
    for (const match of matchesIn(bytes, needle)) {
      if (matches.length === query.maxMatches) return { matches, truncated: true }
      matches.push({ path, ...match })
    }
  }
  return { matches, truncated: false }
}

function* matchesIn(bytes: Buffer, needle: Buffer): Generator<{ line: number; text: string }> {
  let line = 1
  let counted = 0
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, counted)) {
    const start = at === 0 ? 0 : bytes.lastIndexOf(0x0a, at - 1) + 1
    line += countLineBreaks(bytes, counted, start)
    const end = bytes.indexOf(0x0a, at)
    const stop = end === -1 ? bytes.length : end
    const text = bytes.subarray(start, stop).toString().replace(/\r$/, '')
    yield { line, text: text.slice(0, MAX_LINE_CHARACTERS).toWellFormed() }
    if (end === -1) return
    line++
    counted = stop + 1
  }
}

function countLineBreaks(bytes: Buffer, from: number, to: number): number {
  let count = 0
  for (let at = bytes.indexOf(0x0a, from); at !== -1 && at < to; at = bytes.indexOf(0x0a, at + 1))
    count++
  return count
}
