import { existsSync, mkdirSync, statfsSync } from 'node:fs'
import { platform } from 'node:os'
import { dirname } from 'node:path'
import { runsFolder } from '@wave/core'
import type { Project } from '../project.ts'
import { type Check, failure, note, ok, warning } from './check.ts'

/** Where runs and wave's own data lie: room, and whether what is written there stays. */
export function checkDisks(project: Pick<Project, 'root'>, dataDir: string): readonly Check[] {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch {
    return [failure('data', `${dataDir} cannot be made.`, 'Make it writable or set WAVE_HOME.')]
  }
  return [
    ...checkDisk('data', dataDir),
    ...checkDisk('runs', runsFolder(project.root)),
    ...checkPlatform(platform()),
  ]
}

/** What a user should know before a run that is going to lie there. */
export function diskNotes(project: Pick<Project, 'root'>, dataDir: string): readonly string[] {
  const paths = [dataDir, runsFolder(project.root)]
  const scarce = paths.flatMap((path) => {
    const { freeBytes } = lookAt(path)
    return freeBytes < SCARCE_BYTES ? `Only ${inMib(freeBytes)} MiB free in ${path}.` : []
  })
  const remote = paths.flatMap((path) => {
    const risk = riskOf(lookAt(path).type)
    // Of memory and layers who works there knows; of a share hardly anybody.
    return risk?.kind === 'network' ? `${path} is ${risk.what}.` : []
  })
  return [...scarce, ...remote]
}

/** What Docker keeps its data in, where that is a folder of this machine. */
export function engineDiskNotes(facts: {
  readonly host: string
  readonly dataRoot: string | undefined
}): readonly string[] {
  const { host, dataRoot } = facts
  // An engine elsewhere, or in a virtual machine, names a folder that is not here.
  if (dataRoot === undefined || !host.startsWith('unix:') || !existsSync(dataRoot)) return []
  const { freeBytes } = lookAt(dataRoot)
  if (freeBytes >= SCARCE_BYTES) return []
  return [
    `Docker has only ${inMib(freeBytes)} MiB left in ${dataRoot}: steps may fail. Run "wave gc", then "docker system prune".`,
  ]
}

/** Why what is recorded there may not stay; undefined: nothing is known against it. */
export function riskOf(type: number): Risk | undefined {
  // Elsewhere the numbers mean something else.
  return platform() === 'linux' ? RISKS.get(type) : undefined
}

interface Risk {
  readonly kind: 'network' | 'memory' | 'layer' | 'simple'
  /** Completes "<path> is …". */
  readonly what: string
}

/** macOS keeps what was synced in the disk's own cache; Node has no call that empties that. */
export function checkPlatform(name: NodeJS.Platform): readonly Check[] {
  if (name !== 'darwin') return []
  return [
    note(
      'power cuts',
      'On macOS fsync does not reach the platter: runs survive a crash of wave or of the system, but a power cut may take what was recorded last.',
    ),
  ]
}

function checkDisk(name: string, path: string): readonly Check[] {
  const { freeBytes, type } = lookAt(path)
  const free = `${(freeBytes / 2 ** 30).toFixed(1)} GiB free in ${path}`
  const space =
    freeBytes < 2 ** 30 ? warning(name, `Only ${free}.`, 'Make room on that disk.') : ok(name, free)
  const risk = riskOf(type)
  return risk === undefined
    ? [space]
    : [space, warning(name, `${path} is ${risk.what}.`, FIXES[risk.kind])]
}

/** The folder itself, or the nearest one above it: it is on the same disk. */
function lookAt(path: string): { readonly freeBytes: number; readonly type: number } {
  if (!existsSync(path) && dirname(path) !== path) return lookAt(dirname(path))
  const { bavail, bsize, type } = statfsSync(path)
  return { freeBytes: bavail * bsize, type }
}

const SCARCE_BYTES = 256 * 2 ** 20

const inMib = (bytes: number) => Math.floor(bytes / 2 ** 20)

const network = (name: string): Risk => ({
  kind: 'network',
  what: `on a network file system (${name}): what was recorded may be lost in a crash or a power cut`,
})
const memory = (name: string): Risk => ({
  kind: 'memory',
  what: `in memory (${name}): runs are gone when this machine stops`,
})
const layer = (name: string): Risk => ({
  kind: 'layer',
  what: `on a layer over other file systems (${name}), as in a container: runs are gone when that is removed, and a power cut may take what was recorded last`,
})
const simple = (name: string): Risk => ({
  kind: 'simple',
  what: `on a file system without a journal and without hard links (${name}): no run can start there`,
})

const FIXES: Readonly<Record<Risk['kind'], string>> = {
  network: 'Use a local disk.',
  memory: 'Use a local disk for what is to stay.',
  layer: 'Mount a volume or a folder of the host there.',
  simple: 'Use a local disk with ext4, xfs or btrfs.',
}

/** By `f_type`, as linux/magic.h and the sources of the kernel have it. */
const RISKS: ReadonlyMap<number, Risk> = new Map([
  [0x6969, network('NFS')],
  [0x517b, network('SMB')],
  [0xff534d42, network('CIFS')],
  [0xfe534d42, network('SMB2')],
  [0x65735546, network('FUSE')],
  [0x01021997, network('9P')],
  [0x00c36400, network('Ceph')],
  [0x5346414f, network('AFS')],
  [0x6b414653, network('AFS')],
  [0x73757245, network('Coda')],
  [0x0bd00bd0, network('Lustre')],
  [0x47504653, network('GPFS')],
  [0x786f4256, network('VirtualBox share')],
  [0x01021994, memory('tmpfs')],
  [0x858458f6, memory('ramfs')],
  [0x794c7630, layer('overlay')],
  [0x61756673, layer('aufs')],
  [0x4d44, simple('FAT')],
  [0x2011bab0, simple('exFAT')],
])
