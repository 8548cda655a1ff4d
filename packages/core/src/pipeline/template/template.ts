import type { Location, Problem } from '../../errors.ts'
import type { ArtifactType } from '../../events.ts'
import { loadTemplating } from '../../lazy.ts'
import type { Template } from '../pipeline.ts'
import { checkName } from './template-names.ts'
import type { Segment, TemplateNames } from './template-names.ts'
import type { Mistake, Use } from './template-uses.ts'

/** The values that a template can read when it is rendered. */
export interface TemplateScope {
  /** The run's input: text, or the parsed value with `input.type: json`. */
  readonly input: unknown
  readonly run: { readonly id: string; readonly name: string; readonly started_at: string }
  readonly step: { readonly id: string; readonly attempt: number }
  /** Injected artifacts by alias. Undefined: an optional one that does not exist, which shows as nothing. */
  readonly artifacts: ReadonlyMap<string, TemplateArtifact | undefined>
  /** Ancestors by id. */
  readonly steps: ReadonlyMap<string, TemplateStep>
  readonly project: Readonly<Record<string, string | readonly string[]>>
  readonly env?: Readonly<Record<string, string>>
  /** Answers by gate step. */
  readonly gates?: Readonly<Record<string, { readonly choice: string; readonly text: string }>>
  /** Of a fan-out. */
  readonly item?: unknown
  /** Of a fan-out or loop, from 1. */
  readonly iteration?: number
  /** Names that only a translated workflow uses: `execution`, `workflow`, `loop`, `index`. */
  readonly extra?: Readonly<Record<string, unknown>>
}

export interface TemplateArtifact {
  /** Path in the workspace. */
  readonly path: string
  readonly type: ArtifactType
  readonly sizeBytes: number
  readonly content: Uint8Array
}

export interface TemplateStep {
  readonly outcome: 'completed' | 'failed' | 'skipped'
  readonly artifacts: ReadonlyMap<
    string,
    { readonly type: ArtifactType; readonly content: Uint8Array }
  >
}

export type Rendered =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string }

/** Fills a template in, once: inserted text is never expanded again. */
export function renderTemplate(template: Template, scope: TemplateScope): Rendered {
  if (!isTemplate(template.text)) return { ok: true, text: template.text }
  const { liquid, promptLiquid, MAX_OUTPUT_CHARACTERS, scopeVariables } = loadTemplating()
  const engine = template.reader === 'model' ? promptLiquid() : liquid()
  try {
    const parsed = engine.parse(template.text)
    const text = String(engine.renderSync(parsed, scopeVariables(scope)))
    if (text.length <= MAX_OUTPUT_CHARACTERS) return { ok: true, text }
    const size = `${MAX_OUTPUT_CHARACTERS / 1024 / 1024} MiB`
    return { ok: false, message: `The rendered text is larger than ${size}.` }
  } catch (error) {
    const mistake = loadTemplating().readMistake(error)
    const { file, line, column } = placeOf(template, mistake.row, mistake.column)
    return { ok: false, message: `${mistake.message} (${file}:${line}:${column})` }
  }
}

/** Every unknown name and filter, or the first syntax error, each with its place in the file. */
export function checkTemplate(template: Template, names: TemplateNames): Problem[] {
  if (!isTemplate(template.text)) return []
  const plain = findPlainUses(template.text)
  const { uses, mistakes } =
    plain === undefined ? readUses(template.text) : { uses: plain, mistakes: [] }
  const unknown = uses.flatMap((use) => {
    const complaint = checkName(use.segments, names)
    return complaint === undefined ? [] : asProblem({ ...use, ...complaint }, template)
  })
  return [...mistakes.map((mistake) => asProblem(mistake, template)), ...unknown]
}

/** What keeps a template from being read, whatever the names in it stand for. */
export function checkSyntax(template: Template): Problem[] {
  if (!isTemplate(template.text) || findPlainUses(template.text) !== undefined) return []
  return readUses(template.text).mistakes.map((mistake) => asProblem(mistake, template))
}

/** The steps whose artifacts, or the gates whose answers, a text names. Without them it cannot be rendered. */
export function stepsNamedBy(text: string): ReadonlySet<string> {
  if (!isTemplate(text) || !/\b(?:steps|gate)\b/u.test(text)) return new Set()
  const uses = findPlainUses(text) ?? readUses(text).uses
  return new Set(uses.flatMap(({ segments }) => neededStep(segments) ?? []))
}

/** The step that must have left something for a name to stand for anything. */
export function neededStep([root, id, part]: readonly Segment[]): string | undefined {
  const isNeeded = (root === 'steps' && part !== 'outcome') || root === 'gate'
  return isNeeded && typeof id === 'string' ? id : undefined
}

/** Whether a text has anything for a template engine to do. */
export function isTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%')
}

function asProblem({ message, row, column, hint }: Mistake, template: Template): Problem {
  const location = placeOf(template, row, column)
  return { code: 'pipeline-invalid', message, location, ...(hint !== undefined && { hint }) }
}

function readUses(text: string): ReturnType<ReturnType<typeof loadTemplating>['readUses']> {
  return loadTemplating().readUses(text)
}

/**
 * The names of a template that only has plain outputs such as `{{ input }}`, as most have. Undefined
 * when there is more to it. Saves loading the engine for a dry run.
 */
function findPlainUses(text: string): readonly Use[] | undefined {
  if (isTemplate(text.replaceAll(PLAIN_OUTPUT, ''))) return undefined
  const uses = [...text.matchAll(PLAIN_OUTPUT)].map((match): Use => {
    const offset = match.index + match[0].indexOf(match[1] ?? '')
    const before = text.slice(0, offset)
    const lineStart = before.lastIndexOf('\n') + 1
    const row = before.split('\n').length
    return { segments: (match[1] ?? '').split('.'), row, column: offset - lineStart + 1 }
  })
  const isLiteral = uses.some(({ segments }) => LITERALS.has(String(segments[0])))
  return isLiteral ? undefined : uses
}

const PLAIN_OUTPUT =
  /\{\{-?\s*([A-Za-z_](?:[\w-]*\w)?(?:\.[A-Za-z_](?:[\w-]*\w)?)*)\s*(?:\s-)?\}\}/gu
const LITERALS = new Set(['true', 'false', 'nil', 'null', 'empty', 'blank'])

/** Where a row and a column of a text stand in the file. */
export function placeOf(template: Template, row: number, column: number): Location {
  const lines = template.text.split('\n').slice(0, row - 1)
  return placeAt(
    template,
    lines.reduce((sum, line) => sum + line.length + 1, column - 1),
  )
}

/** Where a character of a text stands in the file. */
export function placeAt({ text, location, spots }: Template, offset: number): Location {
  const { file, line, column: start } = location
  if (spots !== undefined) {
    const spot = spots.findLast(([at]) => at <= offset)
    return spot === undefined
      ? location
      : { file, line: spot[1], column: spot[2] + offset - spot[0] }
  }
  const before = text.slice(0, offset).split('\n')
  const column = before.at(-1)?.length ?? 0
  // Only the first line begins where the text does; the others, in a block, where its lines do.
  return { file, line: line + before.length - 1, column: start + column }
}
