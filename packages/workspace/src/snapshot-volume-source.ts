import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Snapshot, SnapshotFile } from '@wave/core'

import { asGitSnapshot } from './git-snapshot.ts'
import type { GitSnapshot } from './git-snapshot.ts'
import { hostGit } from './host-git.ts'
import { openScratch } from './host-repository.ts'
import { PACK_FOLDER, PACK_LIST, packRevisions } from './snapshot-packs.ts'
import type { GitDirEntry, PackNames, PackRequest } from './snapshot-packs.ts'

/** A file or link of the snapshot. The content of a link is where it leads. */
export interface SnapshotEntry {
  readonly path: string
  readonly mode: 0o644 | 0o755 | 'link'
  readonly content: Uint8Array
}

/**
 * The whole tree in path order, or only these files of it, read through one git, one file in memory at
 * a time.
 */
export async function* snapshotEntries(
  of: Snapshot,
  only?: readonly SnapshotFile[],
): AsyncGenerator<SnapshotEntry> {
  const snapshot = asGitSnapshot(of)
  const wanted = only ?? snapshot.files
  const files = wanted.values()
  for await (const content of snapshot.readMany(wanted.map((file) => file.path))) {
    const { value: file } = files.next()
    if (file === undefined) throw new Error('Internal error: more contents than files')
    const mode = file.mode === '120000' ? 'link' : file.mode === '100755' ? 0o755 : 0o644
    yield { path: file.path, mode, content }
  }
}

/**
 * A clean `.git` for a copy of the snapshot: the history behind HEAD in packs, one branch, an index of the
 * tree. No hooks, remotes, other branches or settings of the user. Nothing, where there is to be no history.
 */
export async function* gitDirEntries(of: Snapshot): AsyncGenerator<GitDirEntry> {
  const snapshot = asGitSnapshot(of)
  if (!snapshot.hasHistory) return
  await using scratch = await openScratch(snapshot.host)
  yield* plainFiles(snapshot)
  const shallow = await shallowFile(snapshot)
  if (shallow !== undefined) yield shallow
  const request = { history: newHistory(snapshot, undefined), tree: treeOnly(snapshot) }
  const packed = await packRevisions(snapshot.host, scratch.path, request)
  yield* packed.entries()
  if (!(await hasGaps(snapshot))) yield text(PACK_LIST, JSON.stringify(packed.names))
  yield await indexFile(snapshot, scratch.path)
}

/** What differs in the `.git` of a snapshot that was derived from another: new objects, and the index. */
export async function* gitDirChanges(of: Snapshot): AsyncGenerator<GitDirEntry> {
  const snapshot = asGitSnapshot(of)
  if (!snapshot.hasHistory || snapshot.origin === undefined) return
  const known = [`^${snapshot.origin.tree}`]
  await using scratch = await openScratch(snapshot.host)
  const request = { history: [], tree: [...treeOnly(snapshot), ...known] }
  yield* (await packRevisions(snapshot.host, scratch.path, request)).entries()
  yield await indexFile(snapshot, scratch.path)
}

/** What decides the small files of a `.git`. */
export interface Tip {
  readonly head: string | undefined
  readonly branch: string | undefined
}

/** How the `.git` of a snapshot differs from that of any other snapshot of the repository. */
export interface GitDirDifference {
  /** Paths below `.git/` that are not to be seen any more. */
  readonly deleted: readonly string[]
  entries(): AsyncGenerator<GitDirEntry>
}

/**
 * The `.git` of a snapshot over that of another one, whose packs are known: afterwards it holds what the
 * snapshot's own would hold and nothing else, also no object that only the other one led to. Not for a snapshot whose history has gaps.
 */
export async function gitDirOver(
  of: Snapshot,
  other: Tip & { readonly packs: PackNames },
): Promise<GitDirDifference> {
  const snapshot = asGitSnapshot(of)
  if (!snapshot.hasHistory) return { deleted: [], async *entries() {} }
  const shares = await sharesHistory(snapshot, other)
  const hidden = shares ? other.packs.tree : [...other.packs.history, ...other.packs.tree]
  const oldBranch = branchFile(other)
  const isGone = oldBranch !== undefined && oldBranch !== branchFile(snapshot)
  const request: PackRequest = {
    history: newHistory(snapshot, shares ? other.head : undefined),
    tree: treeOnly(snapshot),
  }
  return {
    deleted: [...hidden.map((name) => `${PACK_FOLDER}/${name}`), ...(isGone ? [oldBranch] : [])],
    async *entries() {
      await using scratch = await openScratch(snapshot.host)
      yield* plainFiles(snapshot)
      yield* (await packRevisions(snapshot.host, scratch.path, request)).entries()
      yield await indexFile(snapshot, scratch.path)
    },
  }
}

