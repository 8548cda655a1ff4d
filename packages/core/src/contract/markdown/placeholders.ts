import { withoutCode } from './markdown-lines.ts'
import type { MarkdownLine } from './markdown-lines.ts'

/** A piece of text that somebody was meant to replace. */
export interface Placeholder {
  readonly line: number
  readonly text: string
}

/**
 * What was left unfilled in these lines: `[time]`, `{{ name }}`, TODO, TBD, N/A, a lone `…`. Quoted
 * code, links, footnotes, checkboxes and labels such as `[ERROR]` are none. `labels`: references that
 * the document defines.
 */
export function findPlaceholders(
  lines: readonly MarkdownLine[],
  labels: ReadonlySet<string>,
): readonly Placeholder[] {
  return lines.flatMap((line) => {
    if (line.kind !== 'text' && line.kind !== 'heading') return []
    const prose = withoutCode(line.text, ' `` ')
    const found = [
      ...inBraces(prose),
      ...words(prose),
      ...inBrackets(prose, labels),
      ...dots(prose),
    ]
    return found.map((text) => ({ line: line.number, text }))
  })
}

/** The references that a document defines: `[name]: target`. */
export function definedLabels(lines: readonly MarkdownLine[]): ReadonlySet<string> {
  const labels = new Set<string>()
  for (const { kind, text } of lines) {
    const [, label] = (kind === 'text' && /^ {0,3}\[([^[\]]{1,200})\]:\s*\S/u.exec(text)) || []
    if (label !== undefined) labels.add(label.toLowerCase())
  }
  return labels
}

function inBraces(prose: string): readonly string[] {
  return prose.includes('{{') ? (prose.match(/\{\{[^{}]{0,200}\}\}/gu) ?? []) : []
}

/** In capitals: "todo" is also the name of half of all example programs. */
function words(prose: string): readonly string[] {
  return (
    prose.match(/(?<![\p{L}\p{N}_/-])(?:TODO|TBD|TBA|FIXME|N\/A|n\/a)(?![\p{L}\p{N}_/-])/gu) ?? []
  )
}

function inBrackets(prose: string, labels: ReadonlySet<string>): readonly string[] {
  if (!prose.includes('[')) return []
  const found: string[] = []
  for (const match of prose.matchAll(/\[([^[\]]{1,120})\]/gu)) {
    const [whole, content = ''] = match
    const before = prose[match.index - 1] ?? ''
    const after = prose[match.index + whole.length] ?? ''
    // A link, a definition, an index as in `list[i]`, or an escaped bracket.
    if (/[([:]/u.test(after) || /[\p{L}\p{N}_\]\\!]/u.test(before)) continue
    if (isBracketPlaceholder(content.trim(), labels)) found.push(whole)
  }
  return found
}

function isBracketPlaceholder(content: string, labels: ReadonlySet<string>): boolean {
  if (content === '…' || content === '...') return true
  if (labels.has(content.toLowerCase()) || LABELS.has(content.toLowerCase())) return false
  // Checkboxes, footnotes, notes as in `[!NOTE]`, and lists of numbers do not begin with a letter of a word.
  return /^\p{L}/u.test(content) && content.toLowerCase() !== 'x'
}

/** What people put into brackets and mean. */
const LABELS = new Set(
  `sic redacted unknown unassigned none open done bot info warn warning error debug fatal trace notice
   critical p0 p1 p2 p3 p4 sev1 sev2 sev3 sev4 high medium low prevent detect mitigate confirmed likely
   inconclusive proven proposed internal external external-link citation`.split(/\s+/u),
)

/** An ellipsis that is all there is: in a line, an item, a table cell, or behind a label. */
function dots(prose: string): readonly string[] {
  if (!prose.includes('…') && !prose.includes('...')) return []
  const cells = prose.trim().startsWith('|') ? prose.split('|') : [prose]
  return cells.flatMap((cell) => {
    const bare = cell.replaceAll(/[*_]/gu, '').trim()
    const item = bare.replace(/^(?:[-+>]|\d{1,3}[.)])\s+/u, '')
    const value = item.slice(0, 200).replace(/^[^:]{1,80}:\s*/u, '')
    return [item, value].some((text) => text === '…' || text === '...') ? ['…'] : []
  })
}
