import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import type { MergeConflict, MergeResult } from '@wave/core'

import { importBlobs } from './fast-import.ts'
import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'
import { openScratch } from './host-repository.ts'
import { joinTrees } from './join-trees.ts'
import { readObjects } from './object-reader.ts'
import { diffPatch } from './patch-diff.ts'
import { parsePatchText } from './patch-text.ts'
import type { PatchEntry } from './patch-text.ts'
import { copyTrees, writeTree } from './snapshot-tree.ts'
import { completeTree, listTree } from './tree-files.ts'

/** A patch, and the tree that it was made against, where that is known. */
interface MergedPatch {
  readonly text: Uint8Array
  readonly baseTree?: string | undefined
}

/**
 * The tree that holds what all of these patches do to a tree, in their order. Each was made against the
 * tree itself, as those of parallel steps are, or against what the patches before it led to; which of
 * the two is told by the objects it names, never guessed. One that names its tree may have been made
 * against any. Nothing but wave's own store is written.
 * Throws `patch-invalid` for a text that wave did not write.
 */
export async function mergePatches(
  host: HostRepository,
  base: string,
  given: readonly MergedPatch[],
): Promise<MergeResult> {
  const patches = given.map((patch) => ({ ...patch, entries: parsePatchText(patch.text) }))
  await importBlobs(host, contentsBefore(host, patches))
  await ownTrees(host, base)
  await using scratch = await openScratch(host)
  const merge = { host, base, scratch: scratch.path }
  const conflicts: MergeConflict[] = []
  let tree = base
  for (const [index, patch] of patches.entries()) {
    const step = await takeIn(merge, tree, patch)
    if (step.ok) tree = step.tree
    else for (const conflict of step.conflicts) conflicts.push({ index, ...conflict })
  }
  if (conflicts.length > 0) return { ok: false, conflicts }
  return { ok: true, tree, patch: await diffPatch(host, base, tree) }
}

interface PatchToMerge extends MergedPatch {
  readonly entries: readonly PatchEntry[]
}

interface Merge {
  readonly host: HostRepository
  readonly base: string
  readonly scratch: string
}

type Step =
  | { readonly ok: true; readonly tree: string }
  | { readonly ok: false; readonly conflicts: readonly Omit<MergeConflict, 'index'>[] }

async function takeIn(merge: Merge, tree: string, patch: PatchToMerge): Promise<Step> {
  const { host, base, scratch } = merge
  if ((await misfits(host, tree, patch.entries)).length === 0)
    return await applyTo(merge, tree, patch)
  const from = await startOf(merge, patch)
  if (from === undefined) {
    const foreign = await misfits(host, base, patch.entries)
    const message = 'was made for another tree'
    return { ok: false, conflicts: foreign.map((path) => ({ path, message })) }
  }
  const other = await applyTo(merge, from, patch)
  if (!other.ok) return other
  return await joinTrees(host, scratch, { base: from, ours: tree, theirs: other.tree })
}

/** The tree against which the patch was made, if that is still there and holds what the patch starts from. */
async function startOf({ host, base }: Merge, patch: PatchToMerge): Promise<string | undefined> {
  const { baseTree, entries } = patch
  if (baseTree !== undefined && baseTree !== base && (await completeTree(host, baseTree))) {
    await ownTrees(host, baseTree)
    if ((await misfits(host, baseTree, entries)).length === 0) return baseTree
  }
  return (await misfits(host, base, entries)).length === 0 ? base : undefined
}

/** Git works here without the user's objects; a tree may lie only there once wave's own are lost. */
async function ownTrees(host: HostRepository, tree: string): Promise<void> {
  const args = ['rev-list', '--objects', '--filter=blob:none', '--quiet', tree]
  const found = await hostGit(host, args, { borrow: false, answers: [1, 128] })
  if (found.exitCode !== 0) await copyTrees(host, tree)
}

/** Paths that do not hold what the patch starts from. */
export async function misfits(
  host: HostRepository,
  tree: string,
  entries: readonly PatchEntry[],
): Promise<readonly string[]> {
  const paths = entries.map((entry) => entry.path)
  // More names than one command line takes: then the whole tree.
  const named = paths.length > MAX_NAMED ? [] : paths
  const listing = paths.length === 0 ? undefined : await listTree(host, tree, named)
  const found = new Map(listing?.entries.map((entry) => [entry.path, entry]))
  return entries.flatMap((entry) => {
    const present = found.get(entry.path)
    // What a patch removes it may add again as another kind.
    if (entry.newMode === undefined) found.delete(entry.path)
    const fits =
      present?.mode === entry.oldMode &&
      (entry.oldOid === undefined || present?.oid === entry.oldOid)
    return fits ? [] : [entry.path]
  })
}

const MAX_NAMED = 500

async function applyTo({ host, scratch }: Merge, tree: string, patch: PatchToMerge): Promise<Step> {
  if (patch.text.length === 0) return { ok: true, tree }
  const options = { index: join(scratch, randomUUID()), borrow: false, durable: true }
  await hostGit(host, ['read-tree', tree], options)
  const args = ['apply', '--cached', '--whitespace=nowarn', '-']
  const applied = await hostGit(host, args, { ...options, input: patch.text, answers: [1, 128] })
  if (applied.exitCode === 0)
    return { ok: true, tree: await writeTree(host, options.index, options) }
  const message = applied.stderr.trim().slice(0, 500)
  return { ok: false, conflicts: [{ path: patch.entries[0]?.path ?? '.', message }] }
}

/** Bytes that the patches start from: git must find them without looking into the user's objects. */
async function* contentsBefore(
  host: HostRepository,
  patches: readonly PatchToMerge[],
): AsyncGenerator<Uint8Array> {
  const oids = new Set(
    patches.flatMap(({ entries }) => entries.flatMap((entry) => entry.oldOid ?? [])),
  )
  for await (const content of readObjects(host, [...oids])) if (content !== undefined) yield content
}
