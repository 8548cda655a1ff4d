import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { storageError, WaveError } from '@wave/core'

import { aFewAtATime } from './a-few-at-a-time.ts'
import { nothingDone } from './apply-failure.ts'
import { isInTheWay, Meddled, moveFiles } from './apply-files.ts'
import type { Folders, Move } from './apply-files.ts'
import { prepareRecord } from './apply-prepare.ts'
import type { Preparation } from './apply-prepare.ts'
import {
  forgetRecord,
  leftFolder,
  listRecords,
  markChanging,
  removeRecord,
  restoreRecord,
  savedContent,
  tidyAfterwards,
  tidyRecords,
  unmarkChanging,
  writeRecord,
} from './apply-record.ts'
import type { ApplyRecord, Side, StoredRecord } from './apply-record.ts'
import { difference, holds, isSame, lookAt, printable } from './apply-state.ts'
import type { FileState, Found } from './apply-state.ts'
import type { HostRepository } from './host-git.ts'
import type { PathProblem } from './settle-patches.ts'

/** An apply, or taking one back, that was stopped in the middle: its files are what they were before now. */
export interface FinishedApply {
  readonly run: string
  /** The same as when it was begun. */
  readonly apply: string
  readonly interrupted: 'apply' | 'undo'
  /** Paths that had to be put back. */
  readonly restored: readonly string[]
  /** Paths that held neither the old nor the new: left as they are, with the place of the old bytes. */
  readonly left: readonly (PathProblem & { readonly saved?: string })[]
}

/**
 * Puts patches on the files, all or nothing. Whenever that is stopped, by whatever, `finishInterrupted`
 * makes it nothing. The repository must be locked.
 */
export async function changeFiles(
  host: HostRepository,
  { begin, ...preparation }: Change,
): Promise<void> {
  tidyRecords(host)
  const stored = await prepareRecord(host, preparation)
  const { folder, record } = stored
  beginOrForget(stored, begin)
  try {
    markChanging(host)
    writeRecord(stored)
    await moveFiles(host.workTree, plannedMoves(stored, 'after'), foldersOf(record, 'after'))
    const files = await asTheyAre(host, record)
    writeRecord({ folder, record: { ...record, phase: 'applied', files } })
  } catch (cause) {
    const { left } = await allBackTo('before', host, stored)
    const kept = await keepLeft(host, stored, left)
    tidyAfterwards(host, unmarkChanging)
    throw failure(cause, host, { left: kept, done: 'applied' })
  }
  tidyAfterwards(host, unmarkChanging)
  tidyAfterwards(host, tidyRecords)
}

interface Change extends Preparation {
  /** Called when all is prepared and no file is changed yet; what it throws leaves all as it is. */
  readonly begin?: Begin | undefined
}

/** Takes the id of the apply. */
type Begin = (apply: string) => void

function beginOrForget({ folder, record }: StoredRecord, begin: Begin | undefined): void {
  try {
    begin?.(record.apply)
  } catch (cause) {
    removeRecord(folder)
    throw cause
  }
}

/** Takes back an apply whose paths are all as it left them, all or nothing. The repository must be locked. */
export async function takeBack(
  host: HostRepository,
  stored: StoredRecord,
  begin?: Begin,
): Promise<void> {
  const { folder, record } = stored
  begin?.(record.apply)
  try {
    await saveAfter(host, stored)
    markChanging(host)
    writeRecord({ folder, record: { ...record, phase: 'undoing' } })
    await moveFiles(host.workTree, plannedMoves(stored, 'before'), foldersOf(record, 'before'))
  } catch (cause) {
    const { left } = await allBackTo('after', host, stored)
    restoreRecord(stored)
    tidyAfterwards(host, unmarkChanging)
    throw failure(cause, host, { left, done: 'taken back' })
  }
  forgetRecord(folder)
  tidyAfterwards(host, () => removeRecord(folder))
  tidyAfterwards(host, unmarkChanging)
}

/** Puts the files of what was interrupted back to what they were before, and tells. The repository must be locked. */
export async function finishInterrupted(
  host: HostRepository,
  tell?: (finished: FinishedApply) => Promise<void>,
): Promise<readonly FinishedApply[]> {
  const finished: FinishedApply[] = []
  for (const stored of listRecords(host)) {
    const { run, apply, phase } = stored.record
    if (phase === 'applied') continue
    const interrupted = phase === 'applying' ? 'apply' : 'undo'
    const { restored, left } = await allBackTo('before', host, stored)
    const kept = await keepLeft(host, stored, left)
    const done = { run, apply, interrupted, restored, left: kept } as const
    finished.push(done)
    await tell?.(done)
  }
  if (finished.length > 0) tidyAfterwards(host, unmarkChanging)
  else unmarkChanging(host)
  return finished
}

/** What keeps an apply from being taken back: paths that are not what it left. */
export async function changedSince(
  host: HostRepository,
  record: ApplyRecord,
): Promise<readonly PathProblem[]> {
  const problems = await aFewAtATime(record.files, async ({ path, after }) => {
    const found = await lookAt(host.workTree, path)
    const problem = 'problem' in found ? found.problem : difference(found.state, after)
    return problem === undefined ? [] : [{ path, problem }]
  })
  return problems.flat()
}

function plannedMoves(stored: StoredRecord, side: Side): readonly Move[] {
  return stored.record.files.flatMap((file, index) => {
    const from = side === 'after' ? file.before : file.after
    return isSame(file.before, file.after) ? [] : [moveOf(stored, index, { from, side })]
  })
}

