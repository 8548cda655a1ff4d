import { WaveError } from '@wave/core'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the user's Docker settings are looked up. */
export interface EngineEnvironment {
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly platform: NodeJS.Platform
}

/** Where an engine is, and how to prove to each other who is talking. */
export interface EngineHost {
  /** `unix://…`, `npipe://…`, `tcp://…`, `https://…` or `ssh://…`. */
  readonly host: string
  /** The Docker context that named it. */
  readonly context?: string
  /** A folder with ca.pem, cert.pem and key.pem. */
  readonly tlsFolder?: string
  /** The context says to believe any certificate. */
  readonly skipVerify?: boolean
}

/**
 * As the `docker` command finds its engine: DOCKER_HOST, then the selected context, then the default.
 * Throws `docker-unreachable` for a context that does not exist: another engine than the one that was
 * meant would be worse than none.
 */
export function resolveHost(environment: EngineEnvironment): EngineHost {
  const { variables, platform } = environment
  const host = variables['DOCKER_HOST']
  if (host !== undefined && host !== '') return explicitHost(host, environment)
  const folder = settingsFolder(environment)
  const selected = variables['DOCKER_CONTEXT']
  const name =
    selected || textAt(readJson(join(folder, 'config.json')), ['currentContext']) || 'default'
  return name === 'default'
    ? explicitHost(defaultHost(platform), environment)
    : contextHost(folder, name, platform)
}

/** A host that no context describes: DOCKER_TLS_VERIFY says whether certificates are needed. */
export function explicitHost(host: string, environment: EngineEnvironment): EngineHost {
  const { variables } = environment
  const isTls = /^https:/i.test(host) || Boolean(variables['DOCKER_TLS_VERIFY'])
  if (!isTls) return { host }
  return { host, tlsFolder: variables['DOCKER_CERT_PATH'] || settingsFolder(environment) }
}

function settingsFolder({ variables, home }: EngineEnvironment): string {
  return variables['DOCKER_CONFIG'] || join(home, '.docker')
}

function defaultHost(platform: NodeJS.Platform): string {
  return platform === 'win32' ? 'npipe:////./pipe/docker_engine' : 'unix:///var/run/docker.sock'
}

function contextHost(folder: string, name: string, platform: NodeJS.Platform): EngineHost {
  const id = createHash('sha256').update(name).digest('hex')
  const meta = readJson(join(folder, 'contexts', 'meta', id, 'meta.json'))
  if (meta === undefined) {
    throw new WaveError('docker-unreachable', `There is no Docker context "${name}".`, {
      hint: 'Run "docker context ls", and select one with "docker context use" or DOCKER_CONTEXT.',
    })
  }
  const host = textAt(meta, ['Endpoints', 'docker', 'Host']) || defaultHost(platform)
  const tlsFolder = join(folder, 'contexts', 'tls', id, 'docker')
  return {
    host,
    context: name,
    ...(existsSync(tlsFolder) && { tlsFolder }),
    skipVerify: valueAt(meta, ['Endpoints', 'docker', 'SkipTLSVerify']) === true,
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Docker itself works without its settings, and passes over damaged ones.
    return undefined
  }
}

function textAt(value: unknown, path: readonly string[]): string | undefined {
  const found = valueAt(value, path)
  return typeof found === 'string' ? found : undefined
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = Object.entries(current).find(([name]) => name === key)?.[1]
  }
  return current
}
