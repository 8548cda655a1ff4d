import { lstatSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { listCacheEntries, runsFolder, WaveError } from '@wave/core'
import { type Found, sizeOnDisk } from '@wave/workspace'
import { isRunDead } from '../dead-runs.ts'
import { type IndexedRun, indexedRuns, isOwnRun } from '../run-index.ts'

/** What wave notes of runs outside their folders, and when a note is of no use any more. */
export class RunRecords {
  readonly #dataDir: string
  readonly #nowMs: number
  /** How long what is known of a project that is gone is kept: disks are plugged out. */
  readonly #patienceMs: number
  readonly #indexed: ReadonlyMap<string, IndexedRun>
  /** When a run was last started in each project. */
  readonly #lastStarts = new Map<string, number>()

  constructor(given: {
    readonly dataDir: string
    readonly nowMs: number
    readonly patienceMs: number
  }) {
    this.#dataDir = given.dataDir
    this.#nowMs = given.nowMs
    this.#patienceMs = given.patienceMs
    const entries = indexedRuns(given.dataDir)
    this.#indexed = new Map(entries.map((entry) => [entry.run, entry]))
    for (const { root, file } of entries) {
      const last = Math.max(this.#lastStarts.get(root) ?? 0, modifiedMs(file))
      this.#lastStarts.set(root, last)
    }
  }

  /** Whether the user started this very run, in this project. Throws `path-unwritable` where that cannot be read. */
  isOwn(directory: string, root: string): boolean {
    try {
      return isOwnRun(this.#dataDir, directory, root)
    } catch (error) {
      // Nor is one that may not be looked at.
      if (error instanceof WaveError && error.code === 'journal-refused') return false
      throw error
    }
  }

  /** Whether what a run left on the engine is in nobody's use, whatever project it is of. */
  isDead(run: string): boolean {
    const entry = this.#indexed.get(run)
    if (entry === undefined) return false
    const runs = runsFolder(entry.root)
    if (isRunDead(runs, run)) return true
    // A process may work on, for a while, although somebody deleted the folder of its run.
    const isOld = this.#nowMs - modifiedMs(entry.file) > DAY_MS
    return isOld && isThere(entry.root) && !isThere(join(runs, run))
  }

  /** The notes on where runs were started. */
  async findEntries(): Promise<readonly Found[]> {
    return await Promise.all(
      Array.from(this.#indexed.values(), async ({ run, root, file }) => ({
        path: file,
        sizeBytes: await sizeOnDisk(file),
        isStale: this.#isGone(join(runsFolder(root), run), this.#lastStarts.get(root) ?? 0),
      })),
    )
  }

  /** The step cache: an entry is of no use without its run, and the least recently used are too many. */
  async findCached(limits: CachedLimits): Promise<readonly Found[]> {
    const entries = await listCacheEntries(join(this.#dataDir, 'cache', 'steps'))
    const found: Found[] = []
    let keptBytes = 0
    for (const entry of entries.toSorted((left, right) => right.usedMs - left.usedMs)) {
      const { path, run, usedMs } = entry
      const sizeBytes = await sizeOnDisk(path)
      const isUseless =
        run === undefined ? this.#nowMs - usedMs > DAY_MS : this.#isGone(run, usedMs)
      const isOld = usedMs < (limits.keptSinceMs ?? -Infinity)
      const isStale = isUseless || isOld || keptBytes + sizeBytes > limits.maxBytes
      if (!isStale) keptBytes += sizeBytes
      found.push({ path, sizeBytes, isStale })
    }
    return found
  }

  /** Beside other runs it was deleted. The project alone says nothing: it may be where a disk was mounted. */
  #isGone(directory: string, lastUsedMs: number): boolean {
    if (isThere(directory)) return false
    return isThere(dirname(directory)) || this.#nowMs - lastUsedMs > this.#patienceMs
  }
}

interface CachedLimits {
  readonly maxBytes: number
  readonly keptSinceMs: number | undefined
}

const DAY_MS = 24 * 60 * 60_000

/** What may not be looked at is there. */
function isThere(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}

function modifiedMs(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
