/** One line of a Markdown document. Comments in it are blanked. */
export interface MarkdownLine {
  /** From 1. */
  readonly number: number
  readonly text: string
  /** `fence`: the mark that begins or ends fenced code. `rule`: the line under an underlined heading. */
  readonly kind: 'text' | 'heading' | 'code' | 'fence' | 'rule'
  /** 1 to 6 for a heading, else 0. */
  readonly level: number
  /** Of a heading: its text without marks. */
  readonly title: string
}

/** A piece of quoted code in a line, from its first to behind its last backtick. */
export interface CodeSpan {
  readonly start: number
  readonly end: number
  readonly content: string
}

/** Reads a document line by line, in time proportional to its size whatever it holds. */
export function readMarkdown(markdown: string): readonly MarkdownLine[] {
  const reader = new LineReader()
  for (const text of markdown.split(/\r?\n/u)) reader.add(text)
  return reader.lines
}

/** The pieces of quoted code in one line, in order. */
export function codeSpans(text: string): readonly CodeSpan[] {
  if (!text.includes('`')) return []
  const runs = Array.from(text.matchAll(/`+/gu), (match) => ({
    start: match.index,
    length: match[0].length,
  }))
  const closers = nextOfSameLength(runs)
  const spans: CodeSpan[] = []
  for (let at = 0; at < runs.length; at += 1) {
    const open = runs[at]
    const closer = closers[at]
    const close = closer === undefined ? undefined : runs[closer]
    if (open === undefined || close === undefined || closer === undefined) continue
    if (text[open.start - 1] === '\\') continue
    const content = text.slice(open.start + open.length, close.start)
    spans.push({ start: open.start, end: close.start + close.length, content: trimOne(content) })
    at = closer
  }
  return spans
}

/** The line with every piece of quoted code replaced, by default by as many blanks. */
export function withoutCode(text: string, by?: string): string {
  const spans = codeSpans(text)
  if (spans.length === 0) return text
  const parts: string[] = []
  let at = 0
  for (const { start, end } of spans) {
    parts.push(text.slice(at, start), by ?? ' '.repeat(end - start))
    at = end
  }
  return parts.join('') + text.slice(at)
}

/** A heading as headings are compared: case, emphasis, blanks and a closing colon do not matter. */
export function normaliseTitle(title: string): string {
  const plain = title
    .slice(0, MAX_TITLE)
    .replace(/\s+#+\s*$/u, '')
    .replaceAll(/[*_`]/gu, '')
  return plain.replaceAll(/\s+/gu, ' ').trim().replace(/:$/u, '').toLowerCase()
}

/** The forms under which a heading may be asked for: as it is, and without a number in front. */
export function titleForms(title: string): readonly string[] {
  const whole = normaliseTitle(title)
  const bare = whole.replace(/^[\d.]+[.):]?\s+/u, '')
  return bare === whole ? [whole] : [whole, bare]
}

const MAX_TITLE = 500

class LineReader {
  readonly lines: MarkdownLine[] = []
  #fence: string | undefined
  #inComment = false

  add(raw: string): void {
    const number = this.lines.length + 1
    const plain = { number, level: 0, title: '' }
    if (this.#fence !== undefined) {
      const closes = closesFence(raw, this.#fence)
      if (closes) this.#fence = undefined
      this.lines.push({ ...plain, text: raw, kind: closes ? 'fence' : 'code' })
      return
    }
    const text = this.#blankComments(raw)
    this.#fence = openFence(text)
    if (this.#fence !== undefined) this.lines.push({ ...plain, text, kind: 'fence' })
    else this.#addProse(text, plain)
  }

  #addProse(text: string, plain: Pick<MarkdownLine, 'number' | 'level' | 'title'>): void {
    const before = this.lines.at(-1)
    const underlined = underlineLevel(text)
    if (underlined > 0 && before !== undefined && isParagraph(before)) {
      const title = before.text.trim()
      this.lines[this.lines.length - 1] = { ...before, kind: 'heading', level: underlined, title }
      this.lines.push({ ...plain, text, kind: 'rule' })
      return
    }
    const [, marks = '', title = ''] = /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/u.exec(text) ?? []
    const isHeading = marks !== ''
    const kind = isHeading ? 'heading' : 'text'
    this.lines.push({ ...plain, text, kind, level: marks.length, title })
  }

  /** Comments may go on over lines; in quoted code there are none. */
  #blankComments(raw: string): string {
    if (!this.#inComment && !raw.includes('<!--')) return raw
    const visible: string[] = []
    const searched = withoutCode(raw)
    let at = 0
    while (at < raw.length) {
      const mark = this.#inComment ? '-->' : '<!--'
      const found = searched.indexOf(mark, at)
      const end = found === -1 ? raw.length : found
      if (!this.#inComment) visible.push(raw.slice(at, end))
      if (found === -1) break
      this.#inComment = !this.#inComment
      at = end + mark.length
    }
    return visible.join('')
  }
}

/** At any indentation, because fences stand in lists too. */
function openFence(text: string): string | undefined {
  const [, mark, rest = ''] = /^[ \t]*(`{3,}|~{3,})(.*)$/u.exec(text) ?? []
  return mark?.startsWith('`') === true && rest.includes('`') ? undefined : mark
}

function closesFence(text: string, fence: string): boolean {
  const mark = text.trim()
  return mark.startsWith(fence) && mark === (fence[0] ?? '').repeat(mark.length)
}

/** A text underlined with = or - is a heading too. */
function underlineLevel(text: string): number {
  const mark = /^ {0,3}(=+|-+)\s*$/u.exec(text)?.[1]
  if (mark === undefined) return 0
  return mark.startsWith('=') ? 1 : 2
}

function isParagraph(line: MarkdownLine): boolean {
  const isPlain = line.kind === 'text' && line.text.trim() !== ''
  return isPlain && !/^\s*(?:[|>]|[*+-]\s)/u.test(line.text)
}

function nextOfSameLength(runs: readonly { readonly length: number }[]): (number | undefined)[] {
  const next = Array.from<number | undefined>({ length: runs.length })
  const seen = new Map<number, number>()
  for (let at = runs.length - 1; at >= 0; at -= 1) {
    const length = runs[at]?.length ?? 0
    next[at] = seen.get(length)
    seen.set(length, at)
  }
  return next
}

/** One blank on both sides belongs to the marks, when there is anything else. */
function trimOne(content: string): string {
  const isPadded = content.startsWith(' ') && content.endsWith(' ') && content.trim() !== ''
  return isPadded ? content.slice(1, -1) : content
}
