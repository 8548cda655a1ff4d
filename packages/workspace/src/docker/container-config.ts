import type { ContainerCreateOptions, HostConfig, MountSettings } from 'dockerode'
import { KEEPER_BOOT, TOOLS_BOOT } from './boot.ts'
import { seccompProfile } from './seccomp.ts'

const MIB = 2 ** 20

/** Every tool process, and the owner of what tools may change. */
export const TOOL_USER = 65_532
/** The first process and the owner of injected artifacts: a sweep of the tool user leaves it alive. */
const IDLE_USER = 65_533

/** What runs the containers. `runsc` is gVisor: a kernel of its own between the tools and the host's. */
export type Runtime = 'runc' | 'runsc'

/** How an engine maps users. */
export interface EngineUsers {
  /** Who user and group 0 of a container are to the engine. */
  readonly rootUid: number
  readonly rootGid: number
  /** Its own root is an ordinary user of the machine. */
  readonly isRootless: boolean
}

/** Where a step's tree comes from. Host paths appear only as volumes of the engine's own. */
export type Source =
  | { readonly kind: 'none' }
  /** A sealed snapshot volume, by its key. */
  | { readonly kind: 'snapshot'; readonly key: string; readonly target: string }
  /** A folder of a sealed volume, by its place in the engine's data root. */
  | { readonly kind: 'folder'; readonly device: string; readonly target: string }
  /** Folders of sealed volumes over each other, the topmost first. */
  | { readonly kind: 'stack'; readonly lowers: readonly string[]; readonly target: string }
  | {
      readonly kind: 'overlay'
      readonly lowers: readonly string[]
      readonly layer: string
      readonly target: string
    }

/** All that differs between two sandboxes. Ids are also the labels. */
export interface Box {
  readonly install: string
  readonly run: string
  readonly step: string
  /** The process of wave that it must not outlive. */
  readonly process: string
  readonly attempt: number
  /** Random: two workspaces of one attempt may exist. */
  readonly instance: string
  /** Digest, resolved through the user's allow-list. */
  readonly image: string
  /** As the user demands; undefined: what the engine runs containers with. */
  readonly runtime?: Runtime | undefined
  readonly cpus: number
  /** Undefined: users of containers are those of the engine, and its root is that of the machine. */
  readonly users?: EngineUsers | undefined
  readonly part:
    | { readonly role: 'keeper' }
    | {
        readonly role: 'tools'
        readonly source: Source
        /** Files and contents that prove the source complete. */
        readonly seals: readonly Seal[]
        /** Length of the archive of injected artifacts that follows on standard input. */
        readonly inputBytes: number
      }
}

export interface Seal {
  readonly file: string
  readonly content: string
}

export const LABELS = {
  install: 'dev.wave.install',
  run: 'dev.wave.run',
  step: 'dev.wave.step',
  process: 'dev.wave.process',
  snapshot: 'dev.wave.snapshot',
  holds: 'dev.wave.holds',
} as const

/** The one place that decides how a sandbox is confined. Pure: equal boxes, equal configurations. */
export function containerConfig(box: Box): ContainerCreateOptions {
  const { part } = box
  return {
    name: ['wave', box.run, plainName(box.step), box.attempt, box.instance, part.role].join('-'),
    Labels: labelsOf(box),
    Image: box.image,
    ...process(box),
    WorkingDir: '/',
    Hostname: 'sandbox',
    Env: [...ENVIRONMENT],
    Tty: false,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    NetworkDisabled: true,
    Healthcheck: { Test: ['NONE'] },
    StopSignal: 'SIGKILL',
    StopTimeout: 1,
    HostConfig: {
      ...CONFINEMENT,
      ...(box.runtime !== undefined && RUNTIMES[box.runtime]),
      NanoCpus: box.cpus * 1e9,
      Mounts: part.role === 'keeper' ? [layerVolume(box)] : toolMounts(box, part.source),
    },
  }
}

function process({ part }: Box): Pick<ContainerCreateOptions, 'Entrypoint' | 'Cmd' | 'User'> {
  const shell = ['/bin/sh', '-c']
  if (part.role === 'keeper') {
    // It makes the layer's folders, which belong to the tools; no tool ever runs beside it.
    return { Entrypoint: [...shell, KEEPER_BOOT, 'keeper'], Cmd: [], User: user(TOOL_USER) }
  }
  const seals = part.seals.flatMap(({ file, content }) => [file, content])
  const boot = [...shell, TOOLS_BOOT, 'boot', String(part.inputBytes), ...seals]
  return { Entrypoint: boot, Cmd: [], User: user(IDLE_USER) }
}

export const user = (id: number) => `${id}:${id}`

const ENVIRONMENT = [
  'PATH=/usr/local/bin:/usr/bin:/bin',
  'HOME=/tmp',
  'LANG=C.UTF-8',
  'CI=1',
  'TERM=dumb',
  'NO_COLOR=1',
  'PAGER=cat',
  'GIT_PAGER=cat',
  'GIT_OPTIONAL_LOCKS=0',
  'LD_PRELOAD=',
  'BASH_ENV=',
  'ENV=',
]

