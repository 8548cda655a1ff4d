/** The headings that a prompt shows as the outline of its answer. Undefined: it shows none. */
export function outlineOf(prompt: string): readonly string[] | undefined {
  const headings: string[] = []
  let fence: string | undefined
  for (const line of prompt.split('\n')) {
    const mark = /^\s{0,3}(`{3,}|~{3,})/u.exec(line)?.[1]
    if (fence === undefined) fence = mark
    else if (mark?.startsWith(fence) === true) fence = undefined
    const heading = headingOf(line)
    if (fence !== undefined || heading === undefined || isOpen(heading)) continue
    headings.push(heading)
  }
  return headings.length >= MIN_HEADINGS ? headings : undefined
}

const MIN_HEADINGS = 3

/** The text of a heading of the second level, without marks behind it. */
function headingOf(line: string): string | undefined {
  if (!/^ {0,3}##(?!#)/u.test(line)) return undefined
  const text = line.trim().slice(2)
  if (!/^[ \t]/u.test(text)) return undefined
  let end = text.length
  while (text[end - 1] === '#') end -= 1
  const isClosed = end === text.length || /[ \t]/u.test(text[end - 1] ?? '')
  return text.slice(0, isClosed ? end : text.length).trim()
}

/** Nothing to hold an answer to: the heading is to be filled in. */
function isOpen(heading: string): boolean {
  return heading === '' || /\{[{%]|\[[^\]]*\]/u.test(heading)
}
