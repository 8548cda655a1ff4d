import type { Patch, PatchedFile } from '@wave/core'

import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'
import { judgeChange, statusOf } from './patch-rules.ts'
import { parsePatchText } from './patch-text.ts'
import type { PatchEntry } from './patch-text.ts'

/** The patch between two trees, each file judged. */
export async function diffPatch(
  host: HostRepository,
  baseTree: string,
  tree: string,
): Promise<Patch> {
  const text = await diffText(host, baseTree, tree)
  return { baseTree, tree, text, files: patchedFiles(text) }
}

/** What `git apply` takes, byte for byte. */
export async function diffText(host: HostRepository, from: string, to: string): Promise<Buffer> {
  const format = ['-r', '-p', '--binary', '--full-index', '--no-renames']
  const plain = ['--no-ext-diff', '--no-textconv', '--no-color']
  return (await hostGit(host, ['diff-tree', ...format, ...plain, from, to])).stdout
}

/** The files of a patch, from its text alone: what is recorded beside a patch is never believed. */
export function patchedFiles(text: Uint8Array): readonly PatchedFile[] {
  return parsePatchText(text).map((entry) => {
    const { path, added, deleted, isBinary } = entry
    const counted = { path, status: statusOf(entry), added, deleted }
    return Object.assign(counted, modesOf(entry), isBinary && { isBinary }, judgeChange(entry))
  })
}

function modesOf({ oldMode, newMode }: PatchEntry): Pick<PatchedFile, 'modes'> | undefined {
  if (oldMode === undefined || newMode === undefined || oldMode === newMode) return undefined
  return { modes: { from: oldMode, to: newMode } }
}
