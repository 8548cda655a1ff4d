import {
  chmod,
  lstat,
  mkdir,
  readFile,
  readlink,
  rm,
  rmdir,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'

/** Puts files back to what they were, and takes away folders that were not there. */
export type PutBack = () => Promise<void>

/** Reads these files and links, or that there is none. No part of a path may be a link. */
export async function rememberFiles(root: string, paths: readonly string[]): Promise<PutBack> {
  const files = new Map<string, Remembered | undefined>()
  for (const path of paths) if (!files.has(path)) files.set(path, await remember(join(root, path)))
  const newFolders = await missingFolders(root, paths)
  return async () => {
    // All of it first: what is new may hold the space, or the name, that the old files need.
    for (const path of files.keys()) await removeFile(join(root, path))
    for (const folder of newFolders) await rmdir(join(root, folder)).catch(() => {})
    for (const [path, file] of files) if (file !== undefined) await putBack(join(root, path), file)
  }
}

interface Remembered {
  readonly content: Buffer
  /** Permission bits; undefined for a link. */
  readonly mode: number | undefined
}

async function remember(absolute: string): Promise<Remembered | undefined> {
  const found = await lstat(absolute).catch(() => undefined)
  if (found?.isSymbolicLink())
    return { content: await readlink(absolute, 'buffer'), mode: undefined }
  if (!found?.isFile()) return undefined
  return { content: await readFile(absolute), mode: found.mode & 0o7777 }
}

/** Deepest first. */
async function missingFolders(root: string, paths: readonly string[]): Promise<readonly string[]> {
  const missing = new Set<string>()
  for (const path of paths)
    for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) {
      const found = await lstat(join(root, folder)).catch(() => undefined)
      if (found?.isDirectory() !== true) missing.add(folder)
    }
  return [...missing].toSorted((a, b) => b.length - a.length)
}

/** Nothing but a file that was written goes: what stands in its place otherwise is not ours. */
async function removeFile(absolute: string): Promise<void> {
  const found = await lstat(absolute).catch(() => undefined)
  if (found !== undefined && !found.isDirectory()) await rm(absolute)
}

async function putBack(absolute: string, { content, mode }: Remembered): Promise<void> {
  await mkdir(dirname(absolute), { recursive: true })
  if (mode === undefined) return await symlink(content, absolute)
  await writeFile(absolute, content)
  await chmod(absolute, mode)
}
