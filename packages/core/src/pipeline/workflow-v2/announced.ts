import { labelKey, readLabels } from '../../agent/fields/labels.ts'
import type { LabelledText } from '../../agent/fields/labels.ts'

/** How a prompt announces a field: `- Severity: [SEV1/SEV2]`. */
export interface Announced {
  /** As written, without marks: `Stakeholder Notification Needed`. */
  readonly label: string
  /** The text in brackets behind it, brackets included. */
  readonly bracket: string | undefined
}

type Announcement =
  | { readonly found: 'one'; readonly announced: Announced }
  | { readonly found: 'none' }
  /** Several labels begin with the name of the field. */
  | { readonly found: 'several'; readonly labels: readonly string[] }

/** The line of a prompt that announces a field: exactly its name, else the only label that begins with it. */
export function findAnnouncement(prompt: string, field: string): Announcement {
  const { lines, byKey } = labelsOf(prompt)
  const key = labelKey(field)
  const exact = byKey.get(key)
  const near = [...byKey.keys()].filter((one) => one.startsWith(`${key}_`))
  const chosen = exact ?? byKey.get(near[0] ?? '')
  const describe = (line: number, rest: string): Announced => ({
    label: labelOf(lines[line] ?? ''),
    bracket: /\[[^\]]*\]/u.exec(rest)?.[0],
  })
  if (chosen === undefined) return { found: 'none' }
  if (exact === undefined && near.length > 1) {
    const labels = near.flatMap((one) => byKey.get(one)?.[0] ?? [])
    return { found: 'several', labels: labels.map(({ line }) => labelOf(lines[line] ?? '')) }
  }
  const all = chosen.map(({ line, rest }) => describe(line, rest))
  const announced = all.find(({ bracket }) => bracket !== undefined) ?? all[0]
  return announced === undefined ? { found: 'none' } : { found: 'one', announced }
}

/** Many fields are looked for in the same prompt, one after another. */
let latest: { readonly prompt: string; readonly labels: LabelledText } | undefined

function labelsOf(prompt: string): LabelledText {
  if (latest?.prompt !== prompt) latest = { prompt, labels: readLabels(prompt) }
  return latest.labels
}

/** The values of `[SEV1/SEV2]` or `[YES|NO]`: all in upper case. Undefined: the brackets hold something else. */
export function bracketValues(bracket: string): readonly string[] | undefined {
  const parts = bracket
    .slice(1, -1)
    .split(/[/|]/u)
    .map((part) => part.trim())
  const isList = parts.length > 1 && parts.every((part) => VALUE.test(part))
  const hasLetters = parts.some((part) => /[A-Z]/u.test(part))
  return isList && hasLetters && new Set(parts).size === parts.length ? parts : undefined
}

const VALUE = /^[A-Z0-9_-](?:[A-Z0-9_ -]{0,30}[A-Z0-9_-])?$/u

/** The one list of values that a prompt shows anywhere. Undefined: there is none, or there are several. */
export function onlyBracketValues(prompt: string): readonly string[] | undefined {
  const lists = (prompt.match(/\[[^\]\n]*\]/gu) ?? []).flatMap((bracket) => {
    const values = bracketValues(bracket)
    return values === undefined ? [] : [values]
  })
  const distinct = new Map(lists.map((values) => [values.join('/'), values]))
  return distinct.size === 1 ? lists[0] : undefined
}

export function isYesNo(bracket: string): boolean {
  return /^\[\s*(?:yes\s*[/|]\s*no|true\s*[/|]\s*false)\s*\]$/iu.test(bracket)
}

function labelOf(line: string): string {
  const text = line.trim().replace(/^(?:[-*+•]|\d{1,3}[.)])[ \t]+/u, '')
  return text.slice(0, text.indexOf(':')).replaceAll(/^[\s*_`]+|[\s*_`]+$/gu, '')
}
