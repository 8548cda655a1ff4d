/** Where a quote stands in a file. */
export type QuoteSearch =
  | { readonly found: 'cited' }
  | { readonly found: 'nowhere' }
  | { readonly found: 'once'; readonly line: number }
  /** The first two places. */
  | { readonly found: 'several'; readonly lines: readonly [number, number] }
  /** Looking on would take too long. */
  | { readonly found: 'unknown' }

/** How much more may be read and compared for one document. */
export interface SearchBudget {
  characters: number
}

/** One file of the snapshot, for looking up quotes in it. Blanks around a line do not count. */
export class CitedFile {
  readonly #text: string
  readonly #starts: readonly number[]
  readonly #searched = new Map<string, QuoteSearch>()

  constructor(content: Uint8Array) {
    this.#text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(content)
    this.#starts = lineStarts(this.#text)
  }

  get lineCount(): number {
    return this.#starts.length
  }

  /** A line without the blanks around it. Undefined: there is no such line. */
  line(number: number): string | undefined {
    const start = this.#starts[number - 1]
    if (number < 1 || start === undefined) return undefined
    return this.#text.slice(start, this.#starts[number] ?? this.#text.length).trim()
  }

  /** First the cited lines, then all others. */
  search(
    quote: readonly string[],
    cited: { readonly from: number; readonly to: number },
    budget: SearchBudget,
  ): QuoteSearch {
    const pattern = quote.map(partsOf)
    const last = Math.min(cited.to, cited.from + MAX_RANGE, this.lineCount)
    for (let line = cited.from; line <= last; line += 1) {
      if (budget.characters < 0) return { found: 'unknown' }
      if (this.#matches(pattern, line, budget)) return { found: 'cited' }
    }
    const key = quote.join('\n')
    const known = this.#searched.get(key)
    if (known !== undefined) return known
    const result = this.#searchAll(pattern, budget)
    this.#searched.set(key, result)
    return result
  }

  #searchAll(pattern: readonly (readonly string[])[], budget: SearchBudget): QuoteSearch {
    const anchor = longest(pattern[0] ?? [])
    const lines: number[] = []
    budget.characters -= this.#text.length
    for (let at = this.#text.indexOf(anchor); at !== -1;) {
      if (budget.characters < 0) return { found: 'unknown' }
      const line = this.#lineAt(at)
      if (this.#matches(pattern, line, budget)) lines.push(line)
      if (lines[0] !== undefined && lines[1] !== undefined) {
        return { found: 'several', lines: [lines[0], lines[1]] }
      }
      const next = this.#starts[line]
      at = next === undefined ? -1 : this.#text.indexOf(anchor, next)
    }
    return lines[0] === undefined ? { found: 'nowhere' } : { found: 'once', line: lines[0] }
  }

  #matches(pattern: readonly (readonly string[])[], first: number, budget: SearchBudget): boolean {
    return pattern.every((parts, index) => {
      const line = this.line(first + index)
      budget.characters -= (line?.length ?? 0) + 1
      return line !== undefined && holdsInOrder(line, parts)
    })
  }

  #lineAt(offset: number): number {
    let low = 0
    let high = this.#starts.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? Infinity) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}

const MAX_RANGE = 1000

/** What wave and writers leave out of a quote. */
const LEFT_OUT = /…|<redacted>|<e-mail>|<credentials>/u

/** A quoted line as pieces that must stand in the line in this order. */
function partsOf(line: string): readonly string[] {
  const parts = line.split(LEFT_OUT).map((part) => part.trim())
  return parts.filter((part) => part !== '')
}

function holdsInOrder(line: string, parts: readonly string[]): boolean {
  // An empty line of a quote stands for an empty line.
  if (parts.length === 0) return line === ''
  let at = 0
  for (const part of parts) {
    const found = line.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return true
}

function longest(parts: readonly string[]): string {
  return parts.reduce((best, part) => (part.length > best.length ? part : best), '')
}

function lineStarts(text: string): readonly number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  // What ends with a line feed has no line behind it.
  if (starts.at(-1) === text.length) starts.pop()
  return starts
}
