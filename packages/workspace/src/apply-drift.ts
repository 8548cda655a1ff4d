import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join, posix, relative } from 'node:path'

import { linkAbove, printable } from './apply-state.ts'
import type { PatchEntry } from './patch-text.ts'
import type { PathProblem } from './settle-patches.ts'

export const ALREADY = 'holds this change already'

/** What the patches find of each path on disk; what they make of it is theirs. */
export async function findDrift(
  root: string,
  entries: readonly PatchEntry[],
): Promise<readonly PathProblem[]> {
  const seen = new Set<string>()
  const drifted: PathProblem[] = []
  const goes = (path: string) => entries.some((entry) => entry.path === path && isDeletion(entry))
  for (const entry of entries) {
    const problem = seen.has(entry.path) ? undefined : await diskProblem(root, entry, goes)
    if (problem !== undefined) drifted.push({ path: entry.path, problem })
    const isModeOnly = entry.newOid === undefined && entry.newMode !== undefined
    if (!isModeOnly) seen.add(entry.path)
  }
  return drifted
}

const isDeletion = (entry: PatchEntry) => entry.newMode === undefined

async function diskProblem(
  root: string,
  entry: PatchEntry,
  goes: (path: string) => boolean,
): Promise<string | undefined> {
  const behind = await linkAbove(root, entry.path)
  if (behind !== undefined) return `lies behind the link ${printable(behind)}`
  const absolute = join(root, entry.path)
  const found = await lstat(absolute).catch(() => undefined)
  if (entry.oldMode === undefined) {
    const makesRoom = found?.isDirectory() === true && (await holdsOnly(root, entry.path, goes))
    return found === undefined || makesRoom ? undefined : 'exists already'
  }
  if (found === undefined) return 'is gone'
  const link = entry.oldMode === '120000'
  if (link ? !found.isSymbolicLink() : !found.isFile()) return 'is of another kind'
  return contentProblem(entry, link ? await readlink(absolute, 'buffer') : await readFile(absolute))
}

function contentProblem({ oldOid, newOid }: PatchEntry, bytes: Buffer): string | undefined {
  if (oldOid === undefined) return undefined
  const id = blobId(bytes, oldOid.length)
  if (id === oldOid) return undefined
  return id === newOid ? ALREADY : 'has changed'
}

/** Whether every file below a folder is one of these: the folder then goes with them. */
async function holdsOnly(
  root: string,
  folder: string,
  goes: (path: string) => boolean,
): Promise<boolean> {
  const entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => !entry.isDirectory())
  return files.every((file) => goes(posix.join(relative(root, file.parentPath), file.name)))
}

/** Git's id of these bytes, in the object format that an id of this length belongs to. */
function blobId(bytes: Buffer, idLength: number): string {
  const hash = createHash(idLength === 40 ? 'sha1' : 'sha256')
  return hash.update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
}
