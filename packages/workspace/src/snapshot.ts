import { join, relative, resolve } from 'node:path'

import {
  type RecordedSnapshot,
  type SnapshotSource,
  type SnapshotSpec,
  storageError,
} from '@wave/core'

import { GitSnapshot } from './git-snapshot.ts'
import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'
import { openHostRepository, openScratch } from './host-repository.ts'
import { includedPaths, listFiles, splitRecords } from './snapshot-files.ts'
import type { Dropped } from './snapshot-files.ts'
import { freezeTree } from './snapshot-tree.ts'
import { completeTree, isTreeId } from './tree-files.ts'

/**
 * Freezes projects as git trees in wave's own git dirs below `dataDir`. The user's files, index and
 * repository stay as they are, timestamps included. Inside a repository the snapshot covers the whole
 * repository, also when the project is a folder in it: `Snapshot.root` is the top level.
 */
export function createSnapshotSource(options: { readonly dataDir: string }): SnapshotSource {
  const dataDir = resolve(options.dataDir)
  const told = (cause: unknown): never => {
    throw storageError(cause, dataDir)
  }
  return {
    take: (root, spec) => takeSnapshot(dataDir, resolve(root), spec).catch(told),
    reopen: (root, recorded) => reopenSnapshot(dataDir, resolve(root), recorded).catch(told),
  }
}

async function takeSnapshot(
  dataDir: string,
  root: string,
  spec: SnapshotSpec,
): Promise<GitSnapshot> {
  const opened = await openHostRepository(dataDir, root)
  const { host, user } = opened
  await using scratch = await openScratch(host)
  const inside = (path: string): string => relative(host.workTree, join(root, path))
  const listing = await listFiles(opened, scratch.path, {
    include: includedPaths(host, root, spec.include),
    leaveOut: (spec.leaveOut ?? []).map(inside),
  })
  const head = user?.head
  const frozen = await freezeTree(host, scratch.path, { paths: listing.paths, head })
  const dropped = [...listing.dropped, ...frozen.dropped]
  const unborn = user !== undefined && head === undefined
  return new GitSnapshot(host, {
    tree: frozen.tree,
    files: frozen.files,
    dropped,
    commit: head,
    branch: user?.branch,
    history: spec.history,
    userGitDir: user?.gitDir,
    dirty:
      head === undefined
        ? unborn && frozen.files.length > 0
        : await differs(host, { head, tree: frozen.tree, dropped }),
  })
}

async function reopenSnapshot(
  dataDir: string,
  root: string,
  { tree, head, dirty, dropped, history }: RecordedSnapshot,
): Promise<GitSnapshot | undefined> {
  const { host, user } = await openHostRepository(dataDir, root)
  const files = await completeTree(host, tree)
  if (files === undefined || (head !== undefined && !(await hasCommit(host, head))))
    return undefined
  return new GitSnapshot(host, {
    tree,
    files,
    dropped,
    dirty,
    history,
    commit: head,
    // Another branch may be checked out now.
    branch: user?.head === head ? user?.branch : undefined,
    userGitDir: user?.gitDir,
  })
}

async function hasCommit(host: HostRepository, commit: string): Promise<boolean> {
  if (!isTreeId(commit)) return false
  const asked = await hostGit(host, ['cat-file', '-e', `${commit}^{commit}`], { answers: [1, 128] })
  return asked.exitCode === 0
}

/** What was left out on purpose does not make a working copy dirty. */
async function differs(
  host: HostRepository,
  state: { readonly head: string; readonly tree: string; readonly dropped: readonly Dropped[] },
): Promise<boolean> {
  const args = ['diff-tree', '-r', '-z', '--name-only', '--no-renames', state.head, state.tree]
  const changed = splitRecords((await hostGit(host, args)).stdout)
  const dropped = new Set(state.dropped.map((entry) => entry.path))
  return [...changed.names, ...changed.undecodable].some((path) => !isBelow(path, dropped))
}

function isBelow(path: string, folders: ReadonlySet<string>): boolean {
  if (folders.has(path)) return true
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1))
    if (folders.has(path.slice(0, slash))) return true
  return false
}
