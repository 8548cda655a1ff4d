/** A snapshot volume, as far as keeping it is concerned. */
export interface CachedVolume {
  readonly key: string
  readonly sizeBytes: number
  readonly lastUsedMs: number
  /** Keys of the volumes that it needs below it. */
  readonly below: readonly string[]
  readonly isInUse: boolean
}

export interface CacheLimits {
  /** All volumes together. */
  readonly maxBytes: number
  /** What was not used since then goes, however small. */
  readonly keptSinceMs?: number
}

/**
 * What to remove, in this order: the least recently used first, until the rest is within the limits. What
 * is in use stays, and so does what a kept volume needs: a base counts as used when one over it was.
 */
export function planRemovals(
  volumes: readonly CachedVolume[],
  { maxBytes, keptSinceMs = 0 }: CacheLimits,
): readonly CachedVolume[] {
  const needed = new Set(volumes.flatMap(({ isInUse, below }) => (isInUse ? below : [])))
  const ordered = volumes
    .map((volume) => ({ volume, lastUsedMs: lastUse(volume, volumes) }))
    .toSorted(
      (a, b) => a.lastUsedMs - b.lastUsedMs || b.volume.below.length - a.volume.below.length,
    )
  let totalBytes = volumes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return ordered.flatMap(({ volume, lastUsedMs }) => {
    const isAsked = totalBytes > maxBytes || lastUsedMs < keptSinceMs
    if (isAsked && !volume.isInUse && !needed.has(volume.key)) {
      totalBytes -= volume.sizeBytes
      return [volume]
    }
    for (const key of volume.below) needed.add(key)
    return []
  })
}

function lastUse(volume: CachedVolume, volumes: readonly CachedVolume[]): number {
  const over = volumes.filter(({ below }) => below.includes(volume.key))
  return Math.max(volume.lastUsedMs, ...over.map(({ lastUsedMs }) => lastUsedMs))
}
