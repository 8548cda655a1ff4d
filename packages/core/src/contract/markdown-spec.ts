/** What is wrong with a Markdown document that must have certain sections. Empty: nothing. */
export function checkSections(
  markdown: string,
  spec: { readonly sections: readonly string[]; readonly maxUnresolved: number },
): readonly string[] {
  const lines = readLines(markdown)
  const headings = lines.filter((line) => line.level > 0)
  const problems: string[] = []
  for (const section of spec.sections) {
    const found = headings.filter((heading) => isHeading(heading.text, section))
    if (found.length === 0) {
      problems.push(
        `The section "${section}" is missing: add a heading "${section}" with its text.`,
      )
    } else if (!found.some((heading) => hasText(lines, heading))) {
      problems.push(`The section "${section}" is empty: write its text below the heading.`)
    }
  }
  const left = lines.flatMap((line) => (line.isCode ? [] : findPlaceholders(line.text)))
  if (left.length > spec.maxUnresolved) {
    const examples = [...new Set(left)].slice(0, 5).join(', ')
    const allowed =
      spec.maxUnresolved === 0 ? 'none may remain' : `at most ${spec.maxUnresolved} may`
    problems.push(`${left.length} unfilled placeholders remain (${examples}), and ${allowed}.`)
  }
  return problems
}

interface Line {
  readonly index: number
  readonly text: string
  /** 1 to 6 for a heading, else 0. */
  readonly level: number
  readonly isCode: boolean
}

function readLines(markdown: string): readonly Line[] {
  const texts = markdown.split(/\r?\n/u)
  const code = findCode(texts)
  const lines: Line[] = []
  for (const [index, text] of texts.entries()) {
    const line = { index, text, level: 0, isCode: code.has(index) }
    const before = lines.at(-1)
    const underlined = line.isCode ? 0 : underlineLevel(text)
    if (underlined > 0 && before !== undefined && isParagraph(before)) {
      lines[lines.length - 1] = { ...before, level: underlined }
      lines.push({ ...line, text: '' })
    } else {
      lines.push(line.isCode ? line : { ...line, ...readHeading(text) })
    }
  }
  return lines
}

/** The indices of the lines in fenced code, fences included. */
function findCode(texts: readonly string[]): ReadonlySet<number> {
  const code = new Set<number>()
  let fence: string | undefined
  for (const [index, text] of texts.entries()) {
    const mark = /^ {0,3}(`{3,}|~{3,})/u.exec(text)?.[1]
    if (fence !== undefined || mark !== undefined) code.add(index)
    if (fence === undefined) fence = mark
    else if (mark?.startsWith(fence) === true && text.trim() === mark) fence = undefined
  }
  return code
}

/** A text underlined with = or - is a heading too. */
function underlineLevel(text: string): number {
  const mark = /^ {0,3}(=+|-+)\s*$/u.exec(text)?.[1]
  if (mark === undefined) return 0
  return mark.startsWith('=') ? 1 : 2
}

function readHeading(text: string): { readonly text: string; readonly level: number } {
  const [, marks = '', title] = /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/u.exec(text) ?? []
  return { text: title ?? text, level: marks.length }
}

function isParagraph(line: Line): boolean {
  return (
    !line.isCode &&
    line.level === 0 &&
    line.text.trim() !== '' &&
    !/^\s*(?:[|>]|[*+-]\s)/u.test(line.text)
  )
}

/** Case, emphasis, a closing colon and a number in front do not matter. */
function isHeading(text: string, section: string): boolean {
  const wanted = normalise(section)
  const actual = normalise(text)
  return actual === wanted || actual.replace(/^[\d.]+[.):]?\s+/u, '') === wanted
}

function normalise(text: string): string {
  const plain = text
    .slice(0, MAX_HEADING)
    .replace(/\s+#+\s*$/u, '')
    .replaceAll(/[*_`]/gu, '')
  return plain.replaceAll(/\s+/gu, ' ').trim().replace(/:$/u, '').toLowerCase()
}

const MAX_HEADING = 500

/** Whether anything but headings and comments stands before the next heading of the same level. */
function hasText(lines: readonly Line[], heading: Line): boolean {
  const after = lines.slice(heading.index + 1)
  const end = after.findIndex((line) => line.level > 0 && line.level <= heading.level)
  const body = (end === -1 ? after : after.slice(0, end)).filter((line) => line.level === 0)
  const text = body.map((line) => line.text).join('\n')
  return withoutComments(text).trim() !== ''
}

function withoutComments(text: string): string {
  const [first = '', ...rest] = text.split('<!--')
  const after = rest.map((part) => {
    const end = part.indexOf('-->')
    return end === -1 ? '' : part.slice(end + '-->'.length)
  })
  return first + after.join('')
}

function findPlaceholders(text: string): readonly string[] {
  // Quoted code may hold braces of its own.
  const prose = text.replaceAll(/`[^`]*`/gu, '')
  return prose.match(/\{\{[^{}]{0,200}\}\}/gu) ?? []
}
