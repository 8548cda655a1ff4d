import type { MergeConflict } from '@wave/core'

import type { HostRepository } from './host-git.ts'
import { mergePatches, misfits } from './merge-patches.ts'
import { parsePatchText } from './patch-text.ts'
import type { PatchEntry } from './patch-text.ts'
import { completeTree } from './tree-files.ts'

/** What a step of a run changed. */
export interface RunPatch {
  readonly text: Uint8Array
  /** The step that made it, for what is said about it. */
  readonly step?: string | undefined
  /** Git tree that it was made against. */
  readonly baseTree?: string | undefined
}

/** What keeps a path from being changed; the problem reads behind the path. */
export interface PathProblem {
  readonly path: string
  readonly problem: string
  /** Whose changes they are, in order, where that is known. */
  readonly steps?: readonly string[]
}

export interface Settled {
  /** Each builds on those before it. */
  readonly patches: readonly Uint8Array[]
  /** Why they do not go together. If there is any, nothing can be applied. */
  readonly conflicts: readonly PathProblem[]
}

/**
 * Patches that build on each other stay as they are. Where some of them change the same file, start from
 * the same content, as those of parallel steps do, or from another commit, all of them are joined into one
 * over the tree that the run started from, as far as that is known.
 */
export async function settlePatches(
  host: HostRepository,
  patches: readonly RunPatch[],
  base: string | undefined,
): Promise<Settled> {
  const texts = patches.map(({ text }) => text)
  const { clashes, first, isRepeating } = follow(patches)
  const isChain = clashes.length === 0
  const isPlain = isChain && !isRepeating
  if (isPlain && (base === undefined || (await misfits(host, base, first)).length === 0))
    return { patches: texts, conflicts: [] }
  if (base === undefined || !(await completeTree(host, base)))
    return { patches: texts, conflicts: withSteps(clashes, patches) }
  const merged = await mergePatches(host, base, patches)
  // One after the other, each file on disk tells whether they fit.
  if (!merged.ok)
    return { patches: texts, conflicts: isChain ? [] : withSteps(merged.conflicts, patches) }
  return { patches: [merged.patch?.text ?? new Uint8Array()], conflicts: [] }
}

interface Followed {
  readonly clashes: readonly MergeConflict[]
  /** What the patches find at each path before any of them has touched it. */
  readonly first: readonly PatchEntry[]
  /** Some of them change the same path. */
  readonly isRepeating: boolean
}

/** Follows each path through the patches. */
function follow(patches: readonly RunPatch[]): Followed {
  const left = new Map<string, string | undefined>()
  const clashes: MergeConflict[] = []
  const first: PatchEntry[] = []
  const owners = new Map<string, number>()
  let isRepeating = false
  for (const [index, { text }] of patches.entries()) {
    for (const entry of parsePatchText(text)) {
      const { path } = entry
      if ((owners.get(path) ?? index) !== index) isRepeating = true
      owners.set(path, index)
      const message = left.has(path) ? clash(entry, left.get(path)) : undefined
      if (message !== undefined) clashes.push({ index, path, message })
      if (!left.has(path)) first.push(entry)
      const isModeOnly = entry.newOid === undefined && entry.newMode !== undefined
      if (!isModeOnly) left.set(path, entry.newOid)
    }
  }
  return { clashes, first, isRepeating }
}

function clash(entry: PatchEntry, before: string | undefined): string | undefined {
  if (entry.oldMode === undefined) return before === undefined ? undefined : 'is added twice'
  return entry.oldOid === undefined || entry.oldOid === before
    ? undefined
    : 'is changed differently by two patches'
}

/** One problem per path and kind, with everybody who has a part in it. */
function withSteps(
  conflicts: readonly MergeConflict[],
  patches: readonly RunPatch[],
): readonly PathProblem[] {
  const touched = patches.map(({ text }) => parsePatchText(text).map((entry) => entry.path))
  const groups = Map.groupBy(conflicts, ({ path, message }) => `${path}\0${message}`)
  return Array.from(groups.values(), (group) => {
    const [{ path, message } = { path: '', message: '' }] = group
    const last = Math.max(...group.map(({ index }) => index))
    const steps = patches.flatMap(({ step }, index) => {
      const hasPart =
        group.some((one) => one.index === index) || touched[index]?.includes(path) === true
      return step !== undefined && index <= last && hasPart ? [step] : []
    })
    return { path, problem: message, ...(steps.length > 0 && { steps }) }
  })
}
