import { readFileSync } from 'node:fs'
import type { LimitRules, RunLimits } from '@wave/core'
import { BUILT_IN_CAPS, WaveError } from '@wave/core/language'
import { type Invocation, type OutputMode, parseOutput } from '../invocation.ts'
import { type Project, readProjectFile } from '../project.ts'
import type { Environment } from '@wave/core/redaction'
import { whyUnreadable } from '../why-unreadable.ts'
import { type UserPaths, userPaths } from './paths.ts'
import type { ConfiguredLimits, ProjectConfig, UserConfig } from './schema.ts'

/** What holds for this call: the user's file, the project's file and the environment together. */
export interface Config {
  readonly paths: UserPaths
  readonly user: UserConfig
  readonly project: ProjectConfig
  readonly output: OutputMode
  readonly logLevel: string | undefined
  readonly defaultPipeline: string | undefined
  /** Environment variables that other tools obey and wave does not. */
  readonly warnings: readonly string[]
}

export const PROJECT_CONFIG_FILE = '.wave/config.yaml'

export async function loadConfig(invocation: Invocation, project: Project): Promise<Config> {
  const { env } = invocation.host
  const paths = await userPaths(env, invocation.configFile)
  const user = await loadUser(paths.configFile, invocation.configFile !== undefined)
  invocation.host.hideVariables(keyVariables(user))
  const own = project.hasWave ? readProjectFile(project.root, PROJECT_CONFIG_FILE) : undefined
  const ofProject = own === undefined ? {} : await readProject(own, paths.configFile)
  const preferred = ofProject.output ?? user.output
  return {
    paths,
    user,
    project: ofProject,
    output: invocation.output ?? parseOutput(preferred, 'output') ?? 'text',
    logLevel: invocation.logLevel ?? ofProject.logLevel ?? user.logLevel,
    defaultPipeline: ofProject.defaultPipeline ?? user.defaultPipeline,
    warnings: warningsAbout(env),
  }
}

/** The rules that the plan checks limits by: what the user grants, and who asks for less. */
export function limitRules(
  config: Config,
  layers: { readonly flags: Partial<RunLimits>; readonly env: Environment },
): LimitRules {
  const granted = toLimits(config.user.limits ?? {})
  return {
    caps: { ...BUILT_IN_CAPS, ...granted },
    layers: [
      { source: 'the command line', limits: layers.flags },
      { source: 'WAVE_MAX_USD', limits: usdOf(layers.env['WAVE_MAX_USD']) },
      { source: PROJECT_CONFIG_FILE, limits: toLimits(config.project.limits ?? {}) },
      { source: 'your configuration', limits: granted },
    ],
  }
}

/** A positive number, or an error that names where it stood. */
export function positiveNumber(text: string, source: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
  throw new WaveError('usage', `${source} takes a positive number, not "${text}".`)
}

function usdOf(text: string | undefined): Partial<RunLimits> {
  return text === undefined || text === '' ? {} : { usd: positiveNumber(text, 'WAVE_MAX_USD') }
}

function keyVariables(user: UserConfig): readonly string[] {
  const keys = Object.values(user.providers ?? {}).flatMap(({ keyEnv }) => keyEnv ?? [])
  const headers = Object.values(user.channels ?? {}).flatMap((channel) =>
    Object.values(channel.headers ?? {}),
  )
  return [...keys, ...headers]
}

/** Leaves unset keys out, so that they replace nothing. */
function toLimits(limits: ConfiguredLimits): Partial<RunLimits> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
}

async function loadUser(file: string, wasNamed: boolean): Promise<UserConfig> {
  const bytes = readUserFile(file, wasNamed)
  if (bytes === undefined) return {}
  // What checks a configuration is loaded when there is one.
  const { readUserConfig } = await import('./read.ts')
  return readUserConfig(file, bytes)
}

/** Undefined: there is none, and none was asked for. */
function readUserFile(file: string, wasNamed: boolean): Uint8Array | undefined {
  try {
    return readFileSync(file)
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (isMissing && !wasNamed) return undefined
    const why = whyUnreadable(error)
    throw new WaveError('config-invalid', `The configuration "${file}" cannot be read: ${why}.`, {
      hint: 'Name a readable file with --config or WAVE_CONFIG, or the folder that holds it with WAVE_HOME.',
      cause: error,
    })
  }
}

async function readProject(bytes: Uint8Array, userConfigFile: string): Promise<ProjectConfig> {
  const { readProjectConfig } = await import('./read.ts')
  return readProjectConfig(PROJECT_CONFIG_FILE, bytes, userConfigFile)
}

const PROXIES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'https_proxy', 'http_proxy', 'all_proxy']

function warningsAbout(env: Environment): readonly string[] {
  return PROXIES.filter((name) => env[name]).map(
    (name) => `${name} is not obeyed: wave connects to providers directly.`,
  )
}
