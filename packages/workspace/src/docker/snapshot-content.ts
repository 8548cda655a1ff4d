import type { Snapshot, SnapshotFile } from '@wave/core'
import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { asGitSnapshot } from '../git-snapshot.ts'
import { isBelow } from '../snapshot-folder.ts'
import { gitDirChanges, gitDirEntries, snapshotEntries } from '../snapshot-volume-source.ts'
import type { SnapshotContent } from './snapshot-volume.ts'

export const SEAL_FILE = '.git/wave-sealed'
/** Another name: over the volume below, both can be seen. */
const CHANGES_SEAL_FILE = '.git/wave-sealed-changes'

/** Changes whenever what is written for the same snapshot changes. */
const FORMAT = 1

export function snapshotKey(of: Snapshot): string {
  const { tree, head, branch, hasHistory } = asGitSnapshot(of)
  const identity = [FORMAT, tree, head ?? null, branch ?? null]
  return digest(hasHistory ? identity : [...identity, 'none'])
}

/** What a snapshot puts into a volume of its own. */
export function wholeContent(snapshot: Snapshot): SnapshotContent {
  return {
    key: snapshotKey(snapshot),
    sealFile: SEAL_FILE,
    files: () => snapshotEntries(snapshot),
    gitDir: () => gitDirEntries(snapshot),
    deleted: [],
    hasFolder: (folder) => holds(snapshot.files, folder),
  }
}

/**
 * What a snapshot puts into volumes that lie over each other, the topmost first. One that was derived
 * from another is the other's volume and a small one with what differs.
 */
export function layeredContent(snapshot: Snapshot): readonly SnapshotContent[] {
  const { origin } = asGitSnapshot(snapshot)
  if (origin === undefined) return [wholeContent(snapshot)]
  const changed = snapshot.files.filter((file) => !isSame(file, origin.file(file.path)))
  const deleted = deletedPaths(origin.files, snapshot.files)
  const changes: SnapshotContent = {
    key: digest([FORMAT, 'changes', snapshotKey(origin), snapshot.tree]),
    sealFile: CHANGES_SEAL_FILE,
    files: () => snapshotEntries(snapshot, changed),
    gitDir: () => gitDirChanges(snapshot),
    deleted,
    hasFolder: (folder) => holds(changed, folder) || deleted.some((path) => isBelow(path, folder)),
  }
  return [changes, wholeContent(origin)]
}

function holds(files: readonly SnapshotFile[], folder: string): boolean {
  return folder === '.' || files.some((file) => isBelow(file.path, folder))
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

function digest(identity: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex')
}
