/** The headings that a prompt shows as the outline of its answer. Undefined: it shows none. */
export function outlineOf(prompt: string): readonly string[] | undefined {
  const headings: string[] = []
  let fence: string | undefined
  for (const line of prompt.split('\n')) {
    const mark = /^\s{0,3}(`{3,}|~{3,})/u.exec(line)?.[1]
    if (fence === undefined) fence = mark
    else if (mark?.startsWith(fence) === true) fence = undefined
    const heading = /^ {0,3}##[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$/u.exec(line)?.[1]
    if (fence !== undefined || heading === undefined || isOpen(heading)) continue
    headings.push(heading)
  }
  return headings.length >= MIN_HEADINGS ? headings : undefined
}

const MIN_HEADINGS = 3

/** Nothing to hold an answer to: the heading is to be filled in. */
function isOpen(heading: string): boolean {
  return heading === '' || /\{[{%]|\[[^\]]*\]/u.test(heading)
}
