import { posix } from 'node:path'

import type { Entry, FileResult, Snapshot, SnapshotFile } from '@wave/core'

import { GitSnapshot } from '../git-snapshot.ts'

const MAX_LINKS = 40

/** A folder of a snapshot as a read-only file tree. Links are followed inside it and nowhere else. */
export class TreeView {
  readonly #snapshot: Snapshot
  readonly #source: string
  readonly #files: ReadonlyMap<string, SnapshotFile>
  readonly #folders: ReadonlyMap<string, ReadonlyMap<string, Entry>>

  /** `source` as `snapshotFolder` gives it. */
  constructor(snapshot: Snapshot, source: string) {
    this.#snapshot = snapshot
    this.#source = source
    const files = snapshot.files.flatMap((file) => this.#inside(file) ?? [])
    this.#files = new Map(files.map((file) => [file.path, file]))
    this.#folders = foldersOf(files)
  }

  async read(path: string): Promise<FileResult<Uint8Array> | undefined> {
    const real = await this.#follow(path)
    if (this.#folders.has(real ?? '')) return { ok: false, problem: 'it is a directory' }
    const file = real === undefined ? undefined : this.#files.get(real)
    const content = file && (await this.#snapshot.read(this.#outer(file.path)))
    return content && { ok: true, value: content }
  }

  /** Entries carry their bare name. Undefined: there is no such folder. */
  async list(path: string): Promise<readonly Entry[] | undefined> {
    const entries = this.#folders.get((await this.#follow(path)) ?? '')
    return entries && Array.from(entries.values())
  }

  /** Regular files below a folder, relative to it; for a file the empty name. Undefined: neither. */
  async filesBelow(path: string): Promise<readonly string[] | undefined> {
    const real = await this.#follow(path)
    if (real === undefined) return undefined
    if (this.#files.has(real)) return ['']
    if (!this.#folders.has(real)) return undefined
    const prefix = real === '.' ? '' : `${real}/`
    const names: string[] = []
    for (const file of this.#files.values())
      if (file.mode !== '120000' && file.path.startsWith(prefix))
        names.push(file.path.slice(prefix.length))
    return names
  }

  /** Content of these files below a folder, in order. */
  async *contents(
    path: string,
    names: readonly string[],
  ): AsyncGenerator<{ readonly name: string; readonly content: Uint8Array }> {
    const real = (await this.#follow(path)) ?? '.'
    const paths = names.map((name) => this.#outer(posix.join(real, name)))
    let at = 0
    for await (const content of readMany(this.#snapshot, paths)) {
      const name = names[at++]
      if (content !== undefined && name !== undefined) yield { name, content }
    }
  }

  #inside(file: SnapshotFile): SnapshotFile | undefined {
    if (this.#source === '.') return file
    const prefix = `${this.#source}/`
    return file.path.startsWith(prefix)
      ? { ...file, path: file.path.slice(prefix.length) }
      : undefined
  }

  #outer(path: string): string {
    return posix.join(this.#source, path)
  }

  /** The path without links; undefined when one leads out of the tree, or in circles. */
  async #follow(path: string): Promise<string | undefined> {
    const pending = path.split('/')
    const real: string[] = []
    let links = 0
    for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
      if (part === '' || part === '.') continue
      if (part === '..') {
        if (real.pop() === undefined) return undefined
        continue
      }
      real.push(part)
      const target = await this.#linkTarget(real.join('/'))
      if (target === undefined) continue
      if (++links > MAX_LINKS || target.startsWith('/')) return undefined
      real.pop()
      pending.unshift(...target.split('/'))
    }
    return real.length === 0 ? '.' : real.join('/')
  }

  async #linkTarget(path: string): Promise<string | undefined> {
    const file = this.#files.get(path)
    if (file?.mode !== '120000') return undefined
    const content = await this.#snapshot.read(this.#outer(path))
    return content && Buffer.from(content).toString()
  }
}

async function* readMany(
  snapshot: Snapshot,
  paths: readonly string[],
): AsyncGenerator<Uint8Array | undefined> {
  if (snapshot instanceof GitSnapshot) yield* snapshot.readMany(paths)
  else for (const path of paths) yield await snapshot.read(path)
}

function foldersOf(
  files: readonly SnapshotFile[],
): ReadonlyMap<string, ReadonlyMap<string, Entry>> {
  const folders = new Map<string, Map<string, Entry>>([['.', new Map()]])
  const add = (path: string, kind: Entry['kind'], sizeBytes: number): void => {
    const parent = posix.dirname(path)
    let entries = folders.get(parent)
    if (entries === undefined) {
      entries = new Map()
      folders.set(parent, entries)
      add(parent, 'directory', 0)
    }
    const name = posix.basename(path)
    entries.set(name, { path: name, kind, sizeBytes })
  }
  for (const file of files) add(file.path, file.mode === '120000' ? 'link' : 'file', file.sizeBytes)
  for (const [folder, entries] of folders)
    folders.set(folder, new Map([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1))))
  return folders
}
