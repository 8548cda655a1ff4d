import type { Snapshot } from '@wave/core'
import type Docker from 'dockerode'
import { asGitSnapshot } from '../git-snapshot.ts'
import { differenceTo, knownTrees } from '../snapshot-distance.ts'
import { hasGaps, sharesHistory } from '../snapshot-volume-source.ts'
import { LABELS, snapshotVolumeName } from './container-config.ts'
import type { NearbyBase } from './snapshot-content.ts'
import { parseHolding, wholeKey, type VolumeHolding } from './volume-holding.ts'

/** A sealed volume with all of another snapshot, as its labels tell. */
interface WholeVolume {
  readonly holding: VolumeHolding
  readonly lastUsedMs: number
}

export interface Nearness {
  readonly changedFiles: number
  readonly changedBytes: number
  /** Whether its history can be left where it is. */
  readonly sharesHistory: boolean
}

/**
 * The whole volume of this installation that the snapshot differs least from. Undefined: none is near
 * enough for a small volume over it to be worth it.
 */
export async function findNearbyBase(
  engine: { readonly docker: Docker; readonly install: string },
  snapshot: Snapshot,
  lastUsedMs: (key: string) => number | undefined,
): Promise<NearbyBase | undefined> {
  const { files } = snapshot
  if (files.length < WORTHWHILE_FILES || (await hasGaps(snapshot))) return undefined
  const found = await listWholeVolumes(engine, lastUsedMs)
  const { hasHistory, tree } = asGitSnapshot(snapshot)
  const fitting = found
    .filter(({ holding }) => holding.hasHistory === hasHistory)
    .filter(({ holding }) => holding.tree.length === tree.length)
  if (fitting.length === 0) return undefined
  const known = await knownTrees(
    snapshot,
    fitting.map(({ holding }) => holding.tree),
  )
  const recent = fitting
    .filter(({ holding }) => known.has(holding.tree))
    .toSorted((a, b) => b.lastUsedMs - a.lastUsedMs)
    .slice(0, MAX_COMPARED)
  const compared = await Promise.all(recent.map(({ holding }) => compare(snapshot, holding)))
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return nearest(
    compared.filter((base) => base !== undefined),
    { files: files.length, bytes: totalBytes },
  )
}

/** Fewer files are copied as fast as they are compared. */
const WORTHWHILE_FILES = 300
const MAX_COMPARED = 6

/** Of a snapshot's files and bytes, what may differ. */
const MAX_SHARE = 0.2
/** A few large files may be more than that share of a small project. */
const ALWAYS_BYTES = 4 * 2 ** 20

/** The one that costs least to go on from, if it is near enough. The first of equals. */
export function nearest<T extends Nearness>(
  candidates: readonly T[],
  whole: { readonly files: number; readonly bytes: number },
): T | undefined {
  const maxBytes = Math.max(whole.bytes * MAX_SHARE, ALWAYS_BYTES)
  const near = candidates.filter(
    ({ changedFiles, changedBytes }) =>
      changedFiles <= whole.files * MAX_SHARE && changedBytes <= maxBytes,
  )
  return near.toSorted((a, b) => costBytes(a) - costBytes(b))[0]
}

/** As many bytes would be written in the same time. */
function costBytes({ changedFiles, changedBytes, sharesHistory: shared }: Nearness): number {
  return changedBytes + changedFiles * FILE_COST_BYTES + (shared ? 0 : HISTORY_COST_BYTES)
}

const FILE_COST_BYTES = 4096
const HISTORY_COST_BYTES = 16 * 2 ** 20

async function compare(
  snapshot: Snapshot,
  holding: VolumeHolding,
): Promise<(NearbyBase & Nearness) | undefined> {
  const maxFiles = Math.floor(snapshot.files.length * MAX_SHARE)
  const difference = await differenceTo(snapshot, holding.tree, maxFiles)
  if (difference === undefined) return undefined
  const { changed, gone } = difference
  return {
    holding,
    ...difference,
    changedFiles: changed.length + gone.length,
    changedBytes: changed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    sharesHistory: await sharesHistory(snapshot, holding),
  }
}

/** A volume whose key is not that of what its label tells holds something else, or less. */
async function listWholeVolumes(
  { docker, install }: { readonly docker: Docker; readonly install: string },
  lastUsedMs: (key: string) => number | undefined,
): Promise<readonly WholeVolume[]> {
  const filters = { label: [`${LABELS.install}=${install}`, LABELS.holds] }
  const { Volumes: volumes } = await docker.listVolumes({ filters })
  return volumes.flatMap(({ Name, Driver, Labels, ...rest }) => {
    const holding = parseHolding(Labels?.[LABELS.holds])
    if (holding === undefined || Driver !== 'local') return []
    const key = wholeKey(holding)
    if (Labels[LABELS.snapshot] !== key || Name !== snapshotVolumeName(key)) return []
    const created = 'CreatedAt' in rest ? Date.parse(String(rest.CreatedAt)) : 0
    return [{ holding, lastUsedMs: lastUsedMs(key) ?? (created || 0) }]
  })
}
