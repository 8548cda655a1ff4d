import type { Snapshot } from '@wave/core'
import { gitDirEntries, snapshotEntries } from '../snapshot-volume-source.ts'
import { snapshotKey, type SnapshotContent } from './snapshot-volume.ts'

/** What a snapshot puts into its volume. */
export function snapshotContent(snapshot: Snapshot): SnapshotContent {
  return {
    key: snapshotKey(snapshot),
    files: () => snapshotEntries(snapshot),
    gitDir: () => gitDirEntries(snapshot),
  }
}
