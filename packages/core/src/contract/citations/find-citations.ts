import { parsePlace } from './citation-place.ts'
import type { Place } from './citation-place.ts'
import { codeSpans, readMarkdown } from '../markdown/markdown-lines.ts'
import type { CodeSpan, MarkdownLine } from '../markdown/markdown-lines.ts'
import { quoteBehind, quoteBelow } from './citation-quotes.ts'

/** A place that a document names, with the text that it claims to stand there. */
export interface Citation extends Place {
  /** Line of the document. */
  readonly at: number
  readonly written: string
  /** What is quoted, line by line. Several when it is not clear where the quote ends; empty: none is. */
  readonly quotes: readonly (readonly string[])[]
}

/**
 * The citations of a document, at most `max` and one more. They stand in quoted code, as targets or
 * texts of links, or bare in the prose; fenced code holds none, it only can be the quote of the
 * citation above it. `isPath` tells paths from times, ports and versions.
 */
export function findCitations(
  markdown: string,
  isPath: (path: string) => boolean,
  max: number,
): readonly Citation[] {
  const lines = readMarkdown(markdown)
  const found: Citation[] = []
  for (const [index, line] of lines.entries()) {
    if (line.kind !== 'text' && line.kind !== 'heading') continue
    for (const token of tokensOf(line)) {
      const place = parsePlace(token.text)
      if (place === undefined || !isPath(place.path)) continue
      const quotes = quotesOf(lines, index, token, isPath)
      found.push({ ...place, at: line.number, written: token.text, quotes })
      if (found.length > max) return found
    }
  }
  return found
}

/** A text that may be a citation, and where it stands in its line. */
interface Token {
  readonly text: string
  readonly end: number
}

function tokensOf({ text }: MarkdownLine): readonly Token[] {
  if (!/[:#][L\d]/u.test(text)) return []
  const spans = codeSpans(text)
  const links = linksOf(text, spans)
  const inLink = within(links)
  const free = spans.filter(({ start }) => !inLink(start))
  const prose = blank(
    text,
    [...free, ...links].toSorted((a, b) => a.start - b.start),
  )
  const bare = Array.from(prose.matchAll(/[^\s`()<>[\]{}"'“”|,;*]+/gu), (match): Token => {
    const word = match[0].length > MAX_WORD ? '' : match[0].replace(/[.:!?]{1,8}$/u, '')
    return { text: word, end: match.index + word.length }
  })
  const coded = free.map(({ content, end }) => ({ text: content.trim(), end }))
  return [...bare, ...coded, ...links].toSorted((a, b) => a.end - b.end)
}

const MAX_WORD = 1100

interface Range {
  readonly start: number
  readonly end: number
}

/** A link counts once: for its target, or else for its text. */
function linksOf(text: string, spans: readonly CodeSpan[]): readonly (Token & Range)[] {
  if (!text.includes('](')) return []
  const inCode = within(spans)
  return Array.from(text.matchAll(/\[([^[\]]{0,1100})\]\(([^()\s]{1,1100})\)/gu)).flatMap(
    (match) => {
      const [whole, label = '', target = ''] = match
      const start = match.index
      if (inCode(start)) return []
      const plain = label.replaceAll('`', '').trim()
      const chosen = parsePlace(target) === undefined ? plain : target
      return [{ text: chosen, start, end: start + whole.length }]
    },
  )
}

/** Whether a position lies in one of these ranges. Asked in rising order. */
function within(ranges: readonly Range[]): (position: number) => boolean {
  let at = 0
  return (position) => {
    while ((ranges[at]?.end ?? Infinity) <= position) at += 1
    return (ranges[at]?.start ?? Infinity) <= position
  }
}

function blank(text: string, ranges: readonly Range[]): string {
  const parts: string[] = []
  let at = 0
  for (const { start, end } of ranges) {
    if (start < at) continue
    parts.push(text.slice(at, start), ' '.repeat(end - start))
    at = end
  }
  return parts.join('') + text.slice(at)
}

function quotesOf(
  lines: readonly MarkdownLine[],
  index: number,
  token: Token,
  isPath: (path: string) => boolean,
): readonly (readonly string[])[] {
  const text = lines[index]?.text ?? ''
  const behind = quoteBehind(text, token.end)
  const isOther = behind.some((quote) => {
    const place = parsePlace(quote)
    return place !== undefined && isPath(place.path)
  })
  if (isOther) return []
  if (behind.length > 0) return behind.map((quote) => [quote])
  const below = quoteBelow(lines, index, token.end)
  return below.length > 0 ? [below] : []
}
