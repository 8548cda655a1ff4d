import { lstatSync, readdirSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncDirectory, takeLock, WaveError } from '@wave/core'
import { holderOf } from '@wave/core/runs'
import { removeFound } from '@wave/workspace'
import { forgetRun } from '../run-index.ts'

/**
 * Removes the folder of a run for good, unless a process works on it. Whenever this is cut off, what is left is
 * either a whole run or nothing that looks like one: see `findRemoved`. Answers whether the run is gone.
 */
export async function removeRun(dataDir: string, directory: string): Promise<boolean> {
  const run = basename(directory)
  const aside = join(dirname(directory), `${REMOVING}${run}`)
  try {
    using _ = holdForRemoval(directory)
    renameSync(directory, aside)
  } catch (error) {
    if (isExpected(error)) return false
    throw error
  }
  syncDirectory(dirname(aside))
  // It could be resumed as long as it was a run, and not any more.
  forgetRun(dataDir, run)
  return await removeFound({ path: aside })
}

/** Folders of runs whose removal was cut off. */
export function findRemoved(folder: string): readonly string[] {
  try {
    if (!lstatSync(folder).isDirectory()) return []
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name.startsWith(REMOVING))
      .map(({ name }) => join(folder, name))
  } catch (error) {
    if (isExpected(error)) return []
    throw error
  }
}

/** No run is called like this: the dot in front keeps it out of every list. */
const REMOVING = '.removing-'

/** The lock of the run. A full disk, which is what somebody may want to make room on, has no place for it. */
function holdForRemoval(directory: string): Disposable {
  try {
    return takeLock(directory)
  } catch (error) {
    if (!isCode(error, 'ENOSPC', 'EDQUOT')) throw error
    const pid = holderOf(directory)
    if (pid !== undefined) throw new WaveError('run-locked', `Process ${pid} works on it.`)
    return { [Symbol.dispose]() {} }
  }
}

/** It is in use, was removed by somebody else, or is not the user's to remove. */
function isExpected(error: unknown): boolean {
  const codes = ['ENOENT', 'EACCES', 'EPERM', 'EROFS', 'EBUSY', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR']
  return error instanceof WaveError || isCode(error, ...codes)
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