/** Whether all that the other one's HEAD leads to belongs to this snapshot's history as well. */
export async function sharesHistory(of: Snapshot, other: Tip): Promise<boolean> {
  const { host, head } = asGitSnapshot(of)
  if (head === undefined || other.head === undefined) return false
  if (head === other.head) return true
  const args = ['rev-list', '--max-count=1', other.head, `^${head}`, '--']
  const found = await hostGit(host, args, { answers: [128] })
  return found.exitCode === 0 && found.stdout.length === 0
}

/** The same history may hold more or fewer objects another time: nothing can be said about its packs. */
export async function hasGaps(of: Snapshot): Promise<boolean> {
  const { host } = asGitSnapshot(of)
  if ((await bytesOf(join(host.gitDir, 'shallow'))) !== undefined) return true
  if (host.borrowedObjects === undefined) return false
  const packs = await readdir(join(host.borrowedObjects, 'pack')).catch(() => [])
  return packs.some((name) => name.endsWith('.promisor'))
}

function newHistory({ head }: GitSnapshot, known: string | undefined): readonly string[] {
  if (head === undefined || head === known) return []
  return known === undefined ? [head] : [head, `^${known}`]
}

function treeOnly({ tree, head }: GitSnapshot): readonly string[] {
  return head === undefined ? [tree] : [tree, `^${head}`]
}

function* plainFiles(snapshot: GitSnapshot): Generator<GitDirEntry> {
  const branch = branchFile(snapshot)
  const detached = snapshot.head !== undefined && snapshot.branch === undefined
  yield text('HEAD', detached ? `${snapshot.head}\n` : `ref: ${branchRef(snapshot)}\n`)
  yield text('config', configFor(snapshot))
  // Git wants the folder, also when there is no branch yet; names with a dot in front are no branches.
  yield text('refs/heads/.keep', '')
  if (branch !== undefined) yield text(branch, `${snapshot.head}\n`)
}

/** Undefined: HEAD is detached, or there is no commit yet. */
function branchFile(tip: Tip): string | undefined {
  return tip.head === undefined || tip.branch === undefined ? undefined : branchRef(tip)
}

function branchRef({ branch }: Tip): string {
  return `refs/heads/${safeBranch(branch)}`
}

async function shallowFile(snapshot: GitSnapshot): Promise<GitDirEntry | undefined> {
  if (snapshot.head === undefined) return undefined
  const content = await bytesOf(join(snapshot.host.gitDir, 'shallow'))
  return content && { path: 'shallow', content }
}

async function indexFile(snapshot: GitSnapshot, folder: string): Promise<GitDirEntry> {
  const index = join(folder, 'index')
  await hostGit(snapshot.host, ['read-tree', snapshot.tree], { index, borrow: false })
  return { path: 'index', content: await readFile(index) }
}

async function bytesOf(path: string): Promise<Buffer | undefined> {
  return await readFile(path).catch(() => undefined)
}

function configFor(snapshot: GitSnapshot): string {
  const sha256 = snapshot.tree.length === 64
  const core = `[core]\n\trepositoryformatversion = ${sha256 ? 1 : 0}\n\tbare = false\n\tfilemode = true\n`
  return sha256 ? `${core}[extensions]\n\tobjectformat = sha256\n` : core
}

/** The name becomes a path: anything beyond the plainest is replaced. */
function safeBranch(branch: string | undefined): string {
  const plain = /^[A-Za-z0-9_][\w.+-]*(\/[A-Za-z0-9_][\w.+-]*)*$/
  return branch !== undefined && plain.test(branch) ? branch : 'main'
}

function text(path: string, content: string): GitDirEntry {
  return { path, content: Buffer.from(content) }
}
