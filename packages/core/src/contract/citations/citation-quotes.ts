import { codeSpans } from '../markdown/markdown-lines.ts'
import type { MarkdownLine } from '../markdown/markdown-lines.ts'

/**
 * What is quoted on the same line, right behind a citation: `code` behind blanks, a colon, a dash or an
 * arrow, or a text in double quotes. Two when the end of the quotes is not clear.
 */
export function quoteBehind(text: string, end: number): readonly string[] {
  const window = text.slice(end, end + MAX_GAP)
  const [gap = ''] = /^[`)\]*]{0,4}\s{0,4}(?:[:—–=-]{0,2}>?)\s{0,4}/u.exec(window) ?? []
  const rest = text.slice(end + gap.length, end + gap.length + MAX_QUOTE)
  if (rest.startsWith('`')) return fromCode(text, rest)
  const [, mark] = /^(["“])/u.exec(rest) ?? []
  return mark === undefined ? [] : fromMarks(rest.slice(1), mark === '"' ? '"' : '”')
}

/** The fenced code or the block quote that a citation at the end of its line introduces. */
export function quoteBelow(
  lines: readonly MarkdownLine[],
  index: number,
  end: number,
): readonly string[] {
  const text = lines[index]?.text ?? ''
  const rest = text.slice(end, end + MAX_GAP + 1)
  if (!/^[`)\]*]{0,4}:?[`)\]*]{0,4}\s*$/u.test(rest) || text.trimStart().startsWith('|')) return []
  const start = lines[index + 1]?.text.trim() === '' ? index + 2 : index + 1
  const first = lines[start]
  if (first?.kind === 'fence') return isOutput(first.text) ? [] : fenced(lines, start + 1)
  return first?.text.trimStart().startsWith('>') === true ? blockQuote(lines, start) : []
}

const MAX_GAP = 16
const MAX_QUOTE = 4000
const MAX_LINES = 200

function fromCode(text: string, rest: string): readonly string[] {
  const [span] = codeSpans(rest)
  if (span?.start !== 0) return []
  // In a table a bar has to be escaped, also in code.
  const isCell = text.trimStart().startsWith('|')
  return [isCell ? span.content.replaceAll('\\|', '|') : span.content]
}

function fromMarks(rest: string, mark: string): readonly string[] {
  const first = rest.indexOf(mark)
  const last = rest.lastIndexOf(mark)
  if (first <= 0) return []
  return first === last ? [rest.slice(0, first)] : [rest.slice(0, first), rest.slice(0, last)]
}

/** Code of these languages shows a change or what a program printed, not lines of a file. */
function isOutput(fence: string): boolean {
  const language = /^[ \t]*[`~]{3,}\s*([\w-]*)/u.exec(fence)?.[1]?.toLowerCase() ?? ''
  return ['diff', 'patch', 'console', 'shell-session', 'log', 'output'].includes(language)
}

function fenced(lines: readonly MarkdownLine[], start: number): readonly string[] {
  const quote: string[] = []
  for (let at = start; lines[at]?.kind === 'code' && quote.length <= MAX_LINES; at += 1) {
    quote.push(lines[at]?.text ?? '')
  }
  return withoutNumbers(quote)
}

function blockQuote(lines: readonly MarkdownLine[], start: number): readonly string[] {
  const quote: string[] = []
  for (let at = start; quote.length <= MAX_LINES; at += 1) {
    const [, text] = /^\s*>\s?(.*)$/u.exec(lines[at]?.text ?? '') ?? []
    if (text === undefined) break
    const [span] = codeSpans(text)
    quote.push(
      span !== undefined && span.end - span.start === text.trim().length ? span.content : text,
    )
  }
  return withoutNumbers(quote)
}

/** Lines are often shown behind their numbers: `12 | code`. */
function withoutNumbers(quote: readonly string[]): readonly string[] {
  const filled = quote.filter((text) => text.trim() !== '')
  const numbered = /^\s*[>+]?\s*\d{1,7}\s*(?:[|│:]|\t)/u
  if (filled.length === 0 || !filled.every((text) => numbered.test(text))) return quote
  return quote.map((text) => text.replace(numbered, ''))
}
