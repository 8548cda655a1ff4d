import {
  chmod,
  lstat,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  rmdir,
  symlink,
  unlink,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { syncDirectory } from '@wave/core'

import { aFewAtATime } from './a-few-at-a-time.ts'
import { isSame, lookAt } from './apply-state.ts'
import type { FileState } from './apply-state.ts'

/** One path that goes from what stands there to something else. */
export interface Move {
  readonly path: string
  readonly from: FileState | undefined
  readonly to: FileState | undefined
  /** File that holds the bytes of `to`. */
  readonly source: string
  /** Where they wait: in a folder that stays, relative to the root. */
  readonly temporary: string
}

export interface Folders {
  /** Those that go if they are empty by then; the inner ones first. */
  readonly remove: readonly string[]
  /** The outer ones first; without a mode, the usual one. */
  readonly make: readonly { readonly path: string; readonly mode?: number }[]
}

/**
 * Changes files so that each of them holds, at every moment, either all of the old or all of the new: also
 * when the process or the machine stops. All content is on the disk before the first file changes, so that
 * a full disk changes none. Throws at a path that holds something else than `from`, and where anything else
 * is in the way; what is done by then stays. With `leave` such a path is left, and told.
 */
export async function moveFiles(
  root: string,
  moves: readonly Move[],
  folders: Folders,
  leave?: (move: Move) => void,
): Promise<void> {
  const attempt = async (move: Move, work: () => Promise<void>) => {
    await work().catch((cause: unknown) => {
      if (leave === undefined || !isInTheWay(cause)) throw cause
      leave(move)
    })
  }
  const putting = moves.flatMap((move) => (move.to === undefined ? [] : [{ move, to: move.to }]))
  const taking = moves.filter((move) => move.to === undefined)
  try {
    await aFewAtATime(putting, async ({ move, to }) => await stage(root, move, to))
    for (const move of taking) await attempt(move, () => take(root, move))
    // One with something else in it stays.
    for (const folder of folders.remove) await unlessInTheWay(rmdir(join(root, folder)))
    // One that cannot be made is missed by what belongs into it.
    for (const folder of folders.make) await unlessInTheWay(makeFolder(root, folder))
    for (const { move } of putting) await attempt(move, () => put(root, move))
  } finally {
    await aFewAtATime(moves, async ({ temporary }) => {
      await rm(join(root, temporary), { force: true })
    })
  }
  syncFolders(root, moves, folders)
}

/** A path does not hold what was found there a moment ago. */
export class Meddled extends Error {
  readonly path: string

  constructor(path: string) {
    super(`${path} changed under way`)
    this.path = path
  }
}

async function stage(root: string, move: Move, to: FileState): Promise<void> {
  const temporary = join(root, move.temporary)
  await rm(temporary, { force: true })
  if (to.kind === 'link') return await symlink(await readFile(move.source), temporary)
  await using file = await open(temporary, 'wx', 0o600)
  await file.writeFile(await readFile(move.source))
  await file.chmod(to.mode)
  await file.sync()
}

async function take(root: string, move: Move): Promise<void> {
  await expectUnmoved(root, move)
  if (move.from !== undefined) await unlink(join(root, move.path))
}

async function put(root: string, move: Move): Promise<void> {
  await expectUnmoved(root, move)
  await rename(join(root, move.temporary), join(root, move.path))
}

async function expectUnmoved(root: string, { path, from }: Move): Promise<void> {
  const found = await lookAt(root, path)
  if ('problem' in found || !isSame(found.state, from)) throw new Meddled(path)
}

async function makeFolder(root: string, { path, mode }: Folders['make'][number]): Promise<void> {
  const absolute = join(root, path)
  // One that is there may have been made by a wave that was stopped before it set the mode.
  if (!(await isFolder(absolute))) await mkdir(absolute)
  if (mode !== undefined) await chmod(absolute, mode)
}

async function isFolder(absolute: string): Promise<boolean> {
  return (await lstat(absolute).catch(() => undefined))?.isDirectory() === true
}

async function unlessInTheWay(work: Promise<void>): Promise<void> {
  await work.catch((cause: unknown) => {
    if (!isInTheWay(cause)) throw cause
  })
}

/** Somebody else's file or folder, not a disk that fails. */
export function isInTheWay(cause: unknown): boolean {
  if (cause instanceof Meddled) return true
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return ['EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST', 'ENOENT'].some((one) => one === code)
}

/** Entries of every folder in which something was made, replaced or removed. */
function syncFolders(root: string, moves: readonly Move[], { remove, make }: Folders): void {
  const paths = [...moves, ...make].map(({ path }) => path).concat(remove)
  const parents = new Set(paths.map((path) => dirname(join(root, path))))
  for (const parent of parents) syncIfThere(parent)
}

function syncIfThere(folder: string): void {
  try {
    syncDirectory(folder)
  } catch {
    // Gone with what was in it, or a file system that syncs no folders.
  }
}
