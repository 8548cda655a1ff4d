import type Docker from 'dockerode'
import { planRemovals, type CachedVolume, type CacheLimits } from './cache-plan.ts'
import { LABELS, snapshotVolumeName } from './container-config.ts'
import { isMissing } from './engine.ts'
import { parseHolding } from './volume-holding.ts'
import type { VolumeRecords } from './volume-records.ts'

/** The snapshot volumes of one installation on one engine. */
export interface SnapshotCache {
  readonly docker: Docker
  readonly install: string
  readonly records: VolumeRecords
}

export interface Trimmed {
  readonly kept: readonly CachedVolume[]
  readonly removed: readonly CachedVolume[]
}

/** Removes what the limits ask for and nobody uses. `dryRun`: only tells. */
export async function trimCache(
  cache: SnapshotCache,
  limits: CacheLimits,
  dryRun = false,
): Promise<Trimmed> {
  const volumes = await readCache(cache)
  const planned = planRemovals(volumes, limits)
  const removed: CachedVolume[] = []
  const needed = new Set<string>()
  for (const volume of planned) {
    const mayGo = !needed.has(volume.key)
    if (mayGo && (dryRun || (await remove(cache, volume.key)))) removed.push(volume)
    // Used after all: what is below it must stay.
    else for (const key of volume.below) needed.add(key)
  }
  return { removed, kept: volumes.filter((volume) => !removed.includes(volume)) }
}

/** The same, without a word to the engine as long as what is written down is within the limit. */
export async function keepWithin(cache: SnapshotCache, maxBytes: number): Promise<void> {
  const { records } = cache
  const sizes = records.keys().map((key) => records.read(key)?.sizeBytes ?? 0)
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0)
  if (totalBytes > maxBytes) await trimCache(cache, { maxBytes })
}

async function remove({ docker, records }: SnapshotCache, key: string): Promise<boolean> {
  try {
    await docker.getVolume(snapshotVolumeName(key)).remove()
  } catch (cause) {
    // In use, or the engine will not: the next time, then.
    if (!isMissing(cause)) return false
  }
  records.forget(key)
  return true
}

async function readCache(cache: SnapshotCache): Promise<readonly CachedVolume[]> {
  const { docker, install, records } = cache
  const startedMs = Date.now()
  const filters = { label: [`${LABELS.install}=${install}`] }
  const { Volumes: all } = await docker.listVolumes({ filters })
  const volumes = all.filter(({ Name, Driver, Labels }) => {
    const key = Labels?.[LABELS.snapshot]
    return Driver === 'local' && key !== undefined && Name === snapshotVolumeName(key)
  })
  const keys = new Set(volumes.map(({ Labels }) => Labels[LABELS.snapshot] ?? ''))
  for (const key of records.keys())
    if (!keys.has(key) && (records.lastUsedMs(key) ?? 0) < startedMs) records.forget(key)
  const isUsed = await usage(cache, all)
  const areKnown = [...keys].every((key) => records.read(key)?.sizeBytes !== undefined)
  const sizes = areKnown ? new Map<string, number>() : await measuredSizes(docker)
  return volumes.map(({ Name, Mountpoint, Labels }) => {
    const key = Labels[LABELS.snapshot] ?? ''
    const record = records.read(key)
    // Nothing is written down of what was never completed.
    const lastUsedMs = record?.lastUsedMs ?? 0
    return {
      key,
      sizeBytes: record?.sizeBytes ?? sizes.get(Name) ?? 0,
      lastUsedMs,
      below: parseHolding(Labels[LABELS.holds])?.below ?? [],
      isInUse: isUsed({ name: Name, mountpoint: Mountpoint, lastUsedMs }),
    }
  })
}

type Volumes = Awaited<ReturnType<Docker['listVolumes']>>['Volumes']

/**
 * The engine refuses to remove a volume that a container names. What lies below an overlay is named by
 * its folder only, in the options of the overlay's own volume; and between two steps by nothing.
 */
async function usage(
  { docker, install, records }: SnapshotCache,
  volumes: Volumes,
): Promise<(volume: { name: string; mountpoint: string; lastUsedMs: number }) => boolean> {
  const filters = { label: [`${LABELS.install}=${install}`] }
  const containers = await docker.listContainers({ all: true, filters })
  const mounted = new Set(containers.flatMap(({ Mounts }) => Mounts.map(({ Name }) => Name)))
  const options = volumes.flatMap(({ Options }) => [Options?.['o'], Options?.['device']]).join('\n')
  const sinceMs = records.usedSinceMs() ?? Infinity
  return ({ name, mountpoint, lastUsedMs }) =>
    lastUsedMs >= sinceMs || mounted.has(name) || options.includes(mountpoint)
}

/** Slow: the engine looks at every file. */
async function measuredSizes(docker: Docker): Promise<ReadonlyMap<string, number>> {
  const found: unknown = await docker.df()
  const volumes: unknown =
    typeof found === 'object' && found !== null && 'Volumes' in found ? found.Volumes : undefined
  const sizes = new Map<string, number>()
  for (const volume of Array.isArray(volumes) ? volumes : []) {
    const size = Number(volume?.UsageData?.Size)
    if (typeof volume?.Name === 'string' && size >= 0) sizes.set(volume.Name, size)
  }
  return sizes
}
