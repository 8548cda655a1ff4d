import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the user's Docker settings are looked up. */
export interface EngineEnvironment {
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly platform: NodeJS.Platform
}

/** As the `docker` command finds its engine: DOCKER_HOST, then the selected context, then the default. */
export function resolveHost(environment: EngineEnvironment): string {
  const { variables, platform } = environment
  const host = variables['DOCKER_HOST']
  if (host !== undefined && host !== '') return host
  const folder = variables['DOCKER_CONFIG'] ?? join(environment.home, '.docker')
  return contextHost(folder, variables['DOCKER_CONTEXT']) ?? defaultHost(platform)
}

function defaultHost(platform: NodeJS.Platform): string {
  return platform === 'win32' ? 'npipe:////./pipe/docker_engine' : 'unix:///var/run/docker.sock'
}

function contextHost(folder: string, selected: string | undefined): string | undefined {
  const name = selected ?? field(readJson(join(folder, 'config.json')), ['currentContext'])
  if (name === undefined || name === '' || name === 'default') return undefined
  const id = createHash('sha256').update(name).digest('hex')
  const meta = readJson(join(folder, 'contexts', 'meta', id, 'meta.json'))
  return field(meta, ['Endpoints', 'docker', 'Host'])
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Docker itself works without these files; a damaged one means the default engine.
    return undefined
  }
}

function field(value: unknown, path: readonly string[]): string | undefined {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = Object.entries(current).find(([name]) => name === key)?.[1]
  }
  return typeof current === 'string' ? current : undefined
}
