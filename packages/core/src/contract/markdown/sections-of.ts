import { titleForms } from './markdown-lines.ts'
import type { MarkdownLine } from './markdown-lines.ts'

/** A heading and everything below it, up to the next heading of its level or above. */
export interface Section {
  /** Position among the headings of the document, from 0. */
  readonly order: number
  readonly heading: MarkdownLine
  /** Index of the line behind the last one. */
  readonly end: number
  /** Whether anything but headings, comments, rules and bare marks stands in it. */
  readonly hasText: boolean
}

/** The sections of a document, and under which titles they can be asked for. */
export interface Outline {
  readonly sections: readonly Section[]
  /** By normalised title, with and without a number in front, in document order. */
  readonly byTitle: ReadonlyMap<string, readonly Section[]>
}

/** Takes time in proportion to the lines, however many headings there are. */
export function readOutline(lines: readonly MarkdownLine[]): Outline {
  const textBefore = countText(lines)
  const headings = lines.flatMap((line, index) => (line.level > 0 ? [index] : []))
  const ends = findEnds(lines, headings)
  const sections = headings.flatMap((index, order): Section[] => {
    const heading = lines[index]
    if (heading === undefined) return []
    const end = ends[order] ?? lines.length
    const hasText = (textBefore[end] ?? 0) > (textBefore[index + 1] ?? 0)
    return [{ order, heading, end, hasText }]
  })
  const byTitle = new Map<string, Section[]>()
  for (const section of sections) {
    for (const form of titleForms(section.heading.title)) {
      const known = byTitle.get(form)
      if (known === undefined) byTitle.set(form, [section])
      else known.push(section)
    }
  }
  return { sections, byTitle }
}

/** How many lines with text stand before each line; one entry more than there are lines. */
function countText(lines: readonly MarkdownLine[]): readonly number[] {
  const counts = [0]
  for (const line of lines) counts.push((counts.at(-1) ?? 0) + Number(isText(line)))
  return counts
}

function isText({ kind, text }: MarkdownLine): boolean {
  if (kind === 'code') return text.trim() !== ''
  return kind === 'text' && !/^[\s\-*_>|:+#]*$/u.test(text)
}

/** Where the section of each heading ends: walked backwards, keeping the headings that can still end one. */
function findEnds(lines: readonly MarkdownLine[], headings: readonly number[]): readonly number[] {
  const ends: number[] = []
  const nextAt = Array.from({ length: 7 }, () => lines.length)
  for (const index of headings.toReversed()) {
    const level = lines[index]?.level ?? 1
    ends.push(Math.min(...nextAt.slice(1, level + 1)))
    nextAt[level] = index
  }
  return ends.toReversed()
}