function moveOf(
  { folder, record }: StoredRecord,
  index: number,
  { from, side }: { readonly from: FileState | undefined; readonly side: Side },
): Move {
  const file = record.files[index]
  if (file === undefined) throw new Error('Internal error: no such path in the record')
  const { path, temporary } = file
  return { path, from, to: file[side], source: savedContent(folder, side, index), temporary }
}

function foldersOf({ goneFolders, newFolders }: ApplyRecord, side: Side): Folders {
  const gone = goneFolders.map(({ path }) => path)
  return side === 'after'
    ? { remove: gone.toReversed(), make: newFolders.map((path) => ({ path })) }
    : { remove: newFolders.toReversed(), make: goneFolders }
}

/** What of an apply stands on the disk: file systems have their own ideas of modes. */
async function asTheyAre(
  { workTree }: HostRepository,
  { files }: ApplyRecord,
): Promise<ApplyRecord['files']> {
  return await aFewAtATime(files, async (file) => {
    const now = await lookAt(workTree, file.path)
    const isOurs = !('problem' in now) && holds(now.state, file.after)
    return isOurs ? { ...file, after: now.state } : file
  })
}

/** What an undo that fails half way puts back. */
async function saveAfter(
  { workTree }: HostRepository,
  { folder, record }: StoredRecord,
): Promise<void> {
  await rm(join(folder, 'after'), { recursive: true, force: true })
  await mkdir(join(folder, 'after'))
  await aFewAtATime(record.files, async ({ path, after }, index) => {
    if (after?.kind === 'file')
      await copyFile(join(workTree, path), savedContent(folder, 'after', index))
  })
}

interface Brought {
  readonly restored: readonly string[]
  readonly left: readonly (PathProblem & { readonly index: number })[]
}

/** Only what holds one side goes to the other: anything else is somebody's own. */
async function bringTo(
  side: Side,
  { workTree }: HostRepository,
  stored: StoredRecord,
): Promise<Brought> {
  const { record } = stored
  const judged = await aFewAtATime(record.files, async (file, index) => {
    await rm(join(workTree, file.temporary), { force: true }).catch(() => {})
    return judge(stored, index, { side, found: await lookAt(workTree, file.path) })
  })
  const moves = judged.flatMap(({ move }) => move ?? [])
  const left = judged.flatMap(({ problem }) => problem ?? [])
  await moveFiles(workTree, moves, foldersOf(record, side), ({ path }) => {
    const index = record.files.findIndex((file) => file.path === path)
    left.push({ path, problem: 'is taken by something else', index })
  })
  const isLeft = new Set(left.map(({ path }) => path))
  const restored = moves.map(({ path }) => path).filter((path) => !isLeft.has(path))
  return { restored, left }
}

/** What becomes of a path; neither: it is there already. */
function judge(
  stored: StoredRecord,
  index: number,
  { side, found }: { readonly side: Side; readonly found: Found },
): { readonly move?: Move; readonly problem?: Brought['left'][number] } {
  const file = stored.record.files[index]
  if (file === undefined) throw new Error('Internal error: no such path in the record')
  const { path } = file
  const other = side === 'before' ? 'after' : 'before'
  if ('problem' in found) return { problem: { path, problem: found.problem, index } }
  if (isSame(found.state, file[side])) return {}
  if (holds(found.state, file[other]))
    return { move: moveOf(stored, index, { from: found.state, side }) }
  if (holds(found.state, file[side])) return {}
  const problem = difference(found.state, file[side]) ?? 'has changed'
  return { problem: { path, problem, index } }
}

/** After what was stopped in the middle. If even this fails the record stays, and the next apply tries again. */
async function allBackTo(side: Side, host: HostRepository, stored: StoredRecord): Promise<Brought> {
  try {
    return await bringTo(side, host, stored)
  } catch (cause) {
    throw storageError(cause, host.workTree)
  }
}

/** A record that has done what it could blocks nothing, and its saved bytes stay. */
async function keepLeft(
  host: HostRepository,
  { folder, record }: StoredRecord,
  left: Brought['left'],
): Promise<FinishedApply['left']> {
  if (left.length === 0) removeRecord(folder)
  if (left.length === 0) return []
  const kept = leftFolder(host, randomUUID().slice(0, 8))
  await rename(folder, kept).catch((cause: unknown) => {
    throw storageError(cause, kept)
  })
  return left.map(({ path, problem, index }) => {
    const isSaved = record.files[index]?.before !== undefined
    return { path, problem, ...(isSaved && { saved: savedContent(kept, 'before', index) }) }
  })
}

function failure(
  cause: unknown,
  host: HostRepository,
  { left, done }: Pick<FinishedApply, 'left'> & { readonly done: 'applied' | 'taken back' },
): unknown {
  if (left.length > 0) {
    const message = `The files changed under way. Put back, except ${renderLeft(left)}.`
    return new WaveError('patch-drifted', message, { hint: 'Look at these files.', cause })
  }
  if (!isInTheWay(cause)) return nothingDone(cause, host.workTree, done)
  const where = cause instanceof Meddled ? printable(cause.path) : 'A folder of the project'
  const message = `${where} changed under way; nothing was done.`
  return new WaveError('patch-drifted', message, { hint: 'Run the command again.', cause })
}

/** Paths that were left as they are, with what is wrong with them and where their old content lies. */
export function renderLeft(left: FinishedApply['left']): string {
  const told = left.map(({ path, problem, saved }) => {
    const place = saved === undefined ? '' : `; what it was is in ${saved}`
    return `${printable(path)} (${problem}${place})`
  })
  return told.join(', ')
}
