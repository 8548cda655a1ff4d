import { styleText } from 'node:util'
import type { Environment } from '@wave/core/redaction'

export type Paint = (style: Style, text: string) => string
export type Style = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold'

/** Terminals get colour unless `NO_COLOR`, `--no-color` or a dumb terminal says no; others only with `FORCE_COLOR`. */
export function createPaint(options: {
  readonly env: Environment
  readonly isTerminal: boolean
  readonly noColor: boolean
}): Paint {
  return wantsColour(options)
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_, text) => text
}

function wantsColour(options: Parameters<typeof createPaint>[0]): boolean {
  const { env } = options
  if (options.noColor || isSet(env['NO_COLOR'])) return false
  if (isSet(env['FORCE_COLOR'])) return env['FORCE_COLOR'] !== '0'
  return options.isTerminal && !isPlain(env)
}

/** CI systems and dumb terminals: lines only, no colour, no live block, no questions. */
export function isPlain(env: Environment): boolean {
  return isSet(env['CI']) || isSet(env['GITHUB_ACTIONS']) || env['TERM'] === 'dumb'
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== ''
}
