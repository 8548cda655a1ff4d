/** A part of a text: from the first character up to, but without, `end`. */
interface Region {
  readonly start: number
  readonly end: number
}

/**
 * The outermost regions of a text that have the form of a JSON object, in order. An object inside one
 * that has not that form is not found: it would be a part of an answer taken for the whole.
 *
 * Reads every character at most a few times, whatever the text: a region is given up at the first token
 * that cannot be JSON, and reading goes on there.
 */
export function objectRegions(text: string): readonly Region[] {
  const regions: Region[] = []
  let start = text.indexOf('{')
  while (start !== -1) {
    const scanner = new ObjectScanner(text, start)
    if (scanner.run()) regions.push({ start, end: scanner.at })
    start = text.indexOf('{', scanner.at)
  }
  return regions
}

type Token = '{' | '}' | '[' | ']' | ':' | ',' | 'string' | 'scalar' | 'none'
type State = 'key-or-end' | 'key' | 'colon' | 'value' | 'value-or-end' | 'after'

const VALUE = { '{': 'open', '[': 'open', string: 'after', scalar: 'after' } as const

/** What follows a token. Missing: it cannot stand there. */
const NEXT: Readonly<Record<State, Partial<Record<Token, State | 'open' | 'close' | 'more'>>>> = {
  'key-or-end': { string: 'colon', '}': 'close' },
  key: { string: 'colon' },
  colon: { ':': 'value' },
  value: VALUE,
  'value-or-end': { ...VALUE, ']': 'close' },
  after: { ',': 'more', '}': 'close', ']': 'close' },
}

class ObjectScanner {
  /** Behind the region; or, when it is none, where to go on. */
  at: number
  readonly #text: string
  readonly #open: ('{' | '[')[] = ['{']
  #state: State = 'key-or-end'
  #token: Token = 'none'
  #tokenStart = 0

  constructor(text: string, start: number) {
    this.#text = text
    this.at = start + 1
  }

  /** Whether the region is an object. */
  run(): boolean {
    while (this.#open.length > 0) {
      const before = this.#token
      const stringStart = this.#tokenStart
      this.#token = this.#read()
      if (this.#advance()) continue
      // What looked like a string may have been prose around an object.
      this.at = before === 'string' ? stringStart + 1 : this.#tokenStart
      return false
    }
    return true
  }

  #advance(): boolean {
    const next = NEXT[this.#state][this.#token]
    if (next === undefined) return false
    if (next === 'open') return this.#enter(this.#token === '{' ? '{' : '[')
    if (next === 'close') return this.#leave(this.#token === '}' ? '{' : '[')
    this.#state = next === 'more' ? this.#afterComma() : next
    return true
  }

  #enter(bracket: '{' | '['): true {
    this.#open.push(bracket)
    this.#state = bracket === '{' ? 'key-or-end' : 'value-or-end'
    return true
  }

  #leave(bracket: '{' | '['): boolean {
    this.#state = 'after'
    return this.#open.pop() === bracket
  }

  #afterComma(): State {
    return this.#open.at(-1) === '{' ? 'key' : 'value'
  }

  #read(): Token {
    const text = this.#text
    while (isSpace(text[this.at])) this.at += 1
    this.#tokenStart = this.at
    const mark = text[this.at]
    if (mark === '"') return this.#readString()
    if (isBracketOrComma(mark)) {
      this.at += 1
      return mark
    }
    while (isScalar(text.charCodeAt(this.at))) this.at += 1
    return this.at > this.#tokenStart ? 'scalar' : 'none'
  }

  /** JSON strings end on their line; one that does not is none. */
  #readString(): Token {
    const text = this.#text
    let at = this.at + 1
    while (text[at] !== '"') {
      if (at >= text.length || text[at] === '\n') {
        this.#tokenStart += 1
        return 'none'
      }
      at += text[at] === '\\' ? 2 : 1
    }
    this.at = at + 1
    return 'string'
  }
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\n' || character === '\t' || character === '\r'
}

function isBracketOrComma(
  mark: string | undefined,
): mark is Exclude<Token, 'string' | 'scalar' | 'none'> {
  return mark !== undefined && '{}[]:,'.includes(mark)
}

/** Letters, digits, `+`, `-` and `.`: numbers and the three words. Whether they are right, a parser will say. */
function isScalar(code: number): boolean {
  if (code >= 0x30 && code <= 0x39) return true
  if ((code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)) return true
  return code === 0x2b || code === 0x2d || code === 0x2e
}
