import { createHash } from 'node:crypto'
import { lstat, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** A file or a link, as far as applying a patch looks at it. */
export interface FileState {
  readonly kind: 'file' | 'link'
  /** Permission bits; 0 for a link. */
  readonly mode: number
  /** Of the content; of the target of a link. */
  readonly sha256: string
}

/** What stands at a path. A folder is nothing: what becomes of it is decided by what is in it. */
export type Found =
  | { readonly state: FileState | undefined }
  /** Neither a file nor a link, or behind a link. */
  | { readonly problem: string }

/** Looks without following any link. */
export async function lookAt(root: string, path: string): Promise<Found> {
  const behind = await linkAbove(root, path)
  if (behind !== undefined) return { problem: `lies behind the link ${printable(behind)}` }
  const absolute = join(root, path)
  const found = await lstat(absolute).catch(() => undefined)
  if (found === undefined || found.isDirectory()) return { state: undefined }
  if (found.isSymbolicLink()) {
    const target = await readlink(absolute, 'buffer')
    return { state: { kind: 'link', mode: 0, sha256: digestOf(target) } }
  }
  if (!found.isFile()) return { problem: 'is of another kind' }
  const sha256 = digestOf(await readFile(absolute))
  return { state: { kind: 'file', mode: found.mode & 0o7777, sha256 } }
}

/** Kind and content are these; the mode may differ. */
export function holds(found: FileState | undefined, state: FileState | undefined): boolean {
  return found?.kind === state?.kind && found?.sha256 === state?.sha256
}

export function isSame(found: FileState | undefined, state: FileState | undefined): boolean {
  return holds(found, state) && found?.mode === state?.mode
}

/** What is wrong with what was found; undefined: nothing. */
export function difference(
  found: FileState | undefined,
  expected: FileState | undefined,
): string | undefined {
  if (isSame(found, expected)) return undefined
  if (found === undefined) return 'is gone'
  if (expected === undefined) return 'is there again'
  if (found.kind !== expected.kind) return 'is of another kind'
  return holds(found, expected) ? 'has another mode' : 'has changed'
}

/** The first folder of a path that is a link. */
export async function linkAbove(root: string, path: string): Promise<string | undefined> {
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    const folder = path.slice(0, slash)
    const found = await lstat(join(root, folder)).catch(() => undefined)
    if (found?.isSymbolicLink()) return folder
  }
  return undefined
}

/** Names come from patches: line breaks and the like must not pass for text of ours. */
export function printable(path: string): string {
  return /^[\w./@+ -]+$/.test(path) ? path : JSON.stringify(path)
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
