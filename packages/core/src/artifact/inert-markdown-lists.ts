/** Columns of blank space in front; tabs reach to the next multiple of four. */
export function indentOf(line: string): number {
  let columns = 0
  for (const character of line) {
    if (character === ' ') columns += 1
    else if (character === '\t') columns += 4 - (columns % 4)
    else return columns
  }
  return 0
}

/** Begins, for some viewer, something that indented lines can belong to: a list, a footnote, a note. */
export function looksLikeItem(line: string): boolean {
  return /^[\s>]*(?:[-*+]|\d{1,9}[.)]|\[\^|\[.{0,1000}\]\\?:|[:~]\s|!!!|\?\?\?|===)/u.test(line)
}

/** The list items that a line is certainly within, by the column where their text begins. */
export class ListItems {
  readonly #columns: number[] = []

  /** Takes note of a line that is not empty. Tells whether it begins an item for sure; undefined: it begins none. */
  enter(line: string, isAfterBlank: boolean): 'sure' | 'unsure' | undefined {
    const indent = indentOf(line)
    const left = this.#leave(indent)
    const [marks, number] = /^ *(?:[-*+]|(\d{1,9})[.)]) {1,4}(?=\S)/u.exec(line) ?? []
    if (marks === undefined || isRule(line)) return undefined
    // A number other than 1 does not interrupt a paragraph.
    const interrupts = number === undefined || Number(number) === 1
    const isSure = interrupts || isAfterBlank || left
    if (!isSure || indent - (this.#columns.at(-1) ?? 0) > 3) return 'unsure'
    this.#columns.push(marks.length)
    return 'sure'
  }

  holds(indent: number): boolean {
    const within = this.#columns.at(-1)
    return within !== undefined && indent >= within && indent - within <= 3
  }

  #leave(indent: number): boolean {
    const before = this.#columns.length
    while ((this.#columns.at(-1) ?? 0) > indent) this.#columns.pop()
    return this.#columns.length < before
  }
}

function isRule(line: string): boolean {
  return /^\s*([-*_])(?:\s*\1){2,}\s*$/u.test(line)
}
