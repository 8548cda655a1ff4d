import type { Liquid, LiquidOptions } from 'liquidjs'
import { insertedText } from '../../agent/inserted-text.ts'
import { loadLiquid } from '../../lazy.ts'
import { shownText } from './shown-text.ts'
import { ArtifactValue } from './template-scope.ts'

/** The template engine as templates may use it: strict, without files, clock or randomness. */
export function liquid(): Liquid {
  engine ??= createEngine()
  return engine
}

/** The same, for what a model reads: text that others wrote cannot pass for a part of the conversation. */
export function promptLiquid(): Liquid {
  promptEngine ??= createEngine(showInPrompt)
  return promptEngine
}

/** The same, with filters that do not exist: to find out what else is wrong with a template. */
export function tolerantLiquid(filters: readonly string[]): Liquid {
  const created = createEngine()
  for (const filter of filters) created.registerFilter(filter, (value: unknown) => value)
  return created
}

/** Built on first use and never changed after that. */
let engine: Liquid | undefined
let promptEngine: Liquid | undefined

export const MAX_OUTPUT_CHARACTERS = 1024 * 1024

function createEngine(outputEscape: NonNullable<LiquidOptions['outputEscape']> = show): Liquid {
  const { Liquid: Engine } = loadLiquid()
  const created = new Engine({
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    dynamicPartials: false,
    relativeReference: false,
    templates: {},
    timezoneOffset: 0,
    parseLimit: 1_000_000,
    renderLimit: 2000,
    memoryLimit: 64_000_000,
    outputEscape,
  })
  for (const tag of REFUSED_TAGS) delete created.tags[tag]
  for (const filter of REFUSED_FILTERS) created.unregisterFilter(filter)
  refuseNow(created)
  return created
}

// They read other files, or end in one.
const REFUSED_TAGS = ['include', 'render', 'layout', 'block']

// Randomness, and a date without our check for `now`.
const REFUSED_FILTERS = [
  'sample',
  'date_to_xmlschema',
  'date_to_rfc822',
  'date_to_string',
  'date_to_long_string',
]

function refuseNow(created: Liquid): void {
  const original = created.filters['date']
  if (typeof original !== 'function') throw new Error('Internal error: liquid has no date filter')
  created.registerFilter('date', function date(value: unknown, ...rest: unknown[]) {
    if (value === 'now' || value === 'today') {
      throw new Error(`"${value}" is not a date here: equal runs must give equal prompts`)
    }
    return original.call(this, value, ...rest) as unknown
  })
}

/** Maps and lists as compact JSON, an artifact as its path. */
function show(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === undefined || value === null) return ''
  if (value instanceof ArtifactValue) return value.path
  const text = typeof value === 'object' ? shownText(value) : undefined
  return text ?? JSON.stringify(value)
}

interface Rendering {
  readonly context: { readonly environments: object }
}

/** What the author of the pipeline or a person has said stays as it is. */
function showInPrompt(this: Rendering, value: unknown): string {
  const text = show(value)
  if (typeof value !== 'string') return typeof value === 'object' ? insertedText(text) : text
  const own = ['env', 'gate'].flatMap((name) =>
    textsIn(Reflect.get(this.context.environments, name)),
  )
  return own.includes(text) ? text : insertedText(text)
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
