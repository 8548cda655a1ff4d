import { connectOwnEngine, runtimesOf } from './engine.ts'

/** What an engine says about itself. Undefined: it does not say. */
export interface EngineFacts {
  readonly host: string
  /** The Docker context that named the host. */
  readonly context: string | undefined
  readonly isEncrypted: boolean
  readonly version: string | undefined
  readonly runcVersion: string | undefined
  readonly cgroupVersion: string | undefined
  readonly architecture: string | undefined
  readonly runtimes: readonly string[]
  readonly defaultRuntime: string | undefined
  /** `seccomp`, `apparmor`, `selinux`, `rootless`, `userns`, `cgroupns` … */
  readonly security: readonly string[]
  /** What it cannot limit: a sandbox may then take all of it. */
  readonly unlimited: readonly ('memory' | 'swap' | 'processes' | 'CPU time')[]
  readonly storageDriver: string | undefined
  /** A path of the engine's machine. */
  readonly dataRoot: string | undefined
  /** UTC, ISO 8601. */
  readonly timeUtc: string | undefined
}

/** For `wave doctor`. Throws `docker-unreachable`. */
export async function readEngineFacts(host?: string): Promise<EngineFacts> {
  const engine = await connectOwnEngine({ host })
  const [info, version]: readonly [unknown, unknown] = await Promise.all([
    engine.docker.info(),
    engine.docker.version(),
  ])
  const components = listIn(version, 'Components')
  const runc = components.find((component) => textIn(component, 'Name') === 'runc')
  const { endpoint } = engine
  return {
    host: endpoint.host,
    context: endpoint.context,
    isEncrypted: endpoint.tlsFolder !== undefined,
    version: textIn(version, 'Version'),
    runcVersion: textIn(runc, 'Version'),
    cgroupVersion: textIn(info, 'CgroupVersion'),
    architecture: textIn(info, 'Architecture'),
    runtimes: runtimesOf(info),
    defaultRuntime: textIn(info, 'DefaultRuntime'),
    security: listIn(info, 'SecurityOptions').flatMap(securityName),
    unlimited: LIMITS.filter(([key]) => valueIn(info, key) === false).map(([, what]) => what),
    storageDriver: textIn(info, 'Driver'),
    dataRoot: textIn(info, 'DockerRootDir'),
    timeUtc: textIn(info, 'SystemTime'),
  }
}

const LIMITS = [
  ['MemoryLimit', 'memory'],
  ['SwapLimit', 'swap'],
  ['PidsLimit', 'processes'],
  ['CpuCfsQuota', 'CPU time'],
] as const

/** `name=seccomp,profile=default` → `seccomp`. */
function securityName(option: unknown): readonly string[] {
  const name = typeof option === 'string' ? /^name=([^,]+)/.exec(option)?.[1] : undefined
  return name === undefined ? [] : [name]
}

function listIn(value: unknown, key: string): readonly unknown[] {
  const list = valueIn(value, key)
  return Array.isArray(list) ? list : []
}

function textIn(value: unknown, key: string): string | undefined {
  const text = valueIn(value, key)
  return typeof text === 'string' && text !== '' ? text : undefined
}

function valueIn(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([name]) => name === key)?.[1]
}
