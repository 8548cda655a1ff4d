import { escapeInvisible } from '../data-block.ts'

const MAX_LINES = 50_000
const MAX_SHOWN_LINES = 40
const MAX_COMPARED = 200
const MIN_LIKENESS = 0.4

/** Where a file comes closest to a text that is not in it; undefined when nothing is alike. */
export function nearestText(
  text: string,
  wanted: string,
): { readonly line: number; readonly text: string } | undefined {
  const lines = text.split(/\r?\n/).slice(0, MAX_LINES)
  const sought = wanted.split(/\r?\n/)
  const anchor = sought.findIndex((line) => line.trim() !== '')
  if (anchor === -1) return undefined
  const best = bestLine(lines, bigrams(sought[anchor] ?? ''), sought.slice(anchor))
  if (best === undefined) return undefined
  const start = Math.max(0, best - anchor)
  const shown = lines.slice(start, start + Math.min(sought.length, MAX_SHOWN_LINES))
  return { line: start + 1, text: escapeInvisible(shown.join('\n')) }
}

/** The line most like the anchor; among equals, the one whose followers agree best. */
function bestLine(
  lines: readonly string[],
  anchor: ReadonlySet<string>,
  sought: readonly string[],
): number | undefined {
  let best: { index: number; score: number } | undefined
  for (const [index, line] of lines.entries()) {
    const alike = likeness(bigrams(line), anchor)
    if (alike < MIN_LIKENESS) continue
    const score = alike + agreement(lines, index, sought)
    if (best === undefined || score > best.score) best = { index, score }
  }
  return best?.index
}

function agreement(lines: readonly string[], index: number, sought: readonly string[]): number {
  const compared = sought.slice(0, MAX_SHOWN_LINES)
  return compared.filter((line, at) => squeeze(line) === squeeze(lines[index + at] ?? '')).length
}

function squeeze(line: string): string {
  return line.trim().replace(/\s+/g, ' ')
}

function bigrams(line: string): Set<string> {
  const text = squeeze(line).slice(0, MAX_COMPARED)
  const pairs = new Set<string>()
  for (let index = 0; index + 1 < text.length; index += 1) pairs.add(text.slice(index, index + 2))
  if (text.length === 1) pairs.add(text)
  return pairs
}

/** Dice coefficient. */
function likeness(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  if (left.size + right.size === 0) return 0
  let shared = 0
  for (const pair of left) if (right.has(pair)) shared += 1
  return (2 * shared) / (left.size + right.size)
}
