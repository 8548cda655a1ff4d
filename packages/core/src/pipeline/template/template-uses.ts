import type { Liquid } from 'liquidjs'
import { suggest } from '../../suggest.ts'
import { liquid, tolerantLiquid } from './liquid.ts'
import type { Segment } from './template-names.ts'

/** A name in a template, and where it stands. */
export interface Use {
  readonly segments: readonly Segment[]
  readonly row: number
  readonly column: number
}

/** Why a template cannot be read or filled in, and where. */
export interface Mistake {
  readonly message: string
  readonly row: number
  readonly column: number
  readonly hint?: string | undefined
}

/**
 * All names and all mistakes of a template. After an unknown filter it is read on; any other mistake ends
 * the reading, and nothing is known about names then.
 */
export function readUses(text: string): {
  readonly uses: readonly Use[]
  readonly mistakes: readonly Mistake[]
} {
  const mistakes: Mistake[] = findOddities(text)
  const unknown: string[] = []
  while (unknown.length <= MAX_UNKNOWN) {
    const engine = unknown.length === 0 ? liquid() : tolerantLiquid(unknown)
    try {
      return { uses: withoutWords(findUses(engine, text), text), mistakes }
    } catch (error) {
      const filter = unknownFilter(error)
      if (filter === undefined) return { uses: [], mistakes: [...mistakes, readMistake(error)] }
      unknown.push(filter)
      mistakes.push(...explainFilter(filter, text))
    }
  }
  return { uses: [], mistakes }
}

/** The engine's message ends in `, line:1, col:4`; some of its errors carry a token instead. */
export function readMistake(error: unknown): Mistake {
  if (!(error instanceof Error)) throw error
  const [, row, column] = /, line:(\d+), col:(\d+)$/u.exec(error.message) ?? []
  const plain = error.message.replace(/, line:\d+, col:\d+$/u, '')
  const { why, hint } = explain(plain)
  const message = `The template cannot be read: ${why}.`
  return { message, row: Number(row ?? 1), column: Number(column ?? 1), hint }
}

const MAX_UNKNOWN = 20

function findUses(engine: Liquid, text: string): readonly Use[] {
  const analysis = engine.parseAndAnalyzeSync(text, undefined, { partials: false })
  return Object.values(analysis.globals).flatMap((variables) =>
    variables.map(({ segments, location }) => ({
      segments: segments.map((segment) => (typeof segment === 'object' ? undefined : segment)),
      row: location.row,
      column: location.col,
    })),
  )
}

function explain(message: string): { readonly why: string; readonly hint?: string | undefined } {
  const tag = /^tag "(?<name>[^"]*)" not found$/u.exec(message)?.groups?.['name']
  if (tag !== undefined) return { why: `there is no tag "${tag}"`, hint: adviseTag(tag) }
  const filter = /^undefined filter: (?<name>.*)$/u.exec(message)?.groups?.['name']
  if (filter !== undefined) return { why: `there is no filter "${filter}"` }
  const name = /^undefined variable: (?<name>.*)$/u.exec(message)?.groups?.['name']
  if (name !== undefined) return { why: `"${name}" does not exist` }
  const known = KNOWN.find(([text]) => message.startsWith(text))
  if (known !== undefined) return { why: known[1] }
  const plain = message.replace(/\.$/u, '')
  return { why: plain.length > MAX_QUOTED ? `${plain.slice(0, MAX_QUOTED)}…` : plain }
}

const KNOWN: readonly (readonly [string, string])[] = [
  ['invalid value expression: ""', 'nothing stands between "{{" and "}}"'],
  // The engine reads tags in tags by calling itself.
  ['Maximum call stack', 'its tags are nested too deep'],
]
const MAX_QUOTED = 200

function adviseTag(tag: string): string | undefined {
  if (TAKING_IN.has(tag)) return 'A template takes nothing in from other files.'
  const near = suggest(tag, Object.keys(liquid().tags))
  return near === undefined ? undefined : `Did you mean "${near}"?`
}

const TAKING_IN = new Set(['include', 'render', 'layout', 'block'])

function unknownFilter(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  return /^undefined filter: (?<name>[^,]*)/u.exec(error.message)?.groups?.['name']
}

/** Every place where the filter is asked for. */
function explainFilter(filter: string, text: string): readonly Mistake[] {
  const near = suggest(filter, Object.keys(liquid().filters))
  const message = `The template cannot be read: there is no filter "${filter}".`
  const hint = near === undefined ? undefined : `Did you mean "${near}"?`
  const asked = [...text.matchAll(/\|\s*(?<name>[\w-]+)/gu)]
  const places = asked.flatMap(({ 0: all, index, groups }) =>
    groups?.['name'] === filter ? [index + all.length - filter.length] : [],
  )
  return (places.length === 0 ? [0] : places).map((offset) =>
    mistakeAt(text, offset, message, hint),
  )
}

/** What the engine takes without a word, although it can only be a slip. */
function findOddities(text: string): Mistake[] {
  // What stands between raw tags is no template.
  if (text.includes('raw')) return []
  const nothing = 'The template cannot be read: nothing stands after "|".'
  const clock = 'The template cannot be read: "now" is not a date here.'
  const advice = 'Equal runs give equal prompts: use run.started_at.'
  return [
    ...[...text.matchAll(OPEN_END)].map(({ index }) => mistakeAt(text, index, nothing)),
    ...[...text.matchAll(WORDS)].map((match) => mistakeAt(text, match.index, explainWords(match))),
    ...[...text.matchAll(NOW)].map(({ index }) => mistakeAt(text, index, clock, advice)),
  ]
}

function explainWords({ groups }: RegExpExecArray): string {
  const { first = '', second = '' } = groups ?? {}
  return `The template cannot be read: "${first}" and "${second}" are two names without an operator.`
}

/** What stands in such an output is no name. */
function withoutWords(uses: readonly Use[], text: string): readonly Use[] {
  const outputs = [...text.matchAll(WORDS)]
  if (outputs.length === 0) return uses
  const rows = [0, ...Array.from(text.matchAll(/\n/gu), ({ index }) => index + 1)]
  return uses.filter(({ row, column }) => {
    const offset = (rows[row - 1] ?? 0) + column - 1
    return !outputs.some(({ 0: all, index }) => index <= offset && offset < index + all.length)
  })
}

const NAME = '[A-Za-z_][\\w-]*'
const OPERATORS = '(?:and|or|contains)\\b'
const WORDS = new RegExp(
  `\\{\\{-?\\s*(?!not\\b)(?<first>${NAME})\\s+(?!${OPERATORS})(?<second>${NAME})[^{}]*\\}\\}`,
  'gu',
)
const OPEN_END = /\|\s*-?\}\}/gu
const NOW = /(?<quote>["'])(?:now|today)\k<quote>\s*\|\s*date\b/gu

function mistakeAt(text: string, offset: number, message: string, hint?: string): Mistake {
  const before = text.slice(0, offset)
  const column = offset - before.lastIndexOf('\n')
  return { message, row: before.split('\n').length, column, hint }
}
