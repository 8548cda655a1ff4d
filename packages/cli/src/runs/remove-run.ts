import { lstatSync, readdirSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncDirectory, takeLock, WaveError } from '@wave/core'
import { holderOf } from '@wave/core/runs'
import { removeFound } from '@wave/workspace'
import { forgetRun } from '../run-index.ts'
import { type JournalState, journalState, type JudgedRun } from './old-runs.ts'

export type Removal =
  | {
      readonly isRemoved: true
      /** Follows "was removed, but". Undefined: nothing is left of it. */
      readonly left?: { readonly why: string; readonly takesRoom: boolean }
    }
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
  const aside = join(dirname(directory), `${REMOVING}${basename(directory)}`)
  try {
    using _ = holdForRemoval(directory)
    if (!isSame(journal, journalState(directory))) {
      return { isRemoved: false, why: 'it changed since it was looked at', isFailure: false }
    }
    renameSync(directory, aside)
  } catch (error) {
    return notRemoved(error)
  }
  return await clearAway(dataDir, aside, basename(directory))
}

/** No command sees the run any more. */
async function clearAway(dataDir: string, aside: string, run: string): Promise<Removal> {
  // Before its files go: a power cut must not bring back half a run.
  const unsynced = failureOf(() => syncDirectory(dirname(aside)))
  if (unsynced !== undefined) return leftBehind(`its files stay in ${aside}: ${unsynced}`)
  // It could be resumed as long as it was a run, and not any more.
  const noted = failureOf(() => forgetRun(dataDir, run))
  if (!(await removeFound({ path: aside }))) return leftBehind(`some of its files stay in ${aside}`)
  if (noted === undefined) return { isRemoved: true }
  return leftBehind(`the note on it stays: ${noted}`, false)
}

function leftBehind(what: string, takesRoom = true): Removal {
  const why = `${what}; the next wave gc tries again`
  return { isRemoved: true, left: { why, takesRoom } }
}

/** What kept something from being done; undefined: nothing did. */
function failureOf(work: () => void): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    const why = told(error)
    if (why === undefined) throw error
    return why
  }
}

/** Folders of runs whose removal was cut off. */
export function findRemoved(folder: string): readonly string[] {
  try {
    if (!lstatSync(folder).isDirectory()) return []
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name.startsWith(REMOVING))
      .map(({ name }) => join(folder, name))
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM')) return []
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
  const why = told(error)
  if (why === undefined) throw error
  return { isRemoved: false, why, isFailure: true }
}

/** It is not the user's to remove, something is in the way, or the disk fails. Undefined: a bug. */
function told(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof WaveError) return error.message.replace(/\.$/u, '')
  return 'errno' in error ? error.message : undefined
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
