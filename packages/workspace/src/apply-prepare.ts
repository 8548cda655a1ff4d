import { randomUUID } from 'node:crypto'
import {
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'

import { storageError, WaveError } from '@wave/core'

import { aFewAtATime } from './a-few-at-a-time.ts'
import { Meddled } from './apply-files.ts'
import { makeRecordFolder, removeRecord, savedContent } from './apply-record.ts'
import type { ApplyRecord, ChangedPath, StoredRecord } from './apply-record.ts'
import { digestOf, lookAt } from './apply-state.ts'
import type { FileState } from './apply-state.ts'
import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'

export interface Preparation {
  readonly run: string
  /** Each builds on those before it. */
  readonly patches: readonly Uint8Array[]
  readonly paths: readonly string[]
}

/**
 * Saves what stands at these paths and lets git work out, on copies in wave's own folder, what the patches
 * make of it. Of the user's files none is touched: a patch that does not apply ends here.
 * Throws `WaveError`: `patch-drifted`, `disk-full`, `path-unwritable`.
 */
export async function prepareRecord(
  host: HostRepository,
  preparation: Preparation,
): Promise<StoredRecord> {
  const folder = makeRecordFolder(host)
  try {
    return { folder, record: await prepare(host, folder, preparation) }
  } catch (cause) {
    removeRecord(folder)
    throw cause instanceof WaveError ? cause : storageError(cause, folder)
  }
}

async function prepare(
  host: HostRepository,
  folder: string,
  { run, patches, paths }: Preparation,
): Promise<ApplyRecord> {
  const { workTree } = host
  const tree = join(folder, 'tree')
  await mkdir(tree)
  await mkdir(join(folder, 'after'))
  const unique = [...new Set(paths)]
  const saved = await aFewAtATime(unique, async (path, index) => ({
    path,
    before: await save(workTree, folder, { path, index }),
  }))
  // One by one: from one text git would bring back what a later patch of it deletes.
  for (const text of patches) await gitApply({ ...host, workTree: tree }, text)
  const states = await aFewAtATime(saved, async ({ path, before }, index) => ({
    path,
    before,
    after: await takeResult(folder, { path, index }, before),
  }))
  await rm(tree, { recursive: true })
  const goneFolders = await findGoneFolders(workTree, states)
  const newFolders = await findNewFolders(workTree, states)
  const unstable = new Set([...goneFolders.map(({ path }) => path), ...newFolders])
  const apply = randomUUID()
  const tag = apply.slice(0, 8)
  const files = states.map(({ path, before, after }, index) => {
    const beside = stableFolder(path, unstable)
    return { path, before, after, temporary: posix.join(beside, `.wave-tmp-${tag}-${index}`) }
  })
  return { version: 1, run, apply, phase: 'applying', files, goneFolders, newFolders }
}

interface Place {
  readonly path: string
  readonly index: number
}

/** Keeps the bytes for a later day, and gives git a copy to work on. */
async function save(
  workTree: string,
  folder: string,
  { path, index }: Place,
): Promise<FileState | undefined> {
  const found = await lookAt(workTree, path)
  if ('problem' in found) throw drifted(`${path} ${found.problem}`)
  const { state } = found
  if (state === undefined) return undefined
  const absolute = join(workTree, path)
  const isLink = state.kind === 'link'
  const bytes = isLink ? await readlink(absolute, 'buffer') : await readFile(absolute)
  if (digestOf(bytes) !== state.sha256) throw new Meddled(path)
  await writeSynced(savedContent(folder, 'before', index), bytes)
  const copy = join(folder, 'tree', path)
  await mkdir(dirname(copy), { recursive: true })
  if (isLink) await symlink(bytes, copy)
  else await writeCopy(copy, bytes, state.mode | 0o600)
  return state
}

async function writeSynced(absolute: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(absolute, 'wx', 0o600)
  await file.writeFile(bytes)
  await file.sync()
}

/** After a power cut nobody looks for it. */
async function writeCopy(absolute: string, bytes: Uint8Array, mode: number): Promise<void> {
  await using file = await open(absolute, 'wx', mode)
  await file.writeFile(bytes)
  await file.chmod(mode)
}

/** Moves what git made of a path to where it is found later. */
async function takeResult(
  folder: string,
  { path, index }: Place,
  before: FileState | undefined,
): Promise<FileState | undefined> {
  const tree = join(folder, 'tree')
  const found = await lookAt(tree, path)
  if ('problem' in found) throw drifted(`${path} ${found.problem}`)
  const { state } = found
  if (state === undefined) return undefined
  await rename(join(tree, path), savedContent(folder, 'after', index))
  return { ...state, mode: modeAfter(before, state) }
}

/** Git knows one bit of a mode, and gives a new file what the umask leaves: the others are the user's. */
function modeAfter(before: FileState | undefined, made: FileState): number {
  if (before?.kind !== 'file' || made.kind !== 'file') return made.mode
  const wasExecutable = (before.mode & 0o100) !== 0
  const isExecutable = (made.mode & 0o100) !== 0
  if (wasExecutable === isExecutable && before.sha256 === made.sha256) return before.mode
  const plain = before.mode & 0o777
  if (wasExecutable === isExecutable) return plain
  return isExecutable ? plain | ((plain & 0o444) >> 2) : plain & ~0o111
}

/** Folders that have nothing in them afterwards. As git does it, one that held nothing but folders stays. */
async function findGoneFolders(
  workTree: string,
  states: readonly Pick<ChangedPath, 'path' | 'before' | 'after'>[],
): Promise<ApplyRecord['goneFolders']> {
  const gone = new Set(states.flatMap(({ path, after }) => (after === undefined ? [path] : [])))
  const stay = states.flatMap(({ path, after }) => (after === undefined ? [] : [path]))
  const found = new Map<string, number>()
  const empties = async (path: string): Promise<boolean> => {
    if (stay.some((kept) => kept.startsWith(`${path}/`))) return false
    const entries = await readdir(join(workTree, path))
    return entries.every((name) => {
      const entry = posix.join(path, name)
      return gone.has(entry) || found.has(entry)
    })
  }
  const note = async (path: string) =>
    found.set(path, (await lstat(join(workTree, path))).mode & 0o7777)
  for (const path of stay)
    for (const folder of await foldersWithin(workTree, path)) await note(folder)
  const deepestFirst = parentsOf([...gone]).toReversed()
  for (const folder of deepestFirst)
    if ((await isFolder(workTree, folder)) && (await empties(folder))) await note(folder)
  return Array.from(found, ([path, mode]) => ({ path, mode })).toSorted(
    (left, right) => left.path.length - right.path.length,
  )
}

/** Where a file takes the place of a folder, that folder and those in it. */
async function foldersWithin(workTree: string, path: string): Promise<readonly string[]> {
  if (!(await isFolder(workTree, path))) return []
  const entries = await readdir(join(workTree, path), { withFileTypes: true })
  const inner = entries.filter((entry) => entry.isDirectory())
  const below = await Promise.all(
    inner.map((entry) => foldersWithin(workTree, posix.join(path, entry.name))),
  )
  return [path, ...below.flat()]
}

async function findNewFolders(
  workTree: string,
  states: readonly Pick<ChangedPath, 'path' | 'after'>[],
): Promise<readonly string[]> {
  const wanted = states.flatMap(({ path, after }) => (after === undefined ? [] : [path]))
  const missing: string[] = []
  for (const folder of parentsOf(wanted))
    if (!(await isFolder(workTree, folder))) missing.push(folder)
  return missing
}

/** All folders around these paths, the outer ones first. */
function parentsOf(paths: readonly string[]): readonly string[] {
  const parents = new Set<string>()
  for (const path of paths)
    for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder))
      parents.add(folder)
  return [...parents].toSorted((left, right) => left.length - right.length)
}

async function isFolder(workTree: string, path: string): Promise<boolean> {
  return await lstat(join(workTree, path)).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** The nearest folder around a path that is there before, in between and afterwards: on the same disk. */
function stableFolder(path: string, unstable: ReadonlySet<string>): string {
  const folder = posix.dirname(path)
  return unstable.has(folder) ? stableFolder(folder, unstable) : folder
}

async function gitApply(host: HostRepository, input: Uint8Array): Promise<void> {
  const args = ['apply', '--whitespace=nowarn', '-']
  const result = await hostGit(host, args, { input, borrow: true, answers: [1, 128] })
  if (result.exitCode !== 0) throw drifted(`The patch does not apply: ${result.stderr.trim()}`)
}

function drifted(message: string): WaveError {
  return new WaveError('patch-drifted', message, {
    hint: 'Run the pipeline again on the project as it is now.',
  })
}
