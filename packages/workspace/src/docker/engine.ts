import { WaveError } from '@wave/core'
import type Docker from 'dockerode'
import { homedir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { EngineUsers, Runtime } from './container-config.ts'
import type { Patience } from './engine-agent.ts'
import {
  explicitHost,
  resolveHost,
  type EngineEnvironment,
  type EngineHost,
} from './engine-host.ts'

export interface Engine {
  readonly docker: Docker
  readonly endpoint: EngineHost
  readonly cpus: number
  /** What the user wants containers run with; undefined: the engine's own choice. */
  readonly runtime: Runtime | undefined
  readonly users: EngineUsers | undefined
}

/** Where to find an engine, and what it must have. */
interface EngineWish {
  /** Default: as the `docker` command would find it. */
  readonly host?: string | undefined
  readonly runtime?: Runtime | undefined
  /** How long the engine may be silent. */
  readonly patience?: Patience | undefined
}

/** Throws `docker-unreachable`, and `runtime-missing` for a runtime that the engine does not have. */
export async function connectEngine(
  wish: EngineWish,
  environment: EngineEnvironment,
): Promise<Engine> {
  const endpoint =
    wish.host === undefined ? resolveHost(environment) : explicitHost(wish.host, environment)
  const { docker, info } = await connect(endpoint, environment, wish.patience)
  refusePodman(info)
  if (wish.runtime !== undefined) requireRuntime(wish.runtime, info)
  const { runtime } = wish
  return { docker, endpoint, cpus: cpusOf(info), runtime, users: usersOf(info) }
}

/** The engine that the environment of this process names. */
export function connectOwnEngine(wish: EngineWish): Promise<Engine> {
  const { env: variables, platform } = process
  return connectEngine(wish, { variables, home: homedir(), platform })
}

async function connect(
  endpoint: EngineHost,
  environment: EngineEnvironment,
  allowed: Patience | undefined,
) {
  const { Dockerode, EngineAgent, dialOf } = await loadClient()
  const patience = new AbortController()
  try {
    const agent = new EngineAgent(dialOf(endpoint, environment.variables), allowed)
    // The host is a name for the HTTP header: the agent knows where the engine is.
    const options = { protocol: 'http', host: 'docker', port: 80, agent } as const
    const docker = new Dockerode(options)
    const timeoutMs = endpoint.host.startsWith('ssh:') ? SSH_TIMEOUT_MS : CONNECT_TIMEOUT_MS
    void delay(timeoutMs, undefined, { signal: patience.signal }).then(
      () => agent.giveUp(),
      () => {},
    )
    const info: unknown = await docker.info()
    return { docker, info }
  } catch (cause) {
    throw unreachable(endpoint.host, cause)
  } finally {
    patience.abort()
  }
}

/** Commands that open no sandbox need none of it. */
async function loadClient() {
  const [{ default: Dockerode }, agent, dial] = await Promise.all([
    import('dockerode'),
    import('./engine-agent.ts'),
    import('./engine-dial.ts'),
  ])
  return { Dockerode, ...agent, ...dial }
}

const CONNECT_TIMEOUT_MS = 5000
/** Several round trips over a network, perhaps through another host. */
const SSH_TIMEOUT_MS = 30_000

/** Its API is Docker's, but it passes over what a container's mounts say about their volumes. */
function refusePodman(info: unknown): void {
  if (typeof info !== 'object' || info === null || !('BuildahVersion' in info)) return
  throw new WaveError(
    'docker-unreachable',
    'What answers is Podman, which cannot hold a sandbox.',
    {
      hint: 'Start Docker Engine, which also runs without root, and point DOCKER_HOST or a Docker context at it.',
    },
  )
}

function requireRuntime(runtime: Runtime, info: unknown): void {
  const runtimes = runtimesOf(info)
  if (runtimes.includes(runtime)) return
  const has = runtimes.length === 0 ? 'It names none.' : `It has ${runtimes.join(', ')}.`
  throw new WaveError('runtime-missing', `The Docker engine has no runtime "${runtime}".`, {
    hint: `${has} ${INSTALL[runtime]}, or take "sandbox.runtime" out of your configuration.`,
  })
}

const INSTALL: Readonly<Record<Runtime, string>> = {
  runc: 'Install runc',
  runsc: 'Install gVisor and run "runsc install", then restart Docker',
}

/** The names of those that containers can ask for. */
export function runtimesOf(info: unknown): readonly string[] {
  const runtimes: unknown =
    typeof info === 'object' && info !== null && 'Runtimes' in info ? info.Runtimes : {}
  return typeof runtimes === 'object' && runtimes !== null ? Object.keys(runtimes) : []
}

function usersOf(info: unknown): EngineUsers | undefined {
  if (typeof info !== 'object' || info === null) return undefined
  const security = 'SecurityOptions' in info ? String(info.SecurityOptions) : ''
  if (/\bname=rootless\b/.test(security)) return { rootUid: 0, rootGid: 0, isRootless: true }
  // With `userns-remap` everything is in a folder that is named after the first user and group.
  const folder = 'DockerRootDir' in info ? String(info.DockerRootDir) : ''
  const [, uid, gid] = /\/(\d+)\.(\d+)$/.exec(folder) ?? []
  if (uid === undefined || !/\bname=userns\b/.test(security)) return undefined
  return { rootUid: Number(uid), rootGid: Number(gid), isRootless: false }
}

function cpusOf(info: unknown): number {
  const cpus = typeof info === 'object' && info !== null && 'NCPU' in info ? Number(info.NCPU) : 1
  return Math.max(1, Math.min(2, cpus))
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
  const code = codeOf(cause)
  if (statusOf(cause) === undefined && code !== undefined) {
    const isFrozen = code === 'ETIMEDOUT'
    const message = `The Docker engine ${isFrozen ? 'has stopped answering' : 'does not answer any more'}.`
    return new WaveError('docker-unreachable', message, {
      hint: `${isFrozen ? 'Restart' : 'Start'} Docker, then resume the run.`,
      cause,
    })
  }
  return new WaveError('workspace-failed', `Docker could not provide a workspace: ${said}`, {
    cause,
  })
}
