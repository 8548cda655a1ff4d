import { lstat, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { holdsUnfinished } from './apply-record.ts'
import { WORK_TREE_FILE } from './host-repository.ts'

/** A file or folder of wave's data directory that nobody needs any more, or that is kept. */
export interface Found {
  readonly path: string
  readonly sizeBytes: number
  readonly isStale: boolean
}

/**
 * Wave's git dirs. One is stale when its repository is gone, and not only since a moment: disks are
 * plugged out. One that does not tell whose it is stays, and so does one in which an apply is not over.
 */
export async function findGitDirs(
  dataDir: string,
  { nowMs, patienceMs }: { readonly nowMs: number; readonly patienceMs: number },
): Promise<readonly Found[]> {
  const folder = join(dataDir, 'git')
  const names = (await namesIn(folder)).filter((name) => /^[0-9a-f]{32}$/.test(name))
  return await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      const isIdle = nowMs - (await lastUsedMs(path)) > Math.max(patienceMs, IN_USE_MS)
      const isStale = isIdle && (await isAbandoned(path)) && !holdsUnfinished(path)
      return { path, sizeBytes: await sizeOnDisk(path), isStale }
    }),
  )
}

/** What killed processes left in wave's git dirs. */
export async function findTemporaries(dataDir: string, nowMs: number): Promise<readonly Found[]> {
  const folder = join(dataDir, 'git')
  const found = (await namesIn(folder))
    .filter((name) => name.startsWith('new-'))
    .map((name) => join(folder, name))
  for (const name of await namesIn(folder)) {
    const temporary = join(folder, name, 'tmp')
    for (const take of await namesIn(temporary)) found.push(join(temporary, take))
    for (const apply of await beginnings(join(folder, name, 'applies'))) found.push(apply)
    for (const file of await namesIn(join(folder, name)))
      if (file.startsWith('fast_import_crash_')) found.push(join(folder, name, file))
    const packs = join(folder, name, 'objects', 'pack')
    for (const file of await namesIn(packs))
      if (file.startsWith('tmp_')) found.push(join(packs, file))
  }
  return await Promise.all(
    found.map(async (path) => ({
      path,
      sizeBytes: await sizeOnDisk(path),
      isStale: nowMs - (await modifiedMs(path)) > TEMPORARY_MS,
    })),
  )
}

/**
 * What was laid ready for an apply that never got to changing a file. One with a record may hold the only copy
 * of what the user's files held: it stays.
 */
async function beginnings(applies: string): Promise<readonly string[]> {
  const folders = (await namesIn(applies)).filter((name) => /^\d{9}$/.test(name))
  const found = await Promise.all(
    folders.map(async (name) => {
      const isBegun = await isGone(join(applies, name, 'record.json'))
      return isBegun ? [join(applies, name)] : []
    }),
  )
  return found.flat()
}

/** Answers whether it is gone now. */
export async function removeFound({ path }: Pick<Found, 'path'>): Promise<boolean> {
  return await rm(path, { recursive: true, force: true }).then(
    () => true,
    () => false,
  )
}

/** A run may still hold it. */
const IN_USE_MS = 60 * 60_000
const TEMPORARY_MS = 24 * 60 * 60_000

async function isAbandoned(gitDir: string): Promise<boolean> {
  const workTree = await readFile(join(gitDir, WORK_TREE_FILE), 'utf8').catch(() => '')
  return workTree !== '' && (await isGone(workTree))
}

/** Not so where it only cannot be looked at. */
async function isGone(path: string): Promise<boolean> {
  return await stat(path).then(
    () => false,
    (cause: unknown) => cause instanceof Error && 'code' in cause && cause.code === 'ENOENT',
  )
}

/** Every use makes a private folder in it. */
function lastUsedMs(gitDir: string): Promise<number> {
  return modifiedMs(join(gitDir, 'tmp'))
}

async function modifiedMs(path: string): Promise<number> {
  return (await lstat(path).catch(() => undefined))?.mtimeMs ?? 0
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => [])
}

/** Of a file, or of all that is in a folder; what cannot be looked at counts nothing. */
export async function sizeOnDisk(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return 0
  if (!found.isDirectory()) return found.blocks * 512
  let total = found.blocks * 512
  for (const name of await namesIn(path)) total += await sizeOnDisk(join(path, name))
  return total
}
