import type { Snapshot, SnapshotFile } from '@wave/core'
import { posix } from 'node:path'
import { asGitSnapshot } from '../git-snapshot.ts'
import { isBelow } from '../snapshot-folder.ts'
import { PACK_LIST, parsePackList } from '../snapshot-packs.ts'
import {
  gitDirChanges,
  gitDirEntries,
  gitDirOver,
  snapshotEntries,
} from '../snapshot-volume-source.ts'
import { BaseGone, type SnapshotContent } from './snapshot-volume.ts'
import {
  changesKey,
  holdingOf,
  snapshotKey,
  wholeKey,
  type VolumeHolding,
} from './volume-holding.ts'

export const SEAL_FILE = '.git/wave-sealed'
/** Other names: over the volumes below, all of them can be seen. */
const CHANGES_SEAL_FILE = '.git/wave-sealed-changes'
const NEARBY_SEAL_FILE = '.git/wave-sealed-nearby'

/** What a snapshot puts into a volume of its own. */
export function wholeContent(snapshot: Snapshot): SnapshotContent {
  return {
    key: snapshotKey(snapshot),
    sealFile: SEAL_FILE,
    holding: holdingOf(snapshot, []),
    fill: async () => ({
      deleted: [],
      files: () => snapshotEntries(snapshot),
      gitDir: () => gitDirEntries(snapshot),
    }),
    hasFolder: (folder) => folder === '.' || hasFile(snapshot.files, folder),
    hidesFolder: () => true,
  }
}

/**
 * What differs in a snapshot that was derived from another one, whose volumes lie below, the topmost
 * first.
 */
export function changesContent(
  snapshot: Snapshot,
  below: readonly SnapshotContent[],
): SnapshotContent {
  const { origin } = asGitSnapshot(snapshot)
  if (origin === undefined) throw new Error('Internal error: the snapshot was not derived')
  const changed = snapshot.files.filter((file) => !isSame(file, origin.file(file.path)))
  const deleted = deletedPaths(origin.files, snapshot.files)
  return {
    key: changesKey('changes', snapshotKey(origin), snapshotKey(snapshot)),
    sealFile: CHANGES_SEAL_FILE,
    holding: holdingOf(
      snapshot,
      below.map(({ key }) => key),
    ),
    fill: async () => ({
      deleted,
      files: () => snapshotEntries(snapshot, changed),
      gitDir: () => gitDirChanges(snapshot),
    }),
    ...foldersOf(changed, deleted),
  }
}

/** How a snapshot differs from another one that a sealed volume holds. */
export interface NearbyBase {
  readonly holding: VolumeHolding
  readonly changed: readonly SnapshotFile[]
  /** Files of the other one that this one does not have. */
  readonly gone: readonly string[]
}

/** What a snapshot puts over the volume of another one, which any run may have made; and that volume. */
export function nearbyContent(
  snapshot: Snapshot,
  base: NearbyBase,
): readonly [SnapshotContent, SnapshotContent] {
  const { changed, gone, holding } = base
  const deleted = deletedPaths(
    gone.map((path) => ({ path })),
    snapshot.files,
  )
  const key = wholeKey(holding)
  const over: SnapshotContent = {
    key,
    sealFile: SEAL_FILE,
    holding,
    fill: undefined,
    hasFolder: (folder) =>
      folder === '.' ||
      gone.some((path) => isBelow(path, folder)) ||
      keeps(snapshot, changed, folder),
    hidesFolder: () => true,
  }
  const differences: SnapshotContent = {
    key: changesKey('nearby', key, snapshotKey(snapshot)),
    sealFile: NEARBY_SEAL_FILE,
    holding: holdingOf(snapshot, [key]),
    over,
    async fill(readBelow) {
      const packs = holding.hasHistory ? await readPacks(readBelow) : { history: [], tree: [] }
      const git = await gitDirOver(snapshot, { ...holding, packs })
      return {
        deleted: [...deleted, ...git.deleted.map((path) => `.git/${path}`)],
        files: () => snapshotEntries(snapshot, changed),
        gitDir: () => git.entries(),
      }
    },
    ...foldersOf(changed, deleted),
  }
  return [differences, over]
}

async function readPacks(read: (file: string) => Promise<string | undefined>) {
  const packs = parsePackList((await read(`.git/${PACK_LIST}`)) ?? '')
  if (packs === undefined) throw new BaseGone()
  return packs
}

/** Whether a file of the other snapshot is below the folder: changed ones may be new. */
function keeps(snapshot: Snapshot, changed: readonly SnapshotFile[], folder: string): boolean {
  const others = new Set(changed.map(({ path }) => path))
  return snapshot.files.some(({ path }) => isBelow(path, folder) && !others.has(path))
}

function foldersOf(
  changed: readonly SnapshotFile[],
  deleted: readonly string[],
): Pick<SnapshotContent, 'hasFolder' | 'hidesFolder'> {
  return {
    hasFolder: (folder) =>
      folder === '.' || hasFile(changed, folder) || deleted.some((path) => isBelow(path, folder)),
    hidesFolder: (folder) =>
      deleted.some((path) => isAt(path, folder)) || changed.some(({ path }) => isAt(path, folder)),
  }
}

/** Whether what is at the path hides whatever else the folder has. */
function isAt(path: string, folder: string): boolean {
  return path === folder || isBelow(folder, path)
}

function hasFile(files: readonly SnapshotFile[], folder: string): boolean {
  return files.some((file) => isBelow(file.path, folder))
}

function isSame(file: SnapshotFile, other: SnapshotFile | undefined): boolean {
  return file.oid === other?.oid && file.mode === other.mode
}

/** The topmost of what is gone, except where something new hides it anyway. */
export function deletedPaths(
  before: readonly { readonly path: string }[],
  after: readonly { readonly path: string }[],
): readonly string[] {
  const files = new Set(after.map((file) => file.path))
  const folders = new Set(['.'])
  for (const path of files)
    for (let up = posix.dirname(path); !folders.has(up); up = posix.dirname(up)) folders.add(up)
  const deleted = new Set<string>()
  for (const { path } of before) {
    let top = path
    while (!folders.has(posix.dirname(top))) top = posix.dirname(top)
    if (!files.has(top) && !folders.has(top)) deleted.add(top)
  }
  return [...deleted]
}
