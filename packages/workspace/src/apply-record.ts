import { existsSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'

import {
  makeDirectory,
  replaceFile,
  storageError,
  syncDirectory,
  takeLock,
  WaveError,
} from '@wave/core'
import { holderOf } from '@wave/core/runs'

import type { FileState } from './apply-state.ts'
import type { HostRepository } from './host-git.ts'

/** One path of an apply. Its old content lies where `savedContent` says, for as long as the record does. */
export interface ChangedPath {
  readonly path: string
  readonly before: FileState | undefined
  readonly after: FileState | undefined
  /** Where new content waits until it takes the place of the old: relative to the work tree. */
  readonly temporary: string
}

/** All that is needed to take an apply back, on disk before the first of the user's files changes. */
export interface ApplyRecord {
  readonly version: 1
  readonly run: string
  /** Under this the journal of the run tells of it. */
  readonly apply: string
  /** Found as anything but `applied`, it was interrupted: every path then goes back to `before`. */
  readonly phase: 'applying' | 'applied' | 'undoing'
  readonly files: readonly ChangedPath[]
  /** Folders that go with the files in them; the outer ones first. */
  readonly goneFolders: readonly { readonly path: string; readonly mode: number }[]
  /** Folders that were not there; the outer ones first. */
  readonly newFolders: readonly string[]
}

export type Side = 'before' | 'after'

export interface StoredRecord {
  readonly folder: string
  readonly record: ApplyRecord
}

/** Where the records of a repository lie: in wave's own git dir, where nobody plants one. */
function recordsFolder({ gitDir }: Pick<HostRepository, 'gitDir'>): string {
  return join(gitDir, RECORDS)
}

/** One at a time changes the files of a repository. Throws `run-locked`. */
export function lockRepository(host: HostRepository): Disposable {
  const folder = recordsFolder(host)
  makeDirectory(folder)
  return takeLock(folder, 'The files of this repository are being changed')
}

/**
 * Oldest first. A folder without a record never got to changing anything. Throws `workspace-failed` for a record
 * that cannot be read: beside it may lie the only copy of what the user's files held.
 */
export function listRecords(host: Pick<HostRepository, 'gitDir'>): readonly StoredRecord[] {
  return folders(host).flatMap((folder) => {
    const record = readRecord(folder)
    return record === undefined ? [] : [{ folder, record }]
  })
}

/** The folder for the next record, empty and durable. */
export function makeRecordFolder(host: HostRepository): string {
  const last = Number(/\d+$/.exec(folders(host).at(-1) ?? '')?.[0] ?? 0)
  const folder = join(recordsFolder(host), String(last + 1).padStart(9, '0'))
  makeDirectory(join(folder, 'before'))
  return folder
}

/** Where the content of a path lies; the new one only while it is being put in place. */
export function savedContent(folder: string, side: Side, index: number): string {
  return join(folder, side, String(index))
}

/**
 * Says durably that files of this repository are about to be neither the old nor the new: found by a look at one
 * folder, without any git. Goes with `unmarkChanging` when they are the one or the other.
 */
export function markChanging(host: HostRepository): void {
  const marker = markerOf(host)
  makeDirectory(dirname(marker))
  replaceFile(marker, Buffer.from(host.workTree))
}

export function unmarkChanging(host: HostRepository): void {
  const marker = markerOf(host)
  if (!existsSync(marker)) return
  storing(marker, () => {
    rmSync(marker, { force: true })
    syncDirectory(dirname(marker))
  })
}

/** A work tree in which an apply is under way or, if nobody works on it, was stopped in the middle. */
export interface ChangingTree {
  readonly workTree: string
  /** Of the process that changes it. */
  readonly pid: number | undefined
}

/** Nearly always none. Given a project, only those that hold it. */
export function changingTrees(dataDir: string, project?: string): readonly ChangingTree[] {
  const folder = join(dataDir, CHANGING)
  const names = namesIn(folder).filter((name) => /^[0-9a-f]+$/.test(name))
  return names.flatMap((name) => {
    const workTree = textOf(join(folder, name))
    // Done with since.
    if (workTree === undefined) return []
    if (project !== undefined && !isWithin(project, workTree)) return []
    return [{ workTree, pid: holderOf(join(dataDir, 'git', name, RECORDS)) }]
  })
}

/** Marks hold paths without links. */
function isWithin(project: string, workTree: string): boolean {
  const fromTop = relative(workTree, realpathSync(project))
  return fromTop !== '..' && !fromTop.startsWith('../')
}

/**
 * Whether an apply in the repository of this git dir is not over, or has left bytes there that are nowhere else.
 * What cannot be looked at may be one.
 */
export function holdsUnfinished(gitDir: string): boolean {
  try {
    const isLeft = namesIn(recordsFolder({ gitDir })).some((name) => name.startsWith(LEFT))
    if (isLeft || textOf(markerOf({ gitDir })) !== undefined) return true
    return listRecords({ gitDir }).some(({ record }) => record.phase !== 'applied')
  } catch (error) {
    if (error instanceof WaveError) return true
    throw error
  }
}

/** Where a record goes with what could not be put back; `name` is one that nothing there has. */
export function leftFolder(host: HostRepository, name: string): string {
  return join(recordsFolder(host), `${LEFT}${name}`)
}

const LEFT = 'left-'

/** Beside the folder of wave's own git dirs. */
function markerOf({ gitDir }: Pick<HostRepository, 'gitDir'>): string {
  return join(dirname(dirname(gitDir)), CHANGING, basename(gitDir))
}

const CHANGING = 'applying'
const RECORDS = 'applies'

/** Returns when the record, and all that lies in its folder by then, is on disk. */
export function writeRecord({ folder, record }: StoredRecord): void {
  syncDirectory(join(folder, 'before'))
  replaceFile(join(folder, RECORD), Buffer.from(JSON.stringify(record)))
}

/** Has the record on disk say this again. One that does already is not written: the disk may be full. */
export function restoreRecord(stored: StoredRecord): void {
  if (readRecord(stored.folder)?.phase === stored.record.phase) return
  storing(stored.folder, () => writeRecord(stored))
}

/** The record goes first: without it the rest is refuse. */
export function removeRecord(folder: string): void {
  forgetRecord(folder)
  storing(folder, () => rmSync(folder, { recursive: true, force: true }))
}

/** Of a change that is done with: what lay beside the record may be removed at any time. */
export function forgetRecord(folder: string): void {
  storing(folder, () => {
    rmSync(join(folder, RECORD), { force: true })
    syncDirectory(folder)
  })
}

function storing(path: string, work: () => void): void {
  try {
    work()
  } catch (cause) {
    throw storageError(cause, path)
  }
}

/**
 * Drops what was begun and never recorded, what newer records of a run replace, and the oldest. Throws
 * `workspace-failed` as `listRecords` does, before anything is dropped.
 */
export function tidyRecords(host: HostRepository): void {
  const records = listRecords(host)
  const recorded = new Set(records.map(({ folder }) => folder))
  for (const folder of folders(host)) if (!recorded.has(folder)) removeRecord(folder)
  const done = records.filter(({ record }) => record.phase === 'applied')
  const newest = new Map(done.map(({ folder, record }) => [record.run, folder]))
  const kept = new Set([...newest.values()].toSorted().slice(-MAX_RECORDS))
  for (const { folder } of done)
    if (kept.has(folder)) rmSync(join(folder, 'after'), { recursive: true, force: true })
    else removeRecord(folder)
}

/**
 * Once the files are what they are to be: that is what is told, and whatever keeps wave from tidying up is told by
 * the next one, to whom what is left says nothing wrong.
 */
export function tidyAfterwards(host: HostRepository, tidy: (host: HostRepository) => void): void {
  try {
    tidy(host)
  } catch (cause) {
    if (!(storageError(cause, host.gitDir) instanceof WaveError)) throw cause
  }
}

/** Runs whose changes can be taken back. */
const MAX_RECORDS = 100

const RECORD = 'record.json'

function folders(host: Pick<HostRepository, 'gitDir'>): readonly string[] {
  const parent = recordsFolder(host)
  return namesIn(parent)
    .filter((name) => /^\d{9}$/.test(name))
    .toSorted()
    .map((name) => join(parent, name))
}

/** Of a folder that is not there: none. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (cause) {
    if (isMissing(cause)) return []
    throw unreadable(folder, cause)
  }
}

/** Undefined only where there is none: without a record its folder is refuse. */
function readRecord(folder: string): ApplyRecord | undefined {
  const text = textOf(join(folder, RECORD))
  if (text === undefined) return undefined
  let record: Partial<Written> | null
  try {
    record = JSON.parse(text)
  } catch (cause) {
    throw unreadable(folder, cause)
  }
  if (isWritten(record)) return { ...record, apply: record.apply ?? '' }
  throw unreadable(folder, `it is of version ${String(record?.version)}`)
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw unreadable(dirname(path), cause)
  }
}

function isWritten(record: Partial<Written> | null): record is Written {
  return record?.version === 1 && Array.isArray(record.files)
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}

function unreadable(folder: string, cause: unknown): WaveError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `What an apply noted in ${folder} cannot be read: ${why}.`
  const hint =
    'It may hold the only copy of what your files held: nothing was touched. Make it readable, or use the ' +
    'version of wave that wrote it; if it is damaged, save what lies in its folder "before", then move it away.'
  return new WaveError('workspace-failed', message, { hint, cause })
}

/** Earlier ones have no id. */
type Written = Omit<ApplyRecord, 'apply'> & Partial<Pick<ApplyRecord, 'apply'>>
