import type { StoredArtifact, StoredPatch, Verdict } from '../../events.ts'

/** Successes of steps by what went into them, over all runs that ask for it. */
export interface StepCache {
  /** Undefined: unknown, or what it left is gone or was changed. Never throws for what it holds. */
  find(key: string): CachedStep | undefined
  /** Durable when it returns. Throws `WaveError` or what the file system says when it cannot be kept. */
  keep(key: string, step: KeptStep): void
}

/** A success that a run recorded. Its contents are in the store of that run. */
export interface KeptStep {
  readonly run: string
  readonly step: string
  readonly artifacts: readonly StoredArtifact[]
  readonly patch?: StoredPatch
  readonly verdict?: Verdict
  readonly message: string
}

/** The same with its contents, whose digests were verified. */
export interface CachedStep extends Omit<KeptStep, 'artifacts'> {
  /** By name. */
  readonly artifacts: ReadonlyMap<string, Uint8Array>
  readonly patchText?: Uint8Array
}

/**
 * The cache in this folder of the user's. `runs` is the folder in which the runs lie that keep something: what a
 * step left stays in the store of its run.
 */
export async function openStepCache(directory: string, runs: string): Promise<StepCache> {
  // Loaded here: most runs ask for none.
  const { FileStepCache } = await import('./file-step-cache.ts')
  return new FileStepCache(directory, runs)
}

/** An entry of the cache as it lies in its folder. */
export interface CacheEntry {
  readonly path: string
  /** Of the run that did the step; undefined: it cannot be read, or a crash left it. */
  readonly run: string | undefined
  /** When it was last of use, by the clock of the file system. */
  readonly usedMs: number
}

/** All that lies in the folder of a cache. */
export async function listCacheEntries(directory: string): Promise<readonly CacheEntry[]> {
  const { cacheEntries } = await import('./cache-entries.ts')
  return cacheEntries(directory)
}
