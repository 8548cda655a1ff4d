import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { Patch, PatchedFile, Snapshot } from '@wave/core'

import { dataCommand, fastImport } from './fast-import.ts'
import { asGitSnapshot } from './git-snapshot.ts'
import type { GitSnapshot } from './git-snapshot.ts'
import { hostGit } from './host-git.ts'
import { diffPatch } from './patch-diff.ts'
import { pathProblem } from './patch-rules.ts'

/** What happened to one path of a read-write workspace. Untrusted, path included. */
export type Change =
  | {
      readonly kind: 'write'
      readonly path: string
      readonly mode: 0o644 | 0o755 | 'link'
      readonly content: Uint8Array
    }
  /** A file, or a folder with all that is in it. */
  | { readonly kind: 'delete'; readonly path: string }
  /** Something new that no patch can hold; why reads behind the path. */
  | { readonly kind: 'unfit'; readonly path: string; readonly because: string }

type Fit = Exclude<Change, { readonly kind: 'unfit' }>

/**
 * The patch that leads from a snapshot to the snapshot with these changes; undefined when nothing
 * differs. Changes that are never applied (git's own folder, links, paths outside the tree) stand in
 * `files` as `rejected`, and in neither `text` nor `tree`.
 */
export async function computePatch(
  base: Snapshot,
  changes: AsyncIterable<Change>,
): Promise<Patch | undefined> {
  const snapshot = asGitSnapshot(base)
  const rejected: PatchedFile[] = []
  const tree = await importTree(snapshot, acceptable(snapshot, changes, rejected))
  if (tree === snapshot.tree && rejected.length === 0) return undefined
  const patch = await diffPatch(snapshot.host, snapshot.tree, tree)
  return { ...patch, files: [...patch.files, ...rejected] }
}

async function* acceptable(
  snapshot: GitSnapshot,
  changes: AsyncIterable<Change>,
  rejected: PatchedFile[],
): AsyncGenerator<Fit> {
  for await (const change of changes) {
    if (change.kind === 'unfit') {
      const { path, because } = change
      rejected.push({ path, because, status: 'added', added: 0, deleted: 0, verdict: 'rejected' })
      continue
    }
    const because = pathProblem(change.path) ?? (await linkProblem(snapshot, change))
    if (because === undefined) {
      yield change
      continue
    }
    const known = snapshot.file(change.path) !== undefined
    const status = change.kind === 'delete' ? 'deleted' : known ? 'modified' : 'added'
    const file = { path: change.path, status, added: 0, deleted: 0 } as const
    rejected.push({ ...file, verdict: 'rejected', because })
  }
}

/** A link may only stay what it was; nothing may be written below one. */
async function linkProblem(snapshot: GitSnapshot, change: Fit): Promise<string | undefined> {
  const { path } = change
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1))
    if (snapshot.file(path.slice(0, slash))?.mode === '120000') return 'lies behind a link'
  if (change.kind === 'delete' || change.mode !== 'link') return undefined
  const base = snapshot.file(path)?.mode === '120000' ? await snapshot.read(path) : undefined
  return base !== undefined && Buffer.compare(base, change.content) === 0 ? undefined : 'is a link'
}

async function importTree(snapshot: GitSnapshot, changes: AsyncIterable<Fit>): Promise<string> {
  const ref = `refs/wave/${randomUUID()}`
  const output = await fastImport(snapshot.host, treeCommands(snapshot.tree, ref, changes))
  // The objects stay; the name was only needed to make them.
  await rm(join(snapshot.host.gitDir, ref), { force: true })
  const commit = output.toString().trim()
  const args = ['log', '--max-count=1', '--format=%T', commit, '--']
  return (await hostGit(snapshot.host, args, { borrow: false })).stdout.toString().trim()
}

const GIT_MODES = { 0o644: '100644', 0o755: '100755', link: '120000' } as const

async function* treeCommands(
  baseTree: string,
  ref: string,
  changes: AsyncIterable<Fit>,
): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`commit ${ref}\nmark :1\ncommitter wave <wave@localhost> 0 +0000\ndata 0\n\n`)
  yield Buffer.from(`M 040000 ${baseTree} ""\n`)
  for await (const change of changes) {
    const path = quotePath(change.path)
    if (change.kind === 'delete') yield Buffer.from(`D ${path}\n`)
    else {
      yield Buffer.from(`M ${GIT_MODES[change.mode]} inline ${path}\n`)
      yield* dataCommand(change.content)
    }
  }
  yield Buffer.from('\nget-mark :1\ndone\n')
}

function quotePath(path: string): string {
  const escaped = path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  return `"${escaped}"`
}
