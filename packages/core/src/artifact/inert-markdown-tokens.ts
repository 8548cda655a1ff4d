/**
 * What of a line matters to a viewer, in order. `loose` are backticks without partner; `fence` are marks
 * that could open a block; `kept` are links that stay.
 */
export interface Token {
  readonly kind:
    | 'html'
    | 'image'
    | 'link'
    | 'fence'
    | 'code'
    | 'loose'
    | 'dollar'
    | 'escape'
    | 'kept'
  readonly start: number
  readonly end: number
  /** What stands there instead. */
  readonly shown?: string
  /** It touches a bare address, which some viewers take to go on over backslashes and backticks. */
  readonly isAttached?: boolean
}

/** Longer lines are not read for tokens. */
export const MAX_LINE_CHARACTERS = 50_000

/** Reads a line from left to right, once. `spans: false` takes nothing for code. */
export function readTokens(line: string, { spans }: { readonly spans: boolean }): readonly Token[] {
  const reader = new TokenReader(line, spans)
  return reader.read()
}

const MARK = /\\[!-/:-@[-`{-~]|`+|~{3,}|<|!\[|\]\(|\]:|\$|:\/\/|www\./giu

/** Without brackets, backticks, angles and backslashes: what it holds is text, should it be no link. */
const LINK =
  /\]\([ \t]*(?:<([^<>[\]`\\\n]{0,2000})>|((?:[^\s<>()[\]`\\]|\([^\s<>()[\]`\\]{0,500}\)){0,2000}))(?:[ \t]+("[^"<[\]`\\]{0,500}"|'[^'<[\]`\\]{0,500}'))?[ \t]*\)/uy
const IMAGE = /!\[([^[\]`<\\]{0,1000})(?=\]\()/uy
const AUTOLINK =
  /<(?:(?:https?:\/\/|mailto:)[^\s<>`"'\\[\]]*|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})>/iuy
const DEFINITION = /\]:[ \t]*(?:<[^<>]*>|[^ \t]*)[ \t]*(?:["'(]|$)/uy
/** Footnotes can begin with a definition. */
const BEFORE_NAME_ENDS = /^(?:[^[\]\\]*\[\^[^[\]\\]*\]:)*(?:[^\]\\]|\\.?)*/u

class TokenReader {
  readonly #line: string
  readonly #spans: boolean
  readonly #tokens: Token[] = []
  #at = 0
  /** Where the bare address ends that was seen last. */
  #addressEnd = -1
  #ticks: ReadonlyMap<number, number> | undefined
  #firstBracket: number | undefined

  constructor(line: string, spans: boolean) {
    this.#line = line
    this.#spans = spans
  }

  read(): readonly Token[] {
    for (;;) {
      MARK.lastIndex = this.#at
      const found = MARK.exec(this.#line)
      if (found === null) return this.#tokens
      this.#at = found.index + found[0].length
      this.#take(found[0], found.index)
    }
  }

  #take(mark: string, start: number): void {
    if (mark.startsWith('\\')) this.#escape(mark, start)
    else if (mark.startsWith('`')) this.#tick(mark, start)
    else if (mark === '<') this.#angle(start)
    else if (mark === '![') this.#image(start)
    else if (mark === '](') this.#link(start)
    else if (mark === ']:') this.#definition(start)
    else if (mark === '$') this.#add('dollar', start, this.#at)
    else if (mark.startsWith('~')) this.#add('fence', start, this.#at)
    else this.#address(start)
  }

  #add(kind: Token['kind'], start: number, end: number, shown?: string): void {
    const isAttached = start <= this.#addressEnd
    this.#tokens.push({ kind, start, end, isAttached, ...(shown !== undefined && { shown }) })
    this.#at = end
  }

  #address(start: number): void {
    if (start <= this.#addressEnd) return
    const length = this.#line.slice(start).search(/\s/u)
    this.#addressEnd = length === -1 ? this.#line.length : start + length
  }

  /** An address that goes on over the backslash leaves nothing escaped. */
  #escape(mark: string, start: number): void {
    const isAttached = start <= this.#addressEnd
    if (isAttached && mark === '\\<' && isTag(this.#line, start + 1)) {
      this.#add('html', start, this.#at, '&lt;')
    } else if (isAttached && mark === '\\!' && this.#line[start + 2] === '[') {
      this.#add('image', start, start + 3, String.raw`\!\[`)
    } else this.#add('escape', start, this.#at)
  }

  #tick(mark: string, start: number): void {
    const close = this.#spans ? this.#closing(start) : undefined
    if (close !== undefined) this.#add('code', start, close + mark.length)
    else this.#add(mark.length > 2 ? 'fence' : 'loose', start, this.#at)
  }

  /** Where the next run of as many backticks begins. */
  #closing(start: number): number | undefined {
    this.#ticks ??= nextOfSameLength(this.#line)
    return this.#ticks.get(start)
  }

  #angle(start: number): void {
    const link = match(AUTOLINK, this.#line, start)
    if (link !== undefined) {
      this.#address(start)
      this.#add('kept', start, start + link[0].length)
    } else if (isTag(this.#line, start)) this.#add('html', start, this.#at, '&lt;')
  }

  #image(start: number): void {
    const [, alt = ''] = match(IMAGE, this.#line, start) ?? []
    const link = match(LINK, this.#line, start + 2 + alt.length)
    const address = link?.[1] ?? link?.[2] ?? '$'
    if (link === undefined || /[|$\s]/u.test(address)) {
      this.#add('image', start, start + 2, String.raw`!\[`)
      return
    }
    // At the start of a line other first characters could make a list, a heading or a fence.
    const name = /^\p{L}/u.test(alt) ? alt : `image ${alt}`.trimEnd()
    const shown = address === '' ? name : `${name} (\`${address}\`)`
    this.#add('image', start, start + 2 + alt.length + link[0].length, shown)
  }

  #link(start: number): void {
    const link = match(LINK, this.#line, start)
    if (link === undefined) {
      this.#add('link', start, start + 2, String.raw`]\(`)
      return
    }
    const [whole, quoted, plain = '', title] = link
    if (!isSafe(quoted ?? plain)) this.#add('link', start, start + 2, String.raw`]\(`)
    else {
      if (/:\/\/|www\./iu.test(whole)) this.#address(start)
      this.#keep(start, start + whole.length, quoted, title)
    }
  }

  /** An address in angles would be a tag, should there be no link. */
  #keep(start: number, end: number, quoted: string | undefined, title: string | undefined): void {
    if (quoted === undefined) {
      this.#add('kept', start, end)
      return
    }
    const address = quoted.replaceAll(/[\s()]/gu, (mark) =>
      encodeURIComponent(mark).replace('(', '%28').replace(')', '%29'),
    )
    this.#add('kept', start, end, `](${address}${title === undefined ? '' : ` ${title}`})`)
  }

  /** Only the first bracket of a line can end the name of a definition. */
  #definition(start: number): void {
    this.#firstBracket ??= BEFORE_NAME_ENDS.exec(this.#line)?.[0].length ?? 0
    if (start > this.#firstBracket) return
    const found = match(DEFINITION, this.#line, start)
    if (found === undefined) return
    const address = found[0].slice(2).replaceAll(/^[ \t]+|[ \t]+$/gu, '')
    const isBelow = address === ''
    if (isBelow || !isSafe(address.replace(/^</u, ''))) {
      this.#add('link', start, start + 2, String.raw`]\:`)
    }
  }
}

/** http, https, mailto, or relative to the document; a name of another machine is neither. */
function isSafe(address: string): boolean {
  if (/^(?:https?:\/\/|mailto:)/iu.test(address)) return true
  if (/^[/\\]{2}|^[\\/]\\/u.test(address)) return false
  const first = /^[^/?#]*/u.exec(address)?.[0] ?? ''
  return !/[:&\\]|%3a/iu.test(first)
}

function isTag(line: string, at: number): boolean {
  return /[a-z/!?]/iu.test(line[at + 1] ?? '')
}

function match(pattern: RegExp, line: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(line) ?? undefined
}

function nextOfSameLength(line: string): ReadonlyMap<number, number> {
  const runs = Array.from(line.matchAll(/`+/gu))
  const next = new Map<number, number>()
  const seen = new Map<number, number>()
  for (const run of runs.toReversed()) {
    const later = seen.get(run[0].length)
    if (later !== undefined) next.set(run.index, later)
    seen.set(run[0].length, run.index)
  }
  return next
}
