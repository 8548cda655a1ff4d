import { ChangesRefused, WaveError } from '@wave/core'
import { posix } from 'node:path'
import { ArchiveRefused, type ArchiveEntry, type ArchiveRules } from '../archive.ts'
import { readArchive, type ByteStream } from '../collect.ts'
import type { Change } from '../patch.ts'
import { quote } from './quote.ts'
import type { ToolChannel } from './tool-channel.ts'

export interface LayerQuery {
  readonly layer: ByteStream
  readonly channel: ToolChannel
  /** Where the tree is mounted. */
  readonly target: string
  /** Paths of the tree below, relative to the target. */
  readonly basePaths: readonly string[]
  /** Put before every path of the answer: the mounted folder of the snapshot. */
  readonly prefix: string
}

/**
 * What differs between a tree and the write layer over it. Deletions come first. The layer marks a
 * folder that replaced another one in a way archives do not carry, so what is deleted is found by
 * looking at the merged folders. Throws `ChangesRefused` for what the step must not have left, and
 * `workspace-failed` when the layer is damaged.
 */
export async function layerChanges(query: LayerQuery): Promise<Change[]> {
  const base = new BaseTree(query.basePaths)
  const { entries, unfit } = await readLayer(query, base)
  const deleted = await deletedPaths(query, base, entries)
  const prefixed = (path: string) => posix.join(query.prefix, path)
  const changes: Change[] = deleted.map((path) => ({ path: prefixed(path), kind: 'delete' }))
  for (const entry of entries) {
    const path = prefixed(entry.path)
    if (entry.kind === 'file') {
      const mode = entry.executable ? 0o755 : 0o644
      changes.push({ path, kind: 'write', mode, content: entry.content })
    } else if (entry.kind === 'link') {
      changes.push({ path, kind: 'write', mode: 'link', content: Buffer.from(entry.target) })
    }
  }
  for (const { path, because } of unfit)
    changes.push({ kind: 'unfit', path: prefixed(path), because })
  return changes
}

type Unfit = Extract<Change, { readonly kind: 'unfit' }>

interface Layer {
  readonly entries: readonly ArchiveEntry[]
  readonly unfit: readonly Unfit[]
}

async function readLayer({ layer }: LayerQuery, base: BaseTree): Promise<Layer> {
  const unfit: Unfit[] = []
  const rules: ArchiveRules = {
    kind: 'layer',
    caps: LAYER_CAPS,
    isKnown: (path) => base.isFile(path) || base.isFolder(path) || isGit(path),
    leaveOut: (path, because) => {
      if (unfit.length >= LAYER_CAPS.maxEntries)
        throw new ArchiveRefused('too-many-entries', 'Too many odd entries.')
      unfit.push({ kind: 'unfit', path, because })
    },
  }
  const entries: ArchiveEntry[] = []
  try {
    for await (const entry of readArchive(layer, rules)) {
      // The container's history is its own business.
      if (!isGit(entry.path) && entry.path !== '.') entries.push(entry)
    }
  } catch (cause) {
    if (!(cause instanceof ArchiveRefused)) throw cause
    const message = `The step left changes that cannot be read: ${cause.message}`
    if (cause.problem === 'damaged') throw new WaveError('workspace-failed', message, { cause })
    throw new ChangesRefused(message, { cause })
  }
  return { entries, unfit }
}

const isGit = (path: string) => path === '.git' || path.startsWith('.git/')

/** No more than the layer can hold. */
const LAYER_CAPS = {
  maxEntries: 50_000,
  maxDepth: 64,
  maxPathBytes: 4096,
  maxFileBytes: 50 * 2 ** 20,
  maxTotalBytes: 256 * 2 ** 20,
}

async function deletedPaths(
  query: LayerQuery,
  base: BaseTree,
  entries: readonly ArchiveEntry[],
): Promise<string[]> {
  const deleted: string[] = []
  // A folder took the place of a file, or the other way round.
  for (const { path, kind } of entries) {
    if (kind === 'directory' && base.isFile(path)) deleted.push(path)
    // A link is never applied: the folder in whose place it stands stays as it was.
    if (kind === 'file' || kind === 'deleted') deleted.push(...base.filesBelow(path))
  }
  const merged = entries.filter(({ path, kind }) => kind === 'directory' && base.isFolder(path))
  const folders = ['.', ...merged.map(({ path }) => path)]
  const present = await listMerged(query, folders)
  for (const folder of folders) {
    for (const child of base.children(folder)) {
      if (!present.has(child)) deleted.push(...base.filesAt(child))
    }
  }
  return [...new Set(deleted)].toSorted()
}

/** The paths directly inside these folders, as the tools saw them. */
async function listMerged(query: LayerQuery, folders: readonly string[]): Promise<Set<string>> {
  const present = new Set<string>()
  for (let start = 0; start < folders.length; start += FOLDERS_PER_CALL) {
    const slice = folders.slice(start, start + FOLDERS_PER_CALL)
    const roots = slice.map((folder) => quote(`./${folder}`)).join(' ')
    const { exitCode, output, error } = await query.channel.request({
      command: `cd ${quote(query.target)} && exec find ${roots} -mindepth 1 -maxdepth 1 -print0`,
      timeoutMs: 60_000,
      maxBytes: 64 * 2 ** 20,
    })
    if (exitCode !== 0) {
      throw new WaveError(
        'workspace-failed',
        `The step's changes cannot be listed: ${error.trim()}`,
      )
    }
    for (const path of output.toString('utf8').split('\0')) present.add(posix.normalize(path))
  }
  return present
}

const FOLDERS_PER_CALL = 500

/** Files and folders of the tree below, by path. */
class BaseTree {
  readonly #files: ReadonlySet<string>
  readonly #children = new Map<string, Set<string>>()

  constructor(paths: readonly string[]) {
    this.#files = new Set(paths)
    for (const path of paths) this.#add(path)
  }

  #add(path: string): void {
    for (let child = path; child !== '.'; child = posix.dirname(child)) {
      const folder = posix.dirname(child)
      const siblings = this.#children.get(folder)
      if (siblings?.has(child) === true) return
      if (siblings === undefined) this.#children.set(folder, new Set([child]))
      else siblings.add(child)
    }
  }

  isFile(path: string): boolean {
    return this.#files.has(path)
  }

  isFolder(path: string): boolean {
    return this.#children.has(path)
  }

  children(folder: string): Iterable<string> {
    return this.#children.get(folder) ?? []
  }

  /** The file itself, or every file below the folder. */
  filesAt(path: string): string[] {
    return this.isFile(path) ? [path] : this.filesBelow(path)
  }

  filesBelow(folder: string): string[] {
    return [...this.children(folder)].flatMap((child) => this.filesAt(child))
  }
}
