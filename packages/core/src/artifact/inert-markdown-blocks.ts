import { soundness } from './inert-markdown-sound.ts'
import { indentOf, ListItems, looksLikeItem } from './inert-markdown-lists.ts'
import { type Fence, readFence } from './inert-markdown-fences.ts'

/** Lines `from` to before `to`. `spans`: in which of its texts code spans are code for every viewer. */
export type Piece =
  | { readonly kind: 'fenced' | 'indented'; readonly from: number; readonly to: number }
  | {
      readonly kind: 'text'
      readonly from: number
      readonly to: number
      readonly spans: 'lines' | 'whole' | 'none'
    }

/**
 * Splits a document into text and into blocks that are code for every viewer: those of CommonMark, of
 * code hosts (tables, footnotes) and of editors (front matter, formulas). After a place from which on they
 * could disagree about what is code, nothing is taken for it any more.
 */
export function readPieces(lines: readonly string[]): readonly Piece[] {
  return new PieceReader(lines).read()
}

class PieceReader {
  readonly #lines: readonly string[]
  readonly #pieces: Piece[] = []
  readonly #items = new ListItems()
  #at = 0
  /** Where the text begins that is being read: lines without an empty one between. */
  #textFrom = 0
  /** A fence in it may be none. */
  #isDoubtful = false
  #isAfterBlank = true
  /** Indented lines may belong to a list or a footnote. */
  #isWithinItem = false
  #isInFormula = false
  #isLost: boolean

  constructor(lines: readonly string[]) {
    this.#lines = lines
    this.#isLost = hidesCode(lines)
  }

  read(): readonly Piece[] {
    while (this.#at < this.#lines.length) this.#readLine(this.#lines[this.#at] ?? '')
    this.#endText()
    return this.#pieces
  }

  #readLine(line: string): void {
    if (/^[ \t]*$/u.test(line)) {
      this.#endText()
      this.#at += 1
      this.#textFrom = this.#at
      this.#isAfterBlank = true
      return
    }
    if (this.#isAfterBlank && indentOf(line) === 0) this.#isWithinItem = false
    if (!this.#isLost && this.#isIndentedCode(line)) return this.#takeIndented()
    const item = this.#items.enter(line, this.#isAfterBlank)
    const fence = this.#isLost ? undefined : readFence(this.#lines, this.#at)
    if (fence !== undefined) return this.#takeFence(fence, item)
    if (looksLikeItem(line)) this.#isWithinItem = true
    if (beginsFormula(line)) this.#isInFormula = true
    this.#takeText(1)
  }

  #takeText(count: number): void {
    this.#at += count
    this.#isAfterBlank = false
  }

  #isIndentedCode(line: string): boolean {
    return this.#isAfterBlank && !this.#isWithinItem && indentOf(line) >= 4
  }

  #takeIndented(): void {
    const from = this.#at
    while (indentOf(this.#lines[this.#at] ?? '') >= 4) this.#at += 1
    this.#take('indented', from)
  }

  #takeFence(fence: Fence | 'unclear', item: 'sure' | 'unsure' | undefined): void {
    if (fence === 'unclear' || this.#isInFormula || !this.#checkText()) {
      this.#isLost = true
      return this.#takeText(1)
    }
    if (fence.startsItem) this.#isWithinItem = true
    if (!this.#isSure(fence, item)) return this.#takeDoubtful(fence.to)
    this.#endText()
    const from = this.#at
    this.#at = fence.to
    this.#take('fenced', from)
  }

  /** Its lines may belong to the paragraph before, then with what follows. */
  #takeDoubtful(to: number): void {
    this.#isDoubtful = true
    this.#endText()
    this.#pieces.push({ kind: 'text', from: this.#at, to, spans: 'none' })
    this.#isDoubtful = true
    this.#at = to
    this.#textFrom = to
    this.#isAfterBlank = false
  }

  /** Otherwise it could be the end of a paragraph. */
  #isSure({ indent, isQuoted, startsItem }: Fence, item: 'sure' | 'unsure' | undefined): boolean {
    if (startsItem) return item === 'sure' && !isQuoted
    if (indent <= 3) return true
    return !isQuoted && (this.#isAfterBlank || this.#items.holds(indent))
  }

  #take(kind: 'fenced' | 'indented', from: number): void {
    this.#pieces.push({ kind, from, to: this.#at })
    this.#textFrom = this.#at
    // What follows a block of code begins anew.
    this.#isAfterBlank = kind === 'fenced'
  }

  /** False: from here on viewers may see a block of code where others see none. */
  #checkText(): boolean {
    if (this.#textFrom === this.#at) return true
    return soundness(this.#lines.slice(this.#textFrom, this.#at)) !== 'lost'
  }

  #endText(): void {
    const [from, to] = [this.#textFrom, this.#at]
    if (from < to) {
      const found = this.#isLost ? 'lost' : soundness(this.#lines.slice(from, to))
      if (found === 'lost') this.#isLost = true
      const spans = found === 'lost' || this.#isDoubtful ? 'none' : found
      this.#pieces.push({ kind: 'text', from, to, spans })
    }
    this.#textFrom = to
    this.#isDoubtful = false
  }
}

/** Editors take no Markdown from front matter, others do: code that begins in it ends elsewhere for them. */
function hidesCode(lines: readonly string[]): boolean {
  const mark = /^(-{3}|\+{3}|;{3})[ \t]*\w*[ \t]*$/u.exec(lines[0] ?? '')?.[1]
  if (mark === undefined) return false
  const end = lines.findIndex((line, at) => at > 0 && line.startsWith(mark))
  // Some are confused by one that never ends, too.
  return lines.slice(0, end === -1 ? undefined : end).some((line) => /`|~~~|\$\$|!\[/u.test(line))
}

/** Editors take the lines up to the next such mark for a formula. */
function beginsFormula(line: string): boolean {
  const [, formula] = /^[\s>*+-]*(?:\d+[.)]\s+)?\$\$(.*)$/u.exec(line) ?? []
  return formula !== undefined && !/^[^$]+\$\$\s*$/u.test(formula)
}
