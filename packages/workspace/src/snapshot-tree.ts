import { accessSync, constants, lstatSync } from 'node:fs'
import { copyFile, open, rename, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'

import { WaveError } from '@wave/core'
import type { SnapshotFile } from '@wave/core'

import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'
import type { Dropped } from './snapshot-files.ts'
import { splitRecords } from './snapshot-files.ts'

export interface FrozenTree {
  readonly tree: string
  readonly files: readonly SnapshotFile[]
  /** Files that could not be read, and names that git does not take. */
  readonly dropped: readonly Dropped[]
}

/**
 * Turns the listed files into one git tree, byte for byte. Wave keeps its own index per work tree, so a
 * file whose size and times have not changed since the last run is not read again. Returns after the
 * objects are on disk: a journal is going to name the tree.
 */
export async function freezeTree(
  host: HostRepository,
  scratch: string,
  source: { readonly paths: readonly string[]; readonly head: string | undefined },
): Promise<FrozenTree> {
  const index = join(scratch, 'index')
  const kept = await copyIndex(join(host.gitDir, KEPT_INDEX), index)
  if (kept === undefined && source.head !== undefined) await copyTrees(host, source.head)
  await forgetOthers(host, index, source.paths)
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const dropped = await hashFiles(host, index, source.paths)
    const tree = await writeTree(host, index, { durable: true })
    const files = await completeFiles(host, index, scratch)
    if (files === undefined) continue
    await keepIndex(index, kept, join(host.gitDir, KEPT_INDEX))
    const ignored = findIgnored(host, source.paths, [...files, ...dropped])
    return { tree, files, dropped: [...dropped, ...ignored] }
  }
  throw new WaveError('git-failed', 'Files keep changing while wave reads them.', {
    hint: 'Stop what writes into the project, or let git ignore what it writes.',
  })
}

/** Writes the trees of an index into wave's own store and gives the root's id. */
export async function writeTree(
  host: HostRepository,
  index: string,
  durability: { readonly durable?: boolean } = {},
): Promise<string> {
  const options = { index, borrow: false, ...durability }
  const written = await hostGit(host, ['write-tree', '--missing-ok'], options)
  return written.stdout.toString().trim()
}

const KEPT_INDEX = 'kept-index'
const MAX_ATTEMPTS = 4

/** Most folders are as in HEAD: one pack of their trees spares a file for each of them. */
export async function copyTrees(host: HostRepository, head: string): Promise<void> {
  const list = ['rev-list', '--objects', '--no-object-names', '--filter=blob:none', '--max-count=1']
  const trees = await hostGit(host, [...list, head], { answers: [128] })
  if (trees.exitCode !== 0) return
  const args = ['pack-objects', '--quiet', '--window=0', join(host.gitDir, 'objects/pack/pack')]
  await hostGit(host, args, { input: trees.stdout, durable: true })
}

/** When the copy was written: git writes it anew when it changes anything. */
async function copyIndex(from: string, to: string): Promise<number | undefined> {
  const kept = await stat(from).catch(() => undefined)
  if (kept === undefined) return undefined
  await copyFile(from, to)
  // Git distrusts files that changed in the second its index was written: the copy must not look younger.
  await utimes(to, kept.atime, kept.mtime)
  return (await stat(to)).mtimeMs
}

