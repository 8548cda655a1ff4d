import type { Snapshot, SnapshotFile } from '@wave/core'

import { GitHistory } from './history.ts'
import type { HostRepository } from './host-git.ts'
import { ObjectReader, readObjects } from './object-reader.ts'
import type { Dropped } from './snapshot-files.ts'

/** A snapshot that knows where its objects are, for whatever reads it in bulk. */
export class GitSnapshot implements Snapshot {
  readonly host: HostRepository
  readonly root: string
  readonly tree: string
  readonly head: string | undefined
  readonly branch: string | undefined
  readonly dirty: boolean
  readonly dropped: readonly Dropped[]
  readonly files: readonly SnapshotFile[]
  readonly history: GitHistory
  readonly #reader: ObjectReader
  #byPath: ReadonlyMap<string, SnapshotFile> | undefined

  constructor(host: HostRepository, state: SnapshotState) {
    this.host = host
    this.root = host.workTree
    this.tree = state.tree
    this.head = state.head
    this.branch = state.branch
    this.dirty = state.dirty
    this.dropped = state.dropped
    this.files = state.files
    this.#reader = new ObjectReader(host)
    this.history = new GitHistory(this, this.#reader)
  }

  /** The file at a path, without its bytes. */
  file(path: string): SnapshotFile | undefined {
    this.#byPath ??= new Map(this.files.map((file) => [file.path, file]))
    return this.#byPath.get(path)
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const file = this.file(path)
    return file === undefined ? undefined : await this.#reader.read(file.oid)
  }

  at(tree: string): Promise<Snapshot | undefined> {
    return Promise.resolve(tree === this.tree ? this : undefined)
  }

  atRef(_ref: string): Promise<Snapshot | undefined> {
    return Promise.resolve(undefined)
  }

  /** Files of the snapshot, in the order asked, through one git of their own. */
  async *readMany(paths: readonly string[]): AsyncGenerator<Buffer> {
    const oids = paths.map((path) => this.file(path)?.oid)
    const known = oids.filter((oid) => oid !== undefined)
    if (known.length !== oids.length)
      throw new Error('Internal error: no such file in the snapshot')
    for await (const content of readObjects(this.host, known)) {
      if (content === undefined)
        throw new Error('Internal error: an object of the snapshot is gone')
      yield content
    }
  }
}

export interface SnapshotState {
  readonly tree: string
  readonly head: string | undefined
  readonly branch: string | undefined
  readonly dirty: boolean
  readonly dropped: readonly Dropped[]
  readonly files: readonly SnapshotFile[]
}

/** Snapshots are only ever made by `createSnapshotSource`; the port hides how. */
export function asGitSnapshot(snapshot: Snapshot): GitSnapshot {
  if (snapshot instanceof GitSnapshot) return snapshot
  throw new Error('Internal error: the snapshot was not taken from a project')
}
