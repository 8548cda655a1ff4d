import { normaliseTitle, readMarkdown } from './markdown-lines.ts'
import type { MarkdownLine } from './markdown-lines.ts'
import { definedLabels, findPlaceholders } from './placeholders.ts'
import { readOutline } from './sections-of.ts'
import type { Outline, Section } from './sections-of.ts'

/**
 * What is wrong with a document that must have these sections, in this order, each with text of its own
 * and none of it left unfilled. A title above them must be filled in too.
 */
export function checkSections(markdown: string, wanted: readonly string[]): readonly string[] {
  const lines = readMarkdown(markdown)
  const outline = readOutline(lines)
  const { found, problems } = findInOrder(outline, wanted)
  const empty = found
    .filter(({ section }) => !section.hasText)
    .map(({ name, section }) => {
      const place = section.heading.number
      return `The section "${name}" (line ${place}) is empty: write its text below the heading.`
    })
  return [...problems, ...empty, ...unfilled(lines, outline, found)]
}

interface Found {
  readonly name: string
  readonly section: Section
}

/** Each section is the first of its name behind the one before it. */
function findInOrder(
  outline: Outline,
  wanted: readonly string[],
): { readonly found: readonly Found[]; readonly problems: readonly string[] } {
  const found: Found[] = []
  const problems: string[] = []
  for (const name of wanted) {
    const before = found.at(-1)
    const same = outline.byTitle.get(normaliseTitle(name)) ?? []
    const section = same.find(({ order }) => order > (before?.section.order ?? -1))
    const [elsewhere] = same
    if (section !== undefined) found.push({ name, section })
    else if (elsewhere === undefined || before === undefined) {
      problems.push(`The section "${name}" is missing: add a heading "${name}" with its text.`)
    } else {
      const place = `line ${elsewhere.heading.number}`
      problems.push(
        `The section "${name}" (${place}) must come after "${before.name}" (line ${before.section.heading.number}): move it.`,
      )
    }
  }
  return { found, problems }
}

function unfilled(
  lines: readonly MarkdownLine[],
  outline: Outline,
  found: readonly Found[],
): readonly string[] {
  const owners = new Map<number, string>()
  for (const { heading } of outline.sections) owners.set(heading.number, heading.title)
  let covered = 0
  // Sections may lie in each other; every line is looked at once.
  for (const { name, section } of found.toSorted((a, b) => a.section.order - b.section.order)) {
    const start = Math.max(section.heading.number, covered + 1)
    for (let number = start; number <= section.end; number += 1) owners.set(number, name)
    covered = Math.max(covered, section.end)
  }
  const examined = lines.filter(({ number }) => owners.has(number))
  const left = findPlaceholders(examined, definedLabels(lines))
  const sentences = left.slice(0, MAX_TOLD).map(({ line, text }) => {
    const place = `line ${line}, in the section "${owners.get(line) ?? ''}"`
    return `"${text}" (${place}) is a placeholder: write what is known, or that it is unknown.`
  })
  const more = left.length - sentences.length
  return more > 0 ? [...sentences, `${more} more placeholders remain.`] : sentences
}

const MAX_TOLD = 40
