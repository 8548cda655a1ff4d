/** A line that announces a value: `- Severity: SEV1`, `**Stakeholder Notification Needed:**`. */
interface LabelLine {
  /** For comparing: `stakeholder_notification_needed`. */
  readonly key: string
  /** What stands behind the colon, without emphasis. */
  readonly rest: string
  /** Of the lines of the text, counted from 0. */
  readonly line: number
  readonly isListed: boolean
  readonly isEmphasised: boolean
  readonly indent: number
}

/** A text cut into lines, with those among them that are labels. */
export interface LabelledText {
  readonly lines: readonly string[]
  readonly labels: ReadonlyMap<number, LabelLine>
  readonly byKey: ReadonlyMap<string, readonly LabelLine[]>
}

const MAX_LABEL_CHARACTERS = 80
/** Deeper than this all lines count as equally deep, so that nested labels cost no more than their text. */
const MAX_INDENT = 16

/** Finds the label lines of a text. */
export function readLabels(text: string): LabelledText {
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  const labels = new Map<number, LabelLine>()
  for (const [at, line] of lines.entries()) {
    const label = readLabel(line, at)
    if (label !== undefined) labels.set(at, label)
  }
  return { lines, labels, byKey: Map.groupBy(labels.values(), ({ key }) => key) }
}

/**
 * The lines that announce a field: those with exactly its name, else with exactly the label that the
 * prompt used, else with the only label that starts with the name at a word border.
 */
export function labelsFor(
  { byKey }: LabelledText,
  field: string,
  announced: string | undefined,
): readonly LabelLine[] {
  const key = labelKey(field)
  const exact = byKey.get(key) ?? byKey.get(labelKey(announced ?? field))
  if (exact !== undefined) return exact
  const [only, second] = [...byKey.keys()].filter((one) => one.startsWith(`${key}_`))
  return only === undefined || second !== undefined ? [] : (byKey.get(only) ?? [])
}

/**
 * The value behind a label: the rest of its line; if that is empty, the lines below up to the next
 * heading, the next label of the same style or two empty lines. Deeper lines belong to the value.
 */
export function labelValue({ lines, labels }: LabelledText, label: LabelLine): string {
  if (label.rest !== '') return label.rest
  const value: string[] = []
  let blanks = 0
  for (let at = label.line + 1; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    blanks = line.trim() === '' ? blanks + 1 : 0
    const next = labels.get(at)
    if (blanks === 2 || endsSection(line) || (next !== undefined && follows(next, label))) break
    value.push(line)
  }
  const text = value.join('\n').trim()
  return text.includes('\n') ? text : withoutEmphasis(text)
}

/** Lower case, marks removed, spaces and hyphens as `_`. */
export function labelKey(label: string): string {
  const words = label.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  return words.join('_')
}

/** The text of one line without `**`, and without one pair of emphasis marks around it. */
export function withoutEmphasis(line: string): string {
  const text = line.replaceAll('**', '').trim()
  const [mark = ''] = text
  if (!isMarked(mark)) return text
  let width = 1
  while (text[width] === mark) width += 1
  const inner = text.slice(width, -width)
  const isPair = text.endsWith(mark.repeat(width)) && inner !== '' && !inner.includes(mark)
  return isPair ? inner.trim() : text
}

function follows(next: LabelLine, label: LabelLine): boolean {
  return (
    next.isListed === label.isListed &&
    next.isEmphasised === label.isEmphasised &&
    next.indent <= label.indent
  )
}

function endsSection(line: string): boolean {
  return /^ {0,3}(?:#{1,6}(?:\s|$)|(?:-{3,}|\*{3,}|_{3,})\s*$)/u.test(line)
}

function readLabel(line: string, at: number): LabelLine | undefined {
  const text = line.trimStart()
  const mark = /^(?:[-*+•]|\d{1,3}[.)])[ \t]+/u.exec(text)?.[0] ?? ''
  const colon = text.indexOf(':', mark.length)
  if (colon === -1 || colon - mark.length > MAX_LABEL_CHARACTERS) return undefined
  const words = text.slice(mark.length, colon)
  if (!isLabel(words) || !mayFollowColon(text[colon + 1])) return undefined
  return {
    key: labelKey(words),
    rest: restOf(text.slice(colon + 1), words),
    line: at,
    isListed: mark !== '',
    isEmphasised: isMarked(words),
    indent: Math.min(line.length - text.length, MAX_INDENT),
  }
}

/** Words, with marks that stand in headings of forms, but none that stand in sentences. */
function isLabel(words: string): boolean {
  return /\p{L}/u.test(words) && /^[\p{L}\p{N} \t_*`'’()/&-]+$/u.test(words)
}

function isMarked(words: string): boolean {
  const [first] = words
  return first === '*' || first === '_' || first === '`'
}

/** `12:30`, `https://` and `a::b` are no labels. */
function mayFollowColon(character: string | undefined): boolean {
  return character === undefined || !/[\p{N}/:\\]/u.test(character)
}

function restOf(rest: string, words: string): string {
  const closing = isMarked(words) ? (/^[*_`]+/u.exec(rest)?.[0].length ?? 0) : 0
  return withoutEmphasis(rest.slice(closing))
}
