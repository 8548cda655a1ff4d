import { normaliseTitle, readMarkdown, withoutCode } from './markdown-lines.ts'
import { readOutline } from './sections-of.ts'

/** What is wrong with a Markdown document that must have certain sections. Empty: nothing. */
export function checkMarkdown(
  markdown: string,
  spec: { readonly sections: readonly string[]; readonly maxUnresolved: number },
): readonly string[] {
  const lines = readMarkdown(markdown)
  const { byTitle } = readOutline(lines)
  const problems: string[] = []
  for (const section of spec.sections) {
    const found = byTitle.get(normaliseTitle(section)) ?? []
    if (found.length === 0) {
      problems.push(
        `The section "${section}" is missing: add a heading "${section}" with its text.`,
      )
    } else if (!found.some(({ hasText }) => hasText)) {
      problems.push(`The section "${section}" is empty: write its text below the heading.`)
    }
  }
  const left = lines.flatMap(({ kind, text }) => (kind === 'code' ? [] : findBraces(text)))
  if (left.length > spec.maxUnresolved) {
    const examples = [...new Set(left)].slice(0, 5).join(', ')
    const allowed =
      spec.maxUnresolved === 0 ? 'none may remain' : `at most ${spec.maxUnresolved} may`
    problems.push(`${left.length} unfilled placeholders remain (${examples}), and ${allowed}.`)
  }
  return problems
}

/** Quoted code may hold braces of its own. */
function findBraces(text: string): readonly string[] {
  if (!text.includes('{{')) return []
  return withoutCode(text).match(/\{\{[^{}]{0,200}\}\}/gu) ?? []
}