/** Whole, or as it was: half an index would fail every snapshot to come. */
async function keepIndex(index: string, copied: number | undefined, to: string): Promise<void> {
  if ((await stat(index)).mtimeMs === copied) return
  const file = await open(index, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(index, to)
}

async function forgetOthers(
  host: HostRepository,
  index: string,
  paths: readonly string[],
): Promise<void> {
  const kept = new Set(paths)
  const known = await hostGit(host, ['ls-files', '-z'], { index, borrow: false })
  const gone = splitRecords(known.stdout).names.filter((path) => !kept.has(path))
  if (gone.length === 0) return
  const args = ['update-index', '-z', '--force-remove', '--stdin']
  await hostGit(host, args, { index, borrow: false, input: asInput(gone) })
}

/**
 * Ids only, no objects: git would otherwise touch the timestamps of objects that the user's repository
 * already holds.
 */
async function hashFiles(
  host: HostRepository,
  index: string,
  paths: readonly string[],
): Promise<readonly Dropped[]> {
  const args = ['update-index', '-z', '--add', '--remove', '--info-only', '--stdin']
  const options = { index, borrow: false }
  try {
    await hostGit(host, args, { ...options, input: asInput(paths) })
    return []
  } catch (cause) {
    const unreadable = new Set(paths.filter((path) => !isReadable(join(host.workTree, path))))
    if (unreadable.size === 0) throw cause
    const readable = paths.filter((path) => !unreadable.has(path))
    await forgetOthers(host, index, readable)
    await hostGit(host, args, { ...options, input: asInput(readable) })
    return Array.from(unreadable, (path) => ({ path, reason: 'wave may not read it' }))
  }
}

/** Git passes silently over names such as `.git ` that some file systems take for its own folder. */
function findIgnored(
  host: HostRepository,
  paths: readonly string[],
  frozen: readonly (SnapshotFile | Dropped)[],
): readonly Dropped[] {
  if (frozen.length === paths.length) return []
  const known = new Set(frozen.map((entry) => entry.path))
  return paths
    .filter((path) => !known.has(path) && exists(join(host.workTree, path)))
    .map((path) => ({ path, reason: 'git does not take its name' }))
}

/** The index as files with sizes; undefined when a file changed before its bytes were stored. */
async function completeFiles(
  host: HostRepository,
  index: string,
  scratch: string,
): Promise<readonly SnapshotFile[] | undefined> {
  const entries = await listEntries(host, index)
  const sizes = await sizesOf(host, new Set(entries.map((entry) => entry.oid)))
  const missing = entries.filter((entry) => !sizes.has(entry.oid))
  if (missing.length > 0) {
    const stored = await storeObjects(host, join(scratch, 'new-index'), missing)
    if (!stored) return undefined
    for (const [oid, size] of await sizesOf(host, new Set(missing.map((entry) => entry.oid))))
      sizes.set(oid, size)
  }
  return entries.map(({ path, mode, oid }) => ({ path, mode, oid, sizeBytes: sizes.get(oid) ?? 0 }))
}

type Entry = Omit<SnapshotFile, 'sizeBytes'>

async function listEntries(host: HostRepository, index: string): Promise<Entry[]> {
  const listed = await hostGit(host, ['ls-files', '-s', '-z'], { index, borrow: false })
  return splitRecords(listed.stdout).names.map((record) => {
    const tab = record.indexOf('\t')
    const [mode, oid] = record.slice(0, tab).split(' ')
    if (oid === undefined || (mode !== '100644' && mode !== '100755' && mode !== '120000'))
      throw new Error(`Internal error: unexpected index entry ${record}`)
    return { path: record.slice(tab + 1), mode, oid }
  })
}

/** Only objects that exist have a size. */
async function sizesOf(
  host: HostRepository,
  oids: ReadonlySet<string>,
): Promise<Map<string, number>> {
  if (oids.size === 0) return new Map()
  const args = ['cat-file', '--batch-check=%(objectname) %(objectsize)', '--buffer']
  const input = Array.from(oids, (oid) => `${oid}\n`).join('')
  const checked = await hostGit(host, args, { input })
  const sizes = new Map<string, number>()
  for (const line of checked.stdout.toString().split('\n')) {
    const space = line.indexOf(' ')
    const size = Number(line.slice(space + 1))
    if (space > 0 && Number.isInteger(size)) sizes.set(line.slice(0, space), size)
  }
  return sizes
}

async function storeObjects(
  host: HostRepository,
  index: string,
  entries: readonly Entry[],
): Promise<boolean> {
  const input = asInput(entries.map((entry) => entry.path))
  const args = ['update-index', '-z', '--add', '--remove', '--stdin']
  await hostGit(host, args, { index, borrow: false, durable: true, input })
  const stored = new Map((await listEntries(host, index)).map((entry) => [entry.path, entry.oid]))
  return entries.every((entry) => stored.get(entry.path) === entry.oid)
}

function asInput(paths: readonly string[]): string {
  return paths.map((path) => `${path}\0`).join('')
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    // Links are read as links: where they lead does not matter.
    return lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
