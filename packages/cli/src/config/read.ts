import type { Problem, Shape, ShapePath, ShapeRules } from '@wave/core'
import { ProblemsError, WaveError } from '@wave/core/language'
import { parseYaml, readShape } from '@wave/core/reading'
import { READ_CAP_BYTES } from '../project.ts'
import { type ProjectConfig, PROJECT_CONFIG, USER_CONFIG, type UserConfig } from './schema.ts'

/** The user's configuration file. Every mistake in it at once. */
export function readUserConfig(file: string, bytes: Uint8Array): UserConfig {
  return readConfig(file, bytes, { shape: USER_CONFIG, rules: rulesFor({}), fits: isUserConfig })
}

/** `.wave/config.yaml`. What only the user may set is refused with the place where it belongs. */
export function readProjectConfig(
  file: string,
  bytes: Uint8Array,
  userConfigFile: string,
): ProjectConfig {
  const userOnly = Object.keys(USER_CONFIG.properties).filter(
    (key) => !(key in PROJECT_CONFIG.properties),
  )
  const reason = `only your own configuration may set it (${userConfigFile})`
  const known = Object.fromEntries([...userOnly, ...NEVER].map((key) => [key, reason]))
  const rules = rulesFor(known)
  return readConfig(file, bytes, { shape: PROJECT_CONFIG, rules, fits: isProjectConfig })
}

/** Keys that people expect to work here. */
const NEVER = ['apiKey', 'baseUrl', 'headers', 'proxy', 'image', 'network', 'env']

function isUserConfig(value: unknown): value is UserConfig {
  return value !== undefined
}

function isProjectConfig(value: unknown): value is ProjectConfig {
  return value !== undefined
}

interface Reading<T> {
  readonly shape: Shape
  readonly rules: ShapeRules
  /** Called with what had no mistakes. */
  readonly fits: (value: unknown) => value is T
}

function readConfig<T>(file: string, bytes: Uint8Array, reading: Reading<T>): T {
  const value = readValue(file, bytes, reading)
  if (reading.fits(value)) return value
  throw new Error(`Internal error: "${file}" gave nothing`)
}

function readValue(
  file: string,
  bytes: Uint8Array,
  reading: Omit<Reading<object>, 'fits'>,
): unknown {
  const text = decode(file, bytes)
  // Nothing but comments: the usual state of a fresh file, and not worth a YAML parser.
  if (text.split('\n').every((line) => /^\s*(?:#|$)/.test(line))) return {}
  const parsed = parseYaml({ file, text, code: 'config-invalid' })
  if (!parsed.ok) throw new ProblemsError(parsed.problems)
  const { value, problems } = readShape(parsed.value, reading.shape, reading.rules)
  throwAll(problems)
  return value
}

function throwAll(problems: readonly Problem[]): void {
  const [first, ...rest] = problems.toSorted((left, right) => position(left) - position(right))
  if (first !== undefined) throw new ProblemsError([first, ...rest])
}

function position(problem: Problem): number {
  return (problem.location?.line ?? 0) * 10_000 + (problem.location?.column ?? 0)
}

function decode(file: string, bytes: Uint8Array): string {
  if (bytes.length >= READ_CAP_BYTES) {
    throw new WaveError('config-invalid', `"${file}" is larger than 64 KiB.`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new WaveError('config-invalid', `"${file}" is not UTF-8 text.`, { cause })
  }
}

function rulesFor(knownKeys: Readonly<Record<string, string>>): ShapeRules {
  return {
    code: 'config-invalid',
    subject: (path: ShapePath) => (path.length === 0 ? 'The configuration' : `"${path.join('.')}"`),
    knownKey: (_, key) => (Object.hasOwn(knownKeys, key) ? knownKeys[key] : undefined),
    knownValue: () => undefined,
  }
}
