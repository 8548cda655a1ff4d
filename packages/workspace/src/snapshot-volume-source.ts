import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Snapshot, SnapshotFile } from '@wave/core'

import { asGitSnapshot } from './git-snapshot.ts'
import type { GitSnapshot } from './git-snapshot.ts'
import { hostGit } from './host-git.ts'
import { openScratch } from './host-repository.ts'

/** A file or link of the snapshot. The content of a link is where it leads. */
export interface SnapshotEntry {
  readonly path: string
  readonly mode: 0o644 | 0o755 | 'link'
  readonly content: Uint8Array
}

/** A file below `.git/`. */
export interface GitDirEntry {
  readonly path: string
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
  const branch = `refs/heads/${safeBranch(snapshot.branch)}`
  const detached = snapshot.head !== undefined && snapshot.branch === undefined
  yield text('HEAD', detached ? `${snapshot.head}\n` : `ref: ${branch}\n`)
  yield text('config', configFor(snapshot))
  // Git wants the folder, also when there is no branch yet; names with a dot in front are no branches.
  yield text('refs/heads/.keep', '')
  if (snapshot.head !== undefined && !detached) yield text(branch, `${snapshot.head}\n`)
  const shallow = await readFile(join(snapshot.host.gitDir, 'shallow')).catch(() => undefined)
  if (shallow !== undefined && snapshot.head !== undefined)
    yield { path: 'shallow', content: shallow }
  yield* packsAndIndex(snapshot, scratch.path, [snapshot.head, snapshot.tree])
}

/** What differs in the `.git` of a snapshot that was derived from another: new objects, and the index. */
export async function* gitDirChanges(of: Snapshot): AsyncGenerator<GitDirEntry> {
  const snapshot = asGitSnapshot(of)
  if (!snapshot.hasHistory || snapshot.origin === undefined) return
  await using scratch = await openScratch(snapshot.host)
  const { tree: known, head } = snapshot.origin
  const revisions = [snapshot.tree, `^${known}`, head && `^${head}`]
  yield* packsAndIndex(snapshot, scratch.path, revisions)
}

async function* packsAndIndex(
  snapshot: GitSnapshot,
  folder: string,
  revisions: readonly (string | undefined)[],
): AsyncGenerator<GitDirEntry> {
  await packObjects(snapshot, join(folder, 'pack'), revisions)
  for (const name of await readdir(folder))
    yield { path: `objects/pack/${name}`, content: await readFile(join(folder, name)) }
  const index = join(folder, 'index')
  await hostGit(snapshot.host, ['read-tree', snapshot.tree], { index, borrow: false })
  yield { path: 'index', content: await readFile(index) }
}

const MAX_PACK = '64m'

/** In pieces, so that no file is too large to hold in memory. */
async function packObjects(
  snapshot: GitSnapshot,
  base: string,
  revisions: readonly (string | undefined)[],
): Promise<void> {
  // Deltas that exist are kept; searching for new ones would cost more than it saves.
  const effort = ['--window=0', `--max-pack-size=${MAX_PACK}`, '--delta-base-offset']
  // What a partial clone never fetched cannot be packed; git inside then says which object is missing.
  const args = ['pack-objects', '--revs', '--quiet', '--missing=allow-any', ...effort, base]
  const input = revisions.filter((revision) => revision !== undefined).join('\n')
  await hostGit(snapshot.host, args, { input: `${input}\n` })
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
