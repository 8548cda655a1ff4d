import type { Snapshot, SnapshotFile } from '@wave/core'

import { asGitSnapshot } from './git-snapshot.ts'
import { hostGit } from './host-git.ts'
import { splitRecords } from './snapshot-files.ts'

/** From another tree to that of the snapshot. */
export interface TreeDifference {
  /** New files, and those with another content or mode. */
  readonly changed: readonly SnapshotFile[]
  /** Files that only the other tree has. */
  readonly gone: readonly string[]
}

/** Those of these trees that can still be compared with the snapshot: git has them, at least the root. */
export async function knownTrees(
  snapshot: Snapshot,
  trees: readonly string[],
): Promise<ReadonlySet<string>> {
  const { host } = asGitSnapshot(snapshot)
  const args = ['cat-file', '--batch-check=%(objecttype) %(objectname)']
  const checked = await hostGit(host, args, { input: trees.map((tree) => `${tree}\n`).join('') })
  const lines = checked.stdout.toString().split('\n')
  return new Set(trees.filter((tree) => lines.includes(`tree ${tree}`)))
}

/** Undefined: more than `maxFiles` differ, or a part of the other tree is gone. */
export async function differenceTo(
  snapshot: Snapshot,
  tree: string,
  maxFiles: number,
): Promise<TreeDifference | undefined> {
  const own = asGitSnapshot(snapshot)
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', tree, own.tree]
  const limits = { maxOutputBytes: maxFiles * RECORD_BYTES, truncate: true, answers: [128] }
  const compared = await hostGit(own.host, args, limits)
  if (compared.exitCode !== 0 || compared.truncated) return undefined
  const { names, undecodable } = splitRecords(compared.stdout)
  if (undecodable.length > 0 || names.length > maxFiles * 2) return undefined
  const changed: SnapshotFile[] = []
  const gone: string[] = []
  for (let at = 0; at + 1 < names.length; at += 2) {
    const path = names[at + 1] ?? ''
    const file = own.file(path)
    if (file !== undefined) changed.push(file)
    else if (names[at]?.endsWith(' D') === true) gone.push(path)
    else return undefined
  }
  return { changed, gone }
}

/** Two ids of 64 digits, and a path. */
const RECORD_BYTES = 2048
