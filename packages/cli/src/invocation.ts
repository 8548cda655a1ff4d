import { resolve } from 'node:path'
import { WaveError } from '@wave/core/language'
import type { Host } from './host.ts'
import { createPaint, isPlain, type Paint } from './render/colour.ts'

const OUTPUT_MODES = ['text', 'steps', 'json', 'quiet'] as const
export type OutputMode = (typeof OUTPUT_MODES)[number]

/** Options that every command takes, as commander delivers them. */
export interface GlobalOptions {
  readonly C?: string
  readonly output?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: number
  readonly logLevel?: string
  /** `--no-color` and `--no-input` make these false. */
  readonly color?: boolean
  readonly input?: boolean
  readonly yes?: boolean
  readonly config?: string
}

/** One call of `wave`: the process, and how the user wants to be talked to. */
export interface Invocation {
  readonly host: Host
  readonly version: string
  readonly cwd: string
  /** Undefined: whatever the configuration prefers. */
  readonly output: OutputMode | undefined
  readonly verbosity: number
  readonly logLevel: string | undefined
  readonly noColor: boolean
  readonly yes: boolean
  /** Whether a person is there to answer a question. */
  readonly mayAsk: boolean
  readonly configFile: string | undefined
}

export function createInvocation(host: Host, version: string, options: GlobalOptions): Invocation {
  const cwd = options.C === undefined ? host.cwd : resolve(host.cwd, options.C)
  return {
    host,
    version,
    cwd,
    output: outputOf(options) ?? parseOutput(host.env['WAVE_OUTPUT'], 'WAVE_OUTPUT'),
    verbosity: options.verbose ?? 0,
    logLevel: options.logLevel ?? host.env['WAVE_LOG'],
    noColor: options.color === false,
    yes: options.yes ?? false,
    get mayAsk() {
      const isThere = host.err.isTerminal && host.stdin.isTerminal
      return options.input !== false && isThere && !isPlain(host.env)
    },
    configFile: configFileOf(options, host, cwd),
  }
}

/** Like every other path of the command line, from the folder that `-C` chose. */
function configFileOf(options: GlobalOptions, host: Host, cwd: string): string | undefined {
  const named = options.config ?? (host.env['WAVE_CONFIG'] || undefined)
  return named === undefined ? undefined : resolve(cwd, named)
}

export function paintOf(invocation: Invocation): Paint {
  const { host, noColor } = invocation
  return createPaint({ env: host.env, isTerminal: host.out.isTerminal, noColor })
}

/** The mode that an error is printed in, also when the arguments could not be parsed. */
export function guessOutput(argv: readonly string[], env: Host['env']): OutputMode {
  const end = argv.indexOf('--')
  const before = end === -1 ? argv : argv.slice(0, end)
  const wantsJson = before.some(
    (argument, index) =>
      argument === '--json' ||
      argument === '-ojson' ||
      argument === '--output=json' ||
      (argument === 'json' && ['-o', '--output'].includes(before[index - 1] ?? '')),
  )
  return wantsJson || env['WAVE_OUTPUT'] === 'json' ? 'json' : 'text'
}

function outputOf(options: GlobalOptions): OutputMode | undefined {
  if (options.json === true) return 'json'
  if (options.quiet === true) return 'quiet'
  return parseOutput(options.output, '--output')
}

export function parseOutput(text: string | undefined, source: string): OutputMode | undefined {
  if (text === undefined || text === '') return undefined
  const mode = OUTPUT_MODES.find((known) => known === text)
  if (mode !== undefined) return mode
  throw new WaveError('usage', `${source} is one of ${OUTPUT_MODES.join(', ')}, not "${text}".`)
}
