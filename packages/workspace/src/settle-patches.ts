import type { HostRepository } from './host-git.ts'
import { mergePatches } from './merge-patches.ts'
import { parsePatchText } from './patch-text.ts'
import type { PatchEntry } from './patch-text.ts'
import { completeTree } from './tree-files.ts'

/** What keeps a path from being changed; the problem reads behind the path. */
export interface PathProblem {
  readonly path: string
  readonly problem: string
}

export interface Settled {
  /** Each builds on those before it. */
  readonly patches: readonly Uint8Array[]
  /** Why they do not go together. If there is any, nothing can be applied. */
  readonly conflicts: readonly PathProblem[]
}

/**
 * Patches that build on each other stay as they are. Where some of them start from the same content, as
 * those of parallel steps do, all of them are joined into one over the tree that they were made against.
 */
export async function settlePatches(
  host: HostRepository,
  patches: readonly Uint8Array[],
  base: string | undefined,
): Promise<Settled> {
  const clashes = findClashes(patches.flatMap((text) => parsePatchText(text)))
  if (clashes.length === 0) return { patches, conflicts: [] }
  if (base === undefined || !(await completeTree(host, base))) {
    return { patches, conflicts: unique(clashes) }
  }
  const merged = await mergePatches(host, base, patches)
  if (merged.ok) return { patches: [merged.patch?.text ?? new Uint8Array()], conflicts: [] }
  const conflicts = merged.conflicts.map(({ path, message }) => ({ path, problem: message }))
  return { patches, conflicts: unique(conflicts) }
}

/** Follows each path through the patches. */
function findClashes(entries: readonly PatchEntry[]): readonly PathProblem[] {
  const left = new Map<string, string | undefined>()
  const clashes: PathProblem[] = []
  for (const entry of entries) {
    const problem = left.has(entry.path) ? clash(entry, left.get(entry.path)) : undefined
    if (problem !== undefined) clashes.push({ path: entry.path, problem })
    const isModeOnly = entry.newOid === undefined && entry.newMode !== undefined
    if (!isModeOnly) left.set(entry.path, entry.newOid)
  }
  return clashes
}

function clash(entry: PatchEntry, before: string | undefined): string | undefined {
  if (entry.oldMode === undefined) return before === undefined ? undefined : 'is added twice'
  return entry.oldOid === undefined || entry.oldOid === before
    ? undefined
    : 'is changed differently by two patches'
}

function unique(problems: readonly PathProblem[]): readonly PathProblem[] {
  return [...new Map(problems.map((one) => [`${one.path}\0${one.problem}`, one])).values()]
}
