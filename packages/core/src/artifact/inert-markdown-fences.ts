import { indentOf } from './inert-markdown-lists.ts'

/** A block of code between fences, if it is one. */
export interface Fence {
  /** The line behind it. */
  readonly to: number
  /** Columns in front of the marks, within the quote that holds it. */
  readonly indent: number
  readonly isQuoted: boolean
  /** It stands behind the mark of a list item. */
  readonly startsItem: boolean
}

const QUOTE = /^ {0,3}>(?: {0,3}>)* ?/u
const OPENING = /^([ \t]*)((?:[-*+]|\d{1,9}[.)]) {1,4})?(`{3,}|~{3,})(.*)$/u

/**
 * The block that begins in this line. Where it ends depends on the lists around it; `unclear`: it is laid out
 * so that viewers can differ about that. Undefined: no fence.
 */
export function readFence(lines: readonly string[], from: number): Fence | 'unclear' | undefined {
  const opening = readOpening(lines[from] ?? '')
  if (opening === undefined || opening === 'unclear') return opening
  const to = endOf(lines, from, opening)
  if (to === undefined) return 'unclear'
  const { indent, quote, startsItem } = opening
  return { to, indent, isQuoted: quote !== undefined, startsItem }
}

interface Opening extends Pick<Fence, 'indent' | 'startsItem'> {
  readonly ticks: string
  readonly quote: Quote | undefined
}

function readOpening(line: string): Opening | 'unclear' | undefined {
  const marks = QUOTE.exec(line)?.[0] ?? ''
  const found = OPENING.exec(line.slice(marks.length))
  if (found === null) return undefined
  const [, blank = '', item = '', ticks = '', info = ''] = found
  if (ticks.startsWith('`') && info.includes('`')) return undefined
  // Where a tab leads depends on the column it stands in.
  if (blank.includes('\t') && marks + item !== '') return 'unclear'
  const indent = indentOf(`${blank}x`) + item.length
  return { indent, startsItem: item !== '', ticks, quote: Quote.of(marks) }
}

/** The line behind the block; undefined: viewers can differ. */
function endOf(
  lines: readonly string[],
  from: number,
  { indent, ticks, quote }: Opening,
): number | undefined {
  for (let at = from + 1; at < lines.length; at += 1) {
    const whole = lines[at] ?? ''
    const line = quote === undefined ? { text: whole } : quote.strip(whole)
    if (line === 'outside') return at
    const is = line === 'unclear' ? line : judge(line.text, indent, ticks)
    if (is === 'unclear') return undefined
    if (is === 'closing') return at + 1
  }
  return lines.length
}

function judge(line: string, indent: number, ticks: string): 'code' | 'closing' | 'unclear' {
  if (/^[ \t]*$/u.test(line)) return 'code'
  const columns = indentOf(line)
  if (columns < indent) return 'unclear'
  if (!closes(line, ticks)) return 'code'
  if (columns === indent || (indent === 0 && columns <= 3)) return 'closing'
  return columns <= indent + 3 ? 'unclear' : 'code'
}

function closes(line: string, ticks: string): boolean {
  const [, mark = ''] = /^[ \t]*(`+|~+)[ \t]*$/u.exec(line) ?? []
  return mark.startsWith(ticks)
}

/** The marks of a quote, which each line of a block in it must have. */
class Quote {
  readonly #first: number
  readonly #depth: number

  /** Undefined: there is no quote. */
  static of(marks: string): Quote | undefined {
    return marks === '' ? undefined : new Quote(marks)
  }

  private constructor(marks: string) {
    this.#first = indentOf(marks)
    this.#depth = marks.split('>').length - 1
  }

  strip(line: string): { readonly text: string } | 'outside' | 'unclear' {
    let rest = line
    for (let depth = 0; depth < this.#depth; depth += 1) {
      const mark = /^ {0,3}> ?/u.exec(rest)?.[0]
      if (mark === undefined) return depth === 0 ? 'outside' : 'unclear'
      rest = rest.slice(mark.length)
    }
    return indentOf(line) === this.#first ? { text: rest } : 'unclear'
  }
}
