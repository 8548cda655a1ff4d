import { isUtf8 } from 'node:buffer'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Dirent } from 'node:fs'
import { isAbsolute, join, posix, relative } from 'node:path'

import { WaveError } from '@wave/core'

import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'
import { copyUserIndex } from './host-repository.ts'
import type { OpenedRepository } from './host-repository.ts'
import { secretReason } from './secrets.ts'

export interface Dropped {
  readonly path: string
  readonly reason: string
}

/** What of a project is frozen: existing files and links, relative to the work tree. */
export interface Listing {
  readonly paths: readonly string[]
  readonly dropped: readonly Dropped[]
}

/** Paths that a caller adds to the project or takes out of it, relative to the work tree. */
export interface Adjustment {
  readonly include: readonly string[]
  readonly leaveOut: readonly string[]
}

/**
 * Tracked files plus untracked ones that are not ignored, as they are on disk now, plus `include`;
 * without whatever must stay behind. `scratch` is a private folder.
 */
export async function listFiles(
  opened: OpenedRepository,
  scratch: string,
  { include, leaveOut }: Adjustment,
): Promise<Listing> {
  const { host } = opened
  const index = join(scratch, 'user-index')
  await copyUserIndex(opened, index)
  const tracked = await listTracked(host, index)
  await forget(host, index, tracked.submodules)
  const untracked = await listPaths(host, index, ['-o', '--exclude-standard'])
  const extra = include.length === 0 ? NONE : await listPaths(host, index, ['-o', '--', ...include])
  const names = new Set([...tracked.files, ...untracked.names, ...extra.names])
  const sorting = new Sorting(host.workTree, tracked.sparse)
  for (const path of tracked.submodules) sorting.drop(path, 'submodule')
  for (const path of leaveOut) if (names.delete(path)) sorting.drop(path, 'delivered by wave')
  for (const path of include) sorting.include(path)
  for (const path of names) sorting.add(path)
  for (const path of [...tracked.undecodable, ...untracked.undecodable, ...extra.undecodable])
    sorting.drop(path, UNDECODABLE)
  return sorting.listing()
}

/** Checks ignored paths that a pipeline lists, relative to the project, and makes them relative to the work tree. */
export function includedPaths(
  host: HostRepository,
  root: string,
  include: readonly string[],
): readonly string[] {
  return include.map((path) => {
    const inside = relative(host.workTree, join(root, path)) || '.'
    const leaves = isAbsolute(path) || /^\.\.(?:\/|$)/.test(posix.normalize(path))
    if (!leaves && !inside.startsWith('..')) return inside
    throw new WaveError('config-invalid', `snapshot.include leaves the project: ${path}`, {
      hint: 'Name folders or files below the project.',
    })
  })
}

