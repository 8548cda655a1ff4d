import type { StaticAnalysis } from 'liquidjs'
import type { Location, Problem } from '../../errors.ts'
import { loadTemplating } from '../../lazy.ts'
import type { Template } from '../pipeline.ts'
import { checkSyntax, isTemplate, placeAt } from '../template/template.ts'
import type { Segment } from '../template/template-names.ts'

/** A name that a text uses. */
export interface Reference {
  /** `triage`, `severity` of `{{triage.severity}}`. Undefined: computed when the text is rendered. */
  readonly segments: readonly [string, ...Segment[]]
  /** Where the name begins in the text. */
  readonly offset: number
  readonly location: Location
}

type FoundReferences =
  | { readonly ok: true; readonly references: readonly Reference[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** The names that a text uses, in its order; names that the text itself sets are left out. */
export function findReferences(template: Template): FoundReferences {
  if (!isTemplate(template.text)) return { ok: true, references: [] }
  const plain = findPlain(template.text)
  const problems = plain === undefined ? checkSyntax(template) : []
  if (problems.length > 0) return { ok: false, problems }
  const found = plain ?? findAll(template.text)
  const sorted = found.toSorted((left, right) => left.offset - right.offset)
  return { ok: true, references: located(template, sorted) }
}

/** In one pass: a text may hold thousands of names. */
function located(template: Template, found: readonly Found[]): readonly Reference[] {
  const { text } = template
  if (template.spots !== undefined) {
    return found.map((one) => ({ ...one, location: placeAt(template, one.offset) }))
  }
  const { file, line, column } = template.location
  let row = 0
  let start = 0
  return found.map(({ segments, offset }) => {
    let end = text.indexOf('\n', start)
    while (end !== -1 && end < offset) {
      row += 1
      start = end + 1
      end = text.indexOf('\n', start)
    }
    const location = { file, line: line + row, column: column + offset - start }
    return { segments, offset, location }
  })
}

/** How many characters of a text the first parts of a name take: `triage.severity` of `triage.severity.x`. */
export function lengthOfName(text: string, offset: number, parts: number): number {
  if (parts === 0) return 0
  const pattern = new RegExp(`^${PART}(?:\\s*(?:\\.\\s*${PART}|\\[[^\\]]*\\])){${parts - 1}}`, 'u')
  return pattern.exec(text.slice(offset))?.[0].length ?? 0
}

const PART = '[A-Za-z0-9_](?:[\\w-]*\\w)?'

interface Found {
  readonly segments: readonly [string, ...Segment[]]
  readonly offset: number
}

/** Of a text with nothing but plain names such as `{{ triage.severity }}`. Undefined: there is more to it. */
function findPlain(text: string): readonly Found[] | undefined {
  if (isTemplate(text.replaceAll(PLAIN_OUTPUT, ''))) return undefined
  const found: Found[] = []
  for (const match of text.matchAll(PLAIN_OUTPUT)) {
    const [root = '', ...rest] = (match[1] ?? '').split('.')
    if (LITERALS.has(root) || /^\d+$/u.test(root)) return undefined
    found.push({ segments: [root, ...rest], offset: match.index + match[0].indexOf(root, 2) })
  }
  return found
}

const PLAIN_OUTPUT = new RegExp(`\\{\\{-?\\s*(${PART}(?:\\.${PART})*)\\s*-?\\}\\}`, 'gu')
const LITERALS = new Set(['true', 'false', 'nil', 'null', 'empty', 'blank'])

function findAll(text: string): readonly Found[] {
  const analysis: StaticAnalysis = loadTemplating().liquid().parseAndAnalyzeSync(text, undefined, {
    partials: false,
  })
  const rows = text.split('\n')
  const starts = [0]
  for (const row of rows) starts.push((starts.at(-1) ?? 0) + row.length + 1)
  return Object.entries(analysis.globals).flatMap(([root, variables]) =>
    variables.map(({ segments, location }): Found => {
      const rest = segments.slice(1)
      const parts = rest.map((part) => (typeof part === 'object' ? undefined : part))
      return {
        segments: [root, ...parts],
        offset: (starts[location.row - 1] ?? 0) + location.col - 1,
      }
    }),
  )
}
