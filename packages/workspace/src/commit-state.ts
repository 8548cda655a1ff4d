import { join } from 'node:path'

import type { SnapshotFile } from '@wave/core'

import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'
import { openScratch } from './host-repository.ts'
import { readObjects } from './object-reader.ts'
import { secretReason } from './secrets.ts'
import { leavesTree, RUN_STATE, UNDECODABLE } from './snapshot-files.ts'
import type { Dropped } from './snapshot-files.ts'
import { copyTrees, writeTree } from './snapshot-tree.ts'
import { asFile, isUnsafe, listTree } from './tree-files.ts'
import type { TreeEntry } from './tree-files.ts'

/** Where a name of a commit is looked up. */
export interface RefScope {
  readonly host: HostRepository
  /** The user's own git dir: only `rev-parse` ever sees it. */
  readonly userGitDir: string | undefined
  /** HEAD as it was when the snapshot was taken: what it names does not move during a run. */
  readonly head: string | undefined
  readonly branch: string | undefined
}

export interface CommitState {
  readonly commit: string
  readonly branch: string | undefined
  readonly tree: string
  readonly files: readonly SnapshotFile[]
  readonly dropped: readonly Dropped[]
}

/**
 * A commit as a snapshot holds it: what must stay behind in a working copy stays behind here too.
 * `ref` is untrusted text: a branch, tag or id, with `~n` and `^n` behind it. Undefined: no commit.
 */
export async function readCommit(scope: RefScope, ref: string): Promise<CommitState | undefined> {
  const named = await resolveRef(scope, ref)
  if (named === undefined) return undefined
  const { host } = scope
  const listing = await listTree(host, named.commit)
  if (listing === undefined) return undefined
  const reasons = await reasonsAgainst(host, listing.entries)
  const kept = listing.entries.flatMap((entry) =>
    reasons.has(entry.path) ? [] : (asFile(entry) ?? []),
  )
  const dropped = Array.from(reasons, ([path, reason]) => ({ path, reason }))
  for (const path of listing.undecodable) dropped.push({ path, reason: UNDECODABLE })
  const tree = await ownTree(host, named.commit, dropped.length === 0 ? undefined : kept)
  return { ...named, tree, files: kept, dropped }
}

interface NamedCommit {
  readonly commit: string
  readonly branch: string | undefined
}

/** No options, no reflogs, no searches: only characters that names of branches and tags may have. */
const REF = /^(?!-)([^\p{Cc} ~^:?*[\\{}]{1,200}?)((?:[~^]\d{0,4}){0,20})$/u

async function resolveRef(scope: RefScope, ref: string): Promise<NamedCommit | undefined> {
  const [, name, steps = ''] = REF.exec(ref) ?? []
  if (name === undefined || name.includes('..') || scope.userGitDir === undefined) return undefined
  const id = await resolveName(scope, name)
  if (id === undefined) return undefined
  const args = ['rev-list', '--max-count=1', `${id}^{commit}${steps}`, '--']
  const found = await hostGit(scope.host, args, { answers: [128] })
  const commit = found.stdout.toString().trim()
  if (found.exitCode !== 0 || commit === '') return undefined
  const isBranch =
    steps === '' && (await askUser(scope, `refs/heads/${name}`)) === commit && name !== 'HEAD'
  return { commit, branch: isBranch ? name : undefined }
}

/** An object id. Whether there is such an object, and a commit, is not asked here. */
async function resolveName(scope: RefScope, name: string): Promise<string | undefined> {
  const { head, branch } = scope
  if (head !== undefined && (name === 'HEAD' || name === '@' || name === branch)) return head
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name)) return name
  return (await askUser(scope, name)) ?? (/^[0-9a-f]{4,}$/.test(name) ? name : undefined)
}

async function askUser(scope: RefScope, name: string): Promise<string | undefined> {
  if (scope.userGitDir === undefined) return undefined
  const asked = { ...scope.host, gitDir: scope.userGitDir, borrowedObjects: undefined }
  const args = ['rev-parse', '--verify', '--quiet', name]
  const result = await hostGit(asked, args, { answers: [1, 128] })
  const id = result.stdout.toString().trim()
  return result.exitCode === 0 && /^[0-9a-f]{40,64}$/.test(id) ? id : undefined
}

/** Why entries stay behind, by path. */
async function reasonsAgainst(
  host: HostRepository,
  entries: readonly TreeEntry[],
): Promise<ReadonlyMap<string, string>> {
  const asked = entries.filter((entry) => mustLookInto(entry))
  const contents = new Map<string, string>()
  const objects = readObjects(
    host,
    asked.map((entry) => entry.oid),
  )
  let at = 0
  for await (const content of objects)
    contents.set(asked[at++]?.path ?? '', content?.toString('latin1') ?? '')
  const reasons = new Map<string, string>()
  for (const entry of entries) {
    const reason = reasonAgainst(entry, contents.get(entry.path) ?? '')
    if (reason !== undefined) reasons.set(entry.path, reason)
  }
  return reasons
}

function mustLookInto(entry: TreeEntry): boolean {
  if (entry.sizeBytes === undefined) return false
  let wanted = entry.mode === '120000'
  if (!wanted)
    secretReason(entry.path, () => {
      wanted = true
      return ''
    })
  return wanted
}

function reasonAgainst(entry: TreeEntry, content: string): string | undefined {
  if (entry.mode === '160000') return 'submodule'
  if (isUnsafe(entry.path)) return 'git does not take its name'
  if (RUN_STATE.test(entry.path)) return 'wave’s own records'
  if (entry.sizeBytes === undefined) return 'its content was never fetched'
  if (entry.mode !== '120000') return secretReason(entry.path, () => content)
  const target = Buffer.from(content, 'latin1').toString()
  return leavesTree(entry.path, target) ? 'link that leaves the project' : undefined
}

/** The tree in wave's own store, where patches against it are computed; `kept` when not all of it stays. */
async function ownTree(
  host: HostRepository,
  commit: string,
  kept: readonly SnapshotFile[] | undefined,
): Promise<string> {
  await using scratch = await openScratch(host)
  const index = join(scratch.path, 'index')
  if (kept === undefined) {
    await copyTrees(host, commit)
    await hostGit(host, ['read-tree', commit], { index })
  } else {
    const input = kept.map(({ mode, oid, path }) => `${mode} ${oid}\t${path}\0`).join('')
    const args = ['update-index', '-z', '--index-info']
    await hostGit(host, args, { index, borrow: false, input })
  }
  return await writeTree(host, index)
}
