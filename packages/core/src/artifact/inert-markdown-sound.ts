import { indentOf } from './inert-markdown-lists.ts'
import { MAX_LINE_CHARACTERS, type Token, readTokens } from './inert-markdown-tokens.ts'

/**
 * In which text the code spans of lines that stand together are code for every viewer: `lines` if each begins
 * and ends in one line, so that it does not matter where paragraphs begin, else `whole` if all of it is one
 * paragraph for sure. No table, formula or bare address may cut through one. `lost`: a mark of a fence is left
 * over, which may be one in a place we do not know.
 */
export function soundness(lines: readonly string[]): 'lines' | 'whole' | 'none' | 'lost' {
  const apart = judge(lines, isTable(lines))
  if (apart === 'lost') return 'lost'
  if (apart === 'sound') return 'lines'
  if (!isOneParagraph(lines)) return 'none'
  return judge([lines.join('\n')], false) === 'sound' ? 'whole' : 'none'
}

function judge(texts: readonly string[], isTabular: boolean): 'sound' | 'unsound' | 'lost' {
  let isSound = true
  let hasFormula = false
  for (const text of texts) {
    if (!/[`~$]/u.test(text)) continue
    if (text.length > MAX_LINE_CHARACTERS) return 'lost'
    for (const token of readTokens(text, { spans: true })) {
      if (token.kind === 'fence') return 'lost'
      const part = text.slice(token.start, token.end)
      if (isBroken(token, part) || isCut(token, part, { isTabular, hasFormula })) isSound = false
      hasFormula ||= token.kind === 'dollar' || (token.kind === 'kept' && part.includes('$'))
    }
  }
  return isSound ? 'sound' : 'unsound'
}

function isTable(lines: readonly string[]): boolean {
  return lines.some((line) => /^[|:>\s-]*-[|:>\s-]*$/u.test(line) && /[|:]/u.test(line))
}

/** Plain words, perhaps of a list item: nothing that begins a block, a definition or a table. */
function isOneParagraph(lines: readonly string[]): boolean {
  const [first = '', ...rest] = lines
  const words = first.replace(/^ {0,3}(?:[-*+]|\d{1,9}[.)]) {1,4}(?=\S)/u, '')
  return indentOf(first) <= 3 && [words, ...rest].every((line) => BEGINS_WITH_WORD.test(line))
}

const BEGINS_WITH_WORD = /^[ \t]*(?!\d{1,9}[.)])(?:[*_]{0,3}[\p{L}\p{N}]|-{1,2}\p{L}|[`("'])[^|]*$/u

/** A backtick without partner, or one that an address may swallow. */
function isBroken({ kind, isAttached }: Token, text: string): boolean {
  return kind === 'loose' || (isAttached === true && /^\\?`/u.test(text))
}

/** Cells of tables end at a bar unless one backslash stands before it. */
function isCut(
  { kind }: Token,
  code: string,
  by: { readonly isTabular: boolean; readonly hasFormula: boolean },
): boolean {
  if (kind !== 'code') return false
  return (by.isTabular && /(?<!\\)\||\\\\\|/u.test(code)) || (by.hasFormula && code.includes('$'))
}
