import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

import { makeDirectory, replaceFile, syncDirectory, takeLock } from '@wave/core'
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
export function recordsFolder(host: HostRepository): string {
  return join(host.gitDir, RECORDS)
}

/** One at a time changes the files of a repository. Throws `run-locked`. */
export function lockRepository(host: HostRepository): Disposable {
  const folder = recordsFolder(host)
  makeDirectory(folder)
  return takeLock(folder, 'The files of this repository are being changed')
}

/** Oldest first. A folder without a record never got to changing anything. */
export function listRecords(host: HostRepository): readonly StoredRecord[] {
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
  rmSync(marker, { force: true })
  syncDirectory(dirname(marker))
}

/** A work tree in which an apply is under way or, if nobody works on it, was stopped in the middle. */
export interface ChangingTree {
  readonly workTree: string
  /** Of the process that changes it. */
  readonly pid: number | undefined
}

/** Nearly always none. */
export function changingTrees(dataDir: string): readonly ChangingTree[] {
  const folder = join(dataDir, CHANGING)
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => /^[0-9a-f]+$/.test(name))
  return names.map((name) => ({
    workTree: readFileSync(join(folder, name), 'utf8'),
    pid: holderOf(join(dataDir, 'git', name, RECORDS)),
  }))
}

/** Beside the folder of wave's own git dirs. */
function markerOf({ gitDir }: HostRepository): string {
  return join(dirname(dirname(gitDir)), CHANGING, basename(gitDir))
}

const CHANGING = 'applying'
const RECORDS = 'applies'

/** Returns when the record, and all that lies in its folder by then, is on disk. */
export function writeRecord({ folder, record }: StoredRecord): void {
  syncDirectory(join(folder, 'before'))
  replaceFile(join(folder, RECORD), Buffer.from(JSON.stringify(record)))
}

/** The record goes first: without it the rest is refuse. */
export function removeRecord(folder: string): void {
  rmSync(join(folder, RECORD), { force: true })
  syncDirectory(folder)
  rmSync(folder, { recursive: true, force: true })
}

/** Drops what was begun and never recorded, what newer records of a run replace, and the oldest. */
export function tidyRecords(host: HostRepository): void {
  for (const folder of folders(host)) if (readRecord(folder) === undefined) removeRecord(folder)
  const done = listRecords(host).filter(({ record }) => record.phase === 'applied')
  const newest = new Map(done.map(({ folder, record }) => [record.run, folder]))
  const kept = new Set([...newest.values()].toSorted().slice(-MAX_RECORDS))
  for (const { folder } of done)
    if (kept.has(folder)) rmSync(join(folder, 'after'), { recursive: true, force: true })
    else removeRecord(folder)
}

/** Runs whose changes can be taken back. */
const MAX_RECORDS = 100

const RECORD = 'record.json'

function folders(host: HostRepository): readonly string[] {
  const parent = recordsFolder(host)
  if (!existsSync(parent)) return []
  return readdirSync(parent)
    .filter((name) => /^\d{9}$/.test(name))
    .toSorted()
    .map((name) => join(parent, name))
}

function readRecord(folder: string): ApplyRecord | undefined {
  try {
    const record: Written = JSON.parse(readFileSync(join(folder, RECORD), 'utf8'))
    return record.version === 1 ? { ...record, apply: record.apply ?? '' } : undefined
  } catch {
    return undefined
  }
}

/** Earlier ones have no id. */
type Written = Omit<ApplyRecord, 'apply'> & Partial<Pick<ApplyRecord, 'apply'>>
