import { withoutCode } from '../markdown/markdown-lines.ts'
import type { MarkdownLine } from '../markdown/markdown-lines.ts'

/** A sentence of a document, as plain text: without code, links' targets and emphasis. */
export interface Sentence {
  /** Where it begins. */
  readonly line: number
  readonly text: string
}

/** The sentences of the prose; a heading, an item and a cell of a table end one. Fenced code has none. */
export function readSentences(lines: readonly MarkdownLine[]): readonly Sentence[] {
  return readBlocks(lines).flatMap(splitBlock)
}

/** Lines that belong together, already plain. */
type Block = readonly { readonly line: number; readonly text: string }[]

function readBlocks(lines: readonly MarkdownLine[]): readonly Block[] {
  const blocks: { line: number; text: string }[][] = []
  let open: { line: number; text: string }[] | undefined
  for (const { kind, text, number } of lines) {
    const isProse = kind === 'text' || kind === 'heading'
    if (!isProse || text.trim() === '') {
      open = undefined
      continue
    }
    if (text.trimStart().startsWith('|')) {
      for (const cell of plainText(text).split('|')) blocks.push([{ line: number, text: cell }])
      open = undefined
      continue
    }
    const begins = kind === 'heading' || /^\s*(?:[-*+>]|\d{1,9}[.)])\s/u.test(text)
    if (open === undefined || begins) {
      open = []
      blocks.push(open)
    }
    open.push({ line: number, text: plainText(text) })
    if (kind === 'heading') open = undefined
  }
  return blocks
}

/** What a reader sees, with quoted code as an empty pair of quotes. */
function plainText(text: string): string {
  return withoutCode(text, '``')
    .replace(/^\s*(?:[-*+>]|#{1,6}|\d{1,9}[.)])\s/u, '')
    .replaceAll(/\]\([^()\s]{0,1000}\)/gu, ']')
    .replaceAll(/[*~[\]]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '')
    .replaceAll(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
    .replaceAll('\u2019', "'")
    .replaceAll(/\s+/gu, ' ')
    .trim()
}

function splitBlock(block: Block): readonly Sentence[] {
  const sentences: Sentence[] = []
  let parts: string[] = []
  let began = block[0]?.line ?? 1
  const close = (next: number): void => {
    const text = parts.join(' ').trim()
    if (text !== '') sentences.push({ line: began, text })
    parts = []
    began = next
  }
  for (const { line, text } of block) {
    if (parts.length === 0) began = line
    let at = 0
    for (const end of sentenceEnds(text)) {
      parts.push(text.slice(at, end))
      close(line)
      at = end
    }
    parts.push(text.slice(at))
  }
  close(0)
  return sentences
}

/** Behind each mark that ends a sentence within the line. */
function sentenceEnds(text: string): readonly number[] {
  const ends: number[] = []
  for (const match of text.matchAll(/[.!?]+/gu)) {
    let end = match.index + match[0].length
    while (/["')]/u.test(text[end] ?? '') && end < match.index + match[0].length + MAX_CLOSERS) {
      end += 1
    }
    const isLast = end >= text.length || /\s/u.test(text[end] ?? '')
    if (isLast && !isAbbreviation(text, match.index)) ends.push(end)
  }
  return ends
}

const MAX_CLOSERS = 4

/** `e.g.`, `Dr.` and the letter of a first name end no sentence. */
function isAbbreviation(text: string, dot: number): boolean {
  const word = /[\p{L}.]{1,6}$/u.exec(text.slice(Math.max(0, dot - 6), dot))?.[0] ?? ''
  if (word.length === 1 && /\p{Lu}/u.test(word)) return word !== 'I'
  return ['e.g', 'i.e', 'vs', 'cf', 'dr', 'mr', 'mrs', 'ms', 'approx'].includes(word.toLowerCase())
}
