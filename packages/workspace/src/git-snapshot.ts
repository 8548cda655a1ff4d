import type { MergeResult, Patch, Snapshot, SnapshotFile } from '@wave/core'

import { readCommit } from './commit-state.ts'
import { GitHistory } from './history.ts'
import type { HostRepository } from './host-git.ts'
import { mergePatches } from './merge-patches.ts'
import { ObjectReader, readObjects } from './object-reader.ts'
import { diffPatch } from './patch-diff.ts'
import type { Dropped } from './snapshot-files.ts'
import { completeTree, isTreeId } from './tree-files.ts'

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
  /** Whether a copy gets a repository at all. */
  readonly hasHistory: boolean
  /** What this one was derived from with `at`: most of it is the same. */
  readonly origin: GitSnapshot | undefined
  readonly #state: SnapshotState
  readonly #reader: ObjectReader
  readonly #commits = new Map<string, Promise<Snapshot | undefined>>()
  #byPath: ReadonlyMap<string, SnapshotFile> | undefined

  constructor(host: HostRepository, state: SnapshotState, origin?: GitSnapshot) {
    this.host = host
    this.root = host.workTree
    this.tree = state.tree
    this.hasHistory = state.history === 'full'
    this.head = this.hasHistory ? state.commit : undefined
    this.branch = state.branch
    this.dirty = state.dirty
    this.dropped = state.dropped
    this.files = state.files
    this.origin = origin
    this.#state = state
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

  async at(tree: string): Promise<Snapshot | undefined> {
    if (tree === this.tree) return this
    const origin = this.origin ?? this
    if (tree === origin.tree) return origin
    const files = await completeTree(this.host, tree)
    if (files === undefined) return undefined
    return new GitSnapshot(this.host, { ...this.#state, tree, files, dirty: true }, origin)
  }

  async changesTo(tree: string): Promise<Patch | undefined> {
    if (!isTreeId(tree)) throw new Error(`Internal error: not a tree: ${tree}`)
    return tree === this.tree ? undefined : await diffPatch(this.host, this.tree, tree)
  }

  /** Looked up once: a branch that moves later changes nothing. */
  atRef(ref: string): Promise<Snapshot | undefined> {
    const known = this.#commits.get(ref)
    if (known !== undefined) return known
    const found = this.#atRef(ref)
    this.#commits.set(ref, found)
    found.catch(() => this.#commits.delete(ref))
    return found
  }

  async #atRef(ref: string): Promise<Snapshot | undefined> {
    const { userGitDir, commit: head, branch } = this.#state
    const found = await readCommit({ host: this.host, userGitDir, head, branch }, ref)
    return found && new GitSnapshot(this.host, { ...this.#state, ...found, dirty: false })
  }

  merge(patches: readonly { readonly text: Uint8Array }[]): Promise<MergeResult> {
    const texts = patches.map(({ text }) => ({ text }))
    return mergePatches(this.host, this.tree, texts)
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
  /** What HEAD was; undefined on an unborn HEAD or without git. */
  readonly commit: string | undefined
  readonly branch: string | undefined
  readonly dirty: boolean
  readonly dropped: readonly Dropped[]
  readonly files: readonly SnapshotFile[]
  readonly history: 'full' | 'none'
  /** Undefined without git. */
  readonly userGitDir: string | undefined
}

/** Snapshots are only ever made by `createSnapshotSource`; the port hides how. */
export function asGitSnapshot(snapshot: Snapshot): GitSnapshot {
  if (snapshot instanceof GitSnapshot) return snapshot
  throw new Error('Internal error: the snapshot was not taken from a project')
}