const CONFINEMENT: HostConfig & { CgroupnsMode: 'private' } = {
  NetworkMode: 'none',
  IpcMode: 'private',
  CgroupnsMode: 'private',
  ReadonlyRootfs: true,
  Privileged: false,
  // Orphans of tools would otherwise stay as zombies and use up the process limit.
  Init: true,
  AutoRemove: true,
  CapDrop: ['ALL'],
  CapAdd: [],
  GroupAdd: [],
  Devices: [],
  Binds: [],
  VolumesFrom: [],
  SecurityOpt: ['no-new-privileges', `seccomp=${JSON.stringify(seccompProfile())}`],
  PidsLimit: 256,
  OomScoreAdj: 500,
  // Pages that tools write to memory file systems count as well: more than the sum of these.
  Memory: 1024 * MIB,
  MemorySwap: 1024 * MIB,
  Ulimits: [
    { Name: 'nofile', Soft: 1024, Hard: 1024 },
    { Name: 'core', Soft: 0, Hard: 0 },
    { Name: 'fsize', Soft: 50 * MIB, Hard: 50 * MIB },
  ],
  Tmpfs: { '/tmp': 'rw,noexec,nosuid,nodev,size=64m,nr_inodes=8192,mode=1777' },
  ShmSize: 16 * MIB,
  LogConfig: { Type: 'none', Config: {} },
  RestartPolicy: { Name: 'no' },
}

const RUNTIMES: Readonly<Record<Runtime, HostConfig>> = {
  runc: { Runtime: 'runc' },
  // Its kernel takes several threads of the machine for one process of a tool, and dies when it gets none.
  runsc: { Runtime: 'runsc', PidsLimit: 1024 },
}

function toolMounts(box: Box, source: Source): MountSettings[] {
  return [
    ...sourceMount(box, source),
    scratch(box, '/work', memory(box, '64m', 8192, TOOL_USER)),
    // Owned by the idle user, hence read-only for tools.
    scratch(box, '/work/artifacts', memory(box, '48m', 2000, IDLE_USER)),
  ]
}

/**
 * Never references into the tree below: the host reads a layer alone. Without root an overlay keeps its
 * notes where users may, and then knows no references anyway.
 */
function wholeFiles({ users }: Box): string {
  const how = users?.isRootless === true ? 'userxattr' : 'redirect_dir=off'
  return `${how},metacopy=off,index=off`
}

function sourceMount(box: Box, source: Source): MountSettings[] {
  switch (source.kind) {
    case 'none':
      return []
    case 'snapshot':
      return [snapshotMount(box.install, source, true)]
    case 'folder': {
      const options = { type: 'none', device: source.device, o: 'bind,ro' }
      return [scratch(box, source.target, options)]
    }
    case 'stack': {
      const layers = `lowerdir=${source.lowers.join(':')},${wholeFiles(box)}`
      const options = { type: 'overlay', device: 'overlay', o: `ro,${layers},nosuid,nodev` }
      return [scratch(box, source.target, options)]
    }
    case 'overlay': {
      const layers = `lowerdir=${source.lowers.join(':')},upperdir=${source.layer}/upper,workdir=${source.layer}/work`
      const options = {
        type: 'overlay',
        device: 'overlay',
        o: `${layers},${wholeFiles(box)},nosuid,nodev`,
      }
      return [scratch(box, source.target, options)]
    }
    default:
      return source satisfies never
  }
}

export const snapshotVolumeName = (key: string) => `wave-src-${key}`

/** The engine creates a missing volume with these labels, and empty: its missing seal tells. */
export function snapshotMount(
  install: string,
  volume: { readonly key: string; readonly target: string; readonly holds?: string },
  readonly: boolean,
): MountSettings {
  const { key, target, holds } = volume
  const labels = {
    [LABELS.install]: install,
    [LABELS.snapshot]: key,
    ...(holds !== undefined && { [LABELS.holds]: holds }),
  }
  return mount({ source: snapshotVolumeName(key), target, readonly, labels })
}

/** Where the keeper holds what a read-write step changes. */
export const LAYER = '/layer'

function layerVolume(box: Box): MountSettings {
  return scratch(box, LAYER, memory(box, '256m', 50_000, TOOL_USER))
}

/** The engine mounts it, so the owner is as the engine counts. */
function memory(box: Box, size: string, inodes: number, owner: number): Record<string, string> {
  const { rootUid, rootGid } = box.users ?? { rootUid: 0, rootGid: 0 }
  const limits = `size=${size},nr_inodes=${inodes}`
  return {
    type: 'tmpfs',
    device: 'tmpfs',
    o: `${limits},uid=${rootUid + owner},gid=${rootGid + owner},mode=0755,nosuid,nodev`,
  }
}

/** A nameless volume: the engine removes it together with its container, also when wave is dead. */
function scratch(box: Box, target: string, options: Record<string, string>): MountSettings {
  return mount({ source: '', target, readonly: false, labels: labelsOf(box), options })
}

function mount(volume: {
  source: string
  target: string
  readonly: boolean
  labels?: Record<string, string>
  options?: Record<string, string>
}): MountSettings {
  return {
    Type: 'volume',
    Source: volume.source,
    Target: volume.target,
    ReadOnly: volume.readonly,
    VolumeOptions: {
      // Otherwise the image's own files at the target would be copied into an empty volume.
      NoCopy: true,
      Labels: volume.labels ?? {},
      DriverConfig: {
        Name: volume.options === undefined ? '' : 'local',
        Options: volume.options ?? {},
      },
    },
  }
}

function labelsOf(box: Box): Record<string, string> {
  return {
    [LABELS.install]: box.install,
    [LABELS.run]: box.run,
    [LABELS.step]: box.step,
    [LABELS.process]: box.process,
  }
}

/** Steps in steps have names such as `audit/review[3]#2`, which a container cannot have. */
function plainName(step: string): string {
  return step.replaceAll(/[^a-zA-Z0-9_.-]+/gu, '.').slice(0, 100)
}
