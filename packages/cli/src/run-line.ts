import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import type { GlobalOptions } from './invocation.ts'
import { DEFAULT_SANDBOX, GLOBAL_OPTIONS, type PlainOption, RUN_OPTIONS } from './options.ts'
import type { RunOptions } from './prepare.ts'

/** A command line as commander delivers it. */
export interface RunLine {
  readonly options: GlobalOptions & RunOptions
  readonly words: readonly string[]
}

/**
 * Reads a plain, correct `wave run …`, so that the command most used does without commander, a fifth of
 * what starting would take. Undefined for every other line: it is for commander to read or to refuse.
 */
export function readRunLine(argv: readonly string[]): RunLine | undefined {
  const [verb, ...args] = argv
  if (verb !== 'run' || args.some(isUnusual)) return undefined
  const parsed = parse(args)
  if (parsed === undefined || parsed.positionals.length > MAX_WORDS) return undefined
  const given = Object.entries(parsed.values).map(([name, value]) => toProperty(name, value))
  const options = {
    color: true,
    input: true,
    verbose: 0,
    ...DEFAULTS,
    ...Object.fromEntries(given),
  }
  return { options, words: parsed.positionals }
}

/** The pipeline and the input. */
const MAX_WORDS = 2
const DEFAULTS = { sandbox: DEFAULT_SANDBOX, audit: true } as const

/** Short options that are joined to something, and what ends the options. */
function isUnusual(argument: string): boolean {
  return argument === '--' || /^-[^-]./s.test(argument)
}

function parse(args: readonly string[]): ReturnType<typeof parseArgs> | undefined {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch {
    // Commander words the problem.
    return undefined
  }
}

const OPTIONS: ParseArgsOptionsConfig = Object.fromEntries(
  [...GLOBAL_OPTIONS, ...RUN_OPTIONS].map(toConfig),
)

function toConfig({ flags, isRepeatable }: PlainOption): [string, ParseArgsOptionsConfig[string]] {
  const [, short, name = '', value] = /^(?:-(\w), )?--([a-z-]+)( <\w+>)?$/.exec(flags) ?? []
  const type = value === undefined ? 'boolean' : 'string'
  const multiple = isRepeatable === true
  return [name, { type, multiple, ...(short !== undefined && { short }) }]
}

const PROPERTIES = new Map(
  RUN_OPTIONS.flatMap(({ flags, property }) =>
    property === undefined ? [] : [[/--([a-z-]+)/.exec(flags)?.[1] ?? '', property]],
  ),
)

/** `no-color` is `color: false`, `dry-run` is `dryRun: true`. */
function toProperty(name: string, value: unknown): readonly [string, unknown] {
  const property = PROPERTIES.get(name)
  if (property !== undefined) return [property, value]
  if (name.startsWith('no-')) return [name.slice('no-'.length), false]
  return [name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()), value]
}
