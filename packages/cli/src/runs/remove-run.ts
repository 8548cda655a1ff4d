import { lstatSync, readdirSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncDirectory, takeLock, WaveError } from '@wave/core'
import { holderOf } from '@wave/core/runs'
import { removeFound } from '@wave/workspace'
import { forgetRun } from '../run-index.ts'
import { type JournalState, journalState, type JudgedRun } from './old-runs.ts'

export type Removal =
  | { readonly isRemoved: true }
  | {
      readonly isRemoved: false
      /** Follows "was not removed:". */
      readonly why: string
      /** The user wants it gone, and has to do something about it. */
      readonly isFailure: boolean
    }

/**
 * Removes the folder of a run for good, unless a process works on it, or did since the run was judged. Whenever
 * this is cut off, what is left is either a whole run or nothing that looks like one: see `findRemoved`.
 */
export async function removeRun(dataDir: string, judged: JudgedRun): Promise<Removal> {
  const { directory, journal } = judged
  const run = basename(directory)
  const aside = join(dirname(directory), `${REMOVING}${run}`)
  try {
    using _ = holdForRemoval(directory)
    if (!isSame(journal, journalState(directory))) {
      return { isRemoved: false, why: 'it changed since it was looked at', isFailure: false }
    }
    renameSync(directory, aside)
  } catch (error) {
    return notRemoved(error)
  }
  syncDirectory(dirname(aside))
  // It could be resumed as long as it was a run, and not any more.
  forgetRun(dataDir, run)
  if (await removeFound({ path: aside })) return { isRemoved: true }
  const why = `some of its files stay in ${aside}; the next wave gc tries again`
  return { isRemoved: false, why, isFailure: true }
}

/** Folders of runs whose removal was cut off. */
export function findRemoved(folder: string): readonly string[] {
  try {
    if (!lstatSync(folder).isDirectory()) return []
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name.startsWith(REMOVING))
      .map(({ name }) => join(folder, name))
  } catch (error) {
    if (isCode(error, 'ENOENT') || isExpected(error)) return []
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

function isSame(before: JournalState | undefined, now: JournalState | undefined): boolean {
  if (before === undefined || now === undefined) return false
  return before.sizeBytes === now.sizeBytes && before.writtenMs === now.writtenMs
}

function notRemoved(error: unknown): Removal {
  if (isCode(error, 'run-locked')) {
    return { isRemoved: false, why: 'another process works on it', isFailure: false }
  }
  if (isCode(error, 'ENOENT')) {
    return { isRemoved: false, why: 'it is gone already', isFailure: false }
  }
  if (!(error instanceof Error) || !isExpected(error)) throw error
  return { isRemoved: false, why: error.message, isFailure: true }
}

/** It is not the user's to remove, or something is in the way. */
function isExpected(error: unknown): boolean {
  return isCode(error, 'EACCES', 'EPERM', 'EROFS', 'EBUSY', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
