import { WaveError } from '@wave/core'
import type Docker from 'dockerode'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolveHost, type EngineEnvironment } from './engine-host.ts'

export interface Engine {
  readonly docker: Docker
  readonly host: string
  readonly cpus: number
}

/** Throws `docker-unreachable`. */
export async function connectEngine(
  host: string | undefined,
  environment: EngineEnvironment,
): Promise<Engine> {
  const resolved = host ?? resolveHost(environment)
  const { default: Dockerode } = await import('dockerode')
  try {
    const docker = new Dockerode({ ...address(resolved, environment), timeout: CONNECT_TIMEOUT_MS })
    const info: unknown = await docker.info()
    // From here on requests may take their time: filling a volume does.
    const patient = new Dockerode(address(resolved, environment))
    return { docker: patient, host: resolved, cpus: cpusOf(info) }
  } catch (cause) {
    throw unreachable(resolved, cause)
  }
}

const CONNECT_TIMEOUT_MS = 5000

function cpusOf(info: unknown): number {
  const cpus = typeof info === 'object' && info !== null && 'NCPU' in info ? Number(info.NCPU) : 1
  return Math.max(1, Math.min(2, cpus))
}

function address(host: string, environment: EngineEnvironment): Docker.DockerOptions {
  const socket = /^(?:unix|npipe):\/\/(.+)$/.exec(host)
  if (socket?.[1] !== undefined) return { socketPath: socket[1] }
  const url = URL.parse(host)
  if (url === null || !['tcp:', 'http:', 'https:'].includes(url.protocol)) {
    throw new WaveError('docker-unreachable', `Cannot connect to a Docker engine at ${host}.`, {
      hint: 'Set DOCKER_HOST to a unix:// or tcp:// address.',
    })
  }
  const isTls = url.protocol === 'https:' || Boolean(environment.variables['DOCKER_TLS_VERIFY'])
  const port = url.port === '' ? (isTls ? 2376 : 2375) : Number(url.port)
  const plain = { host: url.hostname, port, protocol: 'http' } as const
  if (!isTls) return plain
  const folder = environment.variables['DOCKER_CERT_PATH'] ?? join(environment.home, '.docker')
  const file = (name: string) => readFileSync(join(folder, name))
  return {
    ...plain,
    protocol: 'https',
    ca: file('ca.pem'),
    cert: file('cert.pem'),
    key: file('key.pem'),
  }
}

function unreachable(host: string, cause: unknown): WaveError {
  if (cause instanceof WaveError) return cause
  const reason = codeOf(cause)
  const hint = isFileError(cause)
    ? 'Put ca.pem, cert.pem and key.pem into the folder that DOCKER_CERT_PATH names.'
    : reason === 'EACCES'
      ? 'Allow your user to reach the Docker socket, for example by adding it to the group "docker".'
      : 'Start Docker, or set DOCKER_HOST to a running engine.'
  const because = reason === undefined ? '' : ` (${reason})`
  return new WaveError('docker-unreachable', `No Docker engine answers at ${host}${because}.`, {
    hint,
    cause,
  })
}

/** Only certificates are opened; sockets fail in `connect`. */
function isFileError(cause: unknown): boolean {
  return cause instanceof Error && 'syscall' in cause && cause.syscall === 'open'
}

function codeOf(cause: unknown): string | undefined {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined
  return typeof cause.code === 'string' ? cause.code : undefined
}

function statusOf(cause: unknown): number | undefined {
  if (typeof cause !== 'object' || cause === null || !('statusCode' in cause)) return undefined
  return typeof cause.statusCode === 'number' ? cause.statusCode : undefined
}

export const isMissing = (cause: unknown) => statusOf(cause) === 404
export const isConflict = (cause: unknown) => statusOf(cause) === 409

/** What a failed call to the engine means to the user. */
export function engineError(cause: unknown): Error {
  if (cause instanceof WaveError) return cause
  const said = cause instanceof Error ? cause.message : String(cause)
  if (/no space left on device|disk quota exceeded/i.test(said)) {
    return new WaveError('disk-full', "Docker's disk is full.", {
      hint: 'Free space, for example with "docker system prune", then resume the run.',
      cause,
    })
  }
  if (statusOf(cause) === undefined && codeOf(cause) !== undefined) {
    return new WaveError('docker-unreachable', 'The Docker engine does not answer any more.', {
      hint: 'Start Docker, then resume the run.',
      cause,
    })
  }
  return new WaveError('workspace-failed', `Docker could not provide a workspace: ${said}`, {
    cause,
  })
}