/** Printable form of a name that is not UTF-8; also how such a name appears in `dropped`. */
function escapeName(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/[^ -~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** NUL-terminated records; those that are not UTF-8 are set apart, escaped. */
export function splitRecords(output: Buffer): {
  readonly names: string[]
  readonly undecodable: string[]
} {
  if (isUtf8(output)) return { names: splitText(output.toString()), undecodable: [] }
  const names: string[] = []
  const undecodable: string[] = []
  for (const record of splitText(output.toString('latin1'))) {
    const bytes = Buffer.from(record, 'latin1')
    if (isUtf8(bytes)) names.push(bytes.toString())
    else undecodable.push(escapeName(bytes))
  }
  return { names, undecodable }
}

export const UNDECODABLE = 'its name is not UTF-8'

const NONE = { names: [], undecodable: [] }

function splitText(text: string): string[] {
  const records = text.split('\0')
  records.pop()
  return records
}

interface Tracked {
  readonly files: readonly string[]
  readonly submodules: readonly string[]
  /** Marked as not checked out on purpose. */
  readonly sparse: ReadonlySet<string>
  readonly undecodable: readonly string[]
}

async function listTracked(host: HostRepository, index: string): Promise<Tracked> {
  const result = await hostGit(host, ['ls-files', '-t', '-s', '-z'], { index })
  const { names, undecodable } = splitRecords(result.stdout)
  const files: string[] = []
  const submodules: string[] = []
  const sparse = new Set<string>()
  for (const record of names) {
    const path = record.slice(record.indexOf('\t') + 1)
    if (record.startsWith('160000', 2)) submodules.push(path)
    else files.push(path)
    if (record.startsWith('S')) sparse.add(path)
  }
  return { files, submodules, sparse, undecodable: undecodable.map(afterTab) }
}

/** The name in an escaped index record. */
function afterTab(record: string): string {
  return record.slice(record.indexOf('\\x09') + 4)
}

/** With a submodule in its index, git may start a second git in the submodule's own repository. */
async function forget(
  host: HostRepository,
  index: string,
  paths: readonly string[],
): Promise<void> {
  if (paths.length === 0) return
  const args = ['update-index', '-z', '--force-remove', '--stdin']
  await hostGit(host, args, {
    index,
    borrow: false,
    input: paths.map((path) => `${path}\0`).join(''),
  })
}

async function listPaths(host: HostRepository, index: string, args: readonly string[]) {
  return splitRecords((await hostGit(host, ['ls-files', '-z', ...args], { index })).stdout)
}

type Kind = 'file' | 'link' | 'directory' | 'other'

/** Sorts names into those to freeze and those to leave out, looking at each folder on disk once. */
class Sorting {
  readonly #workTree: string
  readonly #sparse: ReadonlySet<string>
  readonly #folders = new Map<string, ReadonlyMap<string, Kind> | undefined>()
  readonly #paths: string[] = []
  readonly #dropped = new Map<string, string>()

  constructor(workTree: string, sparse: ReadonlySet<string>) {
    this.#workTree = workTree
    this.#sparse = sparse
  }

  listing(): Listing {
    const dropped = Array.from(this.#dropped, ([path, reason]) => ({ path, reason }))
    return { paths: this.#paths, dropped: dropped.toSorted((a, b) => (a.path < b.path ? -1 : 1)) }
  }

  drop(path: string, reason: string): void {
    if (!this.#dropped.has(path)) this.#dropped.set(path, reason)
  }

  add(path: string): void {
    if (path.endsWith('/')) return this.drop(path.slice(0, -1), 'repository inside the repository')
    const ownState = RUN_STATE.exec(path)
    if (ownState !== null) return this.drop(ownState[0].slice(0, -1), 'wave’s own records')
    const kind = this.#kindOf(path)
    if (kind === undefined) return this.#missing(path)
    if (kind === 'directory') return
    const reason = this.#reasonAgainst(path, kind)
    if (reason === undefined) this.#paths.push(path)
    else this.drop(path, reason)
  }

  /** A path that was asked for by name: that it is not there must not go unnoticed. */
  include(path: string): void {
    if (path !== '.' && this.#kindOf(path) === undefined)
      this.drop(path, 'named in snapshot.include, and not there')
  }

  #reasonAgainst(path: string, kind: 'file' | 'link' | 'other'): string | undefined {
    if (kind === 'other') return 'neither a file nor a link'
    const absolute = join(this.#workTree, path)
    if (kind === 'link')
      return leavesTree(path, readlinkSync(absolute)) ? 'link that leaves the project' : undefined
    return secretReason(path, () => readTextOrNothing(absolute))
  }

  /** Deleted files are simply not there; a sparse checkout is named once per missing folder. */
  #missing(path: string): void {
    if (!this.#sparse.has(path)) return
    let top = path
    for (let parent = posix.dirname(top); parent !== '.'; parent = posix.dirname(parent))
      if (this.#kindOf(parent) === undefined) top = parent
    this.drop(top, 'not checked out (sparse checkout)')
  }

  #kindOf(path: string): Kind | undefined {
    const slash = path.lastIndexOf('/')
    const folder = this.#folder(slash === -1 ? '' : path.slice(0, slash))
    return folder?.get(path.slice(slash + 1))
  }

  /** Undefined unless every part of the path is a real folder: nothing is reached through a link. */
  #folder(path: string): ReadonlyMap<string, Kind> | undefined {
    if (this.#folders.has(path)) return this.#folders.get(path)
    const real = path === '' || this.#kindOf(path) === 'directory'
    const entries = real ? this.#readFolder(path) : undefined
    this.#folders.set(path, entries)
    for (const [name, kind] of entries ?? [])
      if (kind === 'other') this.drop(posix.join(path, name), 'neither a file nor a link')
    return entries
  }

  #readFolder(path: string): ReadonlyMap<string, Kind> | undefined {
    try {
      const entries = readdirSync(join(this.#workTree, path), { withFileTypes: true })
      return new Map(entries.map((entry) => [entry.name, kindOf(entry)]))
    } catch {
      this.drop(path, 'wave may not read it')
      return undefined
    }
  }
}

export const RUN_STATE = /^(?:.*\/)?\.wave\/runs\//

/** A file that cannot be read is found out when it is hashed. */
function readTextOrNothing(absolute: string): string {
  try {
    return readFileSync(absolute, 'latin1')
  } catch {
    return ''
  }
}

function kindOf(entry: Dirent): Kind {
  if (entry.isFile()) return 'file'
  if (entry.isSymbolicLink()) return 'link'
  return entry.isDirectory() ? 'directory' : 'other'
}

export function leavesTree(path: string, target: string): boolean {
  const resolved = posix.join(posix.dirname(path), target)
  return isAbsolute(target) || resolved === '..' || resolved.startsWith('../')
}
