/** The frozen project: one git tree, the history behind it, and patches against it. Part of ports.ts. */

export interface SnapshotSpec {
  /** Ignored paths to copy in all the same. Secrets never are. */
  readonly include: readonly string[]
  /** Files that are no part of the project, relative to its root: what wave delivered before. */
  readonly leaveOut?: readonly string[]
  readonly history: 'full' | 'none'
}

/** Freezes the project. Reads bytes at a tree; never runs anything from the repository. */
export interface SnapshotSource {
  /**
   * `root` is the project's root. Tracked plus untracked-not-ignored files, as they are on disk now.
   * Throws `WaveError`: `git-missing`, `git-failed`, `not-a-repository` (the path does not exist), `disk-full`.
   * A folder without git, an empty repository and an unborn HEAD are fine: `head` is then undefined.
   */
  take(root: string, spec: SnapshotSpec): Promise<Snapshot>
  /**
   * A snapshot that a run started from, whatever the working copy holds now. Undefined: its objects, or the
   * commit that its history ended at, are gone. Throws what `take` throws.
   */
  reopen(root: string, recorded: RecordedSnapshot): Promise<Snapshot | undefined>
}

/** What a journal says of a snapshot. */
export interface RecordedSnapshot
  extends Pick<Snapshot, 'tree' | 'head' | 'dirty' | 'dropped'>, Pick<SnapshotSpec, 'history'> {}

/** A repository's state as one git tree, and the history behind it. All paths are relative, with `/`. */
export interface Snapshot {
  readonly root: string
  /** Git tree id, hex. Equal trees hold equal bytes. */
  readonly tree: string
  /** Commit id of HEAD; undefined on an unborn HEAD or without git. */
  readonly head: string | undefined
  readonly branch: string | undefined
  /** Whether the working copy differs from HEAD. */
  readonly dirty: boolean
  /** What was left out, and why: secrets, submodules, sockets, links that leave the tree, undecodable names. */
  readonly dropped: readonly { readonly path: string; readonly reason: string }[]
  readonly files: readonly SnapshotFile[]
  /** Undefined when there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>
  readonly history: History
  /** The same project with another tree, to which a patch of this run led. Undefined: no such tree. */
  at(tree: string): Promise<Snapshot | undefined>
  /** What leads from this tree to another one of this run. Undefined: nothing differs. */
  changesTo(tree: string): Promise<Patch | undefined>
  /** The tree of a commit in place of the working copy. Undefined: the ref names none. */
  atRef(ref: string): Promise<Snapshot | undefined>
  /**
   * What several patches make of this tree together, in their order: each made against this very tree, as
   * those of parallel steps are, or against what the ones before it led to. Changes to different lines of
   * a file are joined; the rest are conflicts, all of them told, and then there is no tree. Writes nothing
   * into the project. Throws `patch-invalid` for a text that wave did not write.
   */
  merge(patches: readonly { readonly text: Uint8Array }[]): Promise<MergeResult>
}

export type MergeResult =
  | { readonly ok: true; readonly tree: string; readonly patch: Patch }
  | { readonly ok: false; readonly conflicts: readonly MergeConflict[] }

export interface MergeConflict {
  /** Which of the patches, from 0: the one that does not go together with those before it. */
  readonly index: number
  readonly path: string
  /** Reads behind the path: "has lines that two change differently". */
  readonly message: string
}

export interface SnapshotFile {
  readonly path: string
  readonly mode: '100644' | '100755' | '120000'
  readonly oid: string
  readonly sizeBytes: number
}

/** Git history up to `head`, read through a host-owned git dir. Empty without commits. */
export interface History {
  log(query: HistoryQuery): Promise<readonly Commit[]>
  /** Unified diff of one commit against its first parent (the empty tree for a root). Undefined: no such commit. */
  diff(commit: string, paths?: readonly string[]): Promise<string | undefined>
  /**
   * The same for many commits at once, by full id. Absent: no such commit, or more than is read in one
   * go; ask for those one by one.
   */
  diffs(commits: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Bytes of a file at a commit. Undefined: no such commit or file. */
  read(commit: string, path: string): Promise<Uint8Array | undefined>
  /** One entry per line of the range, in order. Lines count from 1, both ends included. */
  blame(path: string, from: number, to: number): Promise<readonly BlameLine[]>
  /** Names of everybody who wrote or committed something, without duplicates; at most 10,000. */
  people(): Promise<readonly string[]>
  /** The patch that undoes a commit on the snapshot, computed and checked on the host; writes nothing. */
  revert(commit: string): Promise<RevertCheck>
}

export interface HistoryQuery {
  readonly paths?: readonly string[]
  /** ISO 8601, compared with the committer date. */
  readonly since?: string
  readonly until?: string
  readonly max: number
}

export interface Commit {
  readonly id: string
  readonly parents: readonly string[]
  /** ISO 8601 in UTC. */
  readonly authoredAt: string
  readonly committedAt: string
  readonly subject: string
  readonly body: string
  /** Touched paths with their added and deleted lines; undefined counts for binary files. */
  readonly files: readonly {
    readonly path: string
    readonly added: number | undefined
    readonly deleted: number | undefined
  }[]
}

export interface BlameLine {
  readonly line: number
  readonly commit: string
  readonly text: string
}

export type RevertCheck =
  | { readonly applies: true; readonly patch: Patch }
  | { readonly applies: false; readonly problem: string }

/** Changes from one tree to another, as `git apply` takes them. */
export interface Patch {
  readonly baseTree: string
  readonly tree: string
  /** `git diff-tree -p --binary --full-index --no-renames`. */
  readonly text: Uint8Array
  readonly files: readonly PatchedFile[]
}

export interface PatchedFile {
  readonly path: string
  readonly status: 'added' | 'modified' | 'deleted'
  readonly added: number
  readonly deleted: number
  /** Git's modes, where the file is there before and after with another one: `100644`. */
  readonly modes?: { readonly from: string; readonly to: string }
  /** Its content is not text: no lines are counted. */
  readonly isBinary?: true
  /** `flagged` needs an explicit yes in `wave apply`; `rejected` is never applied. */
  readonly verdict: 'plain' | 'flagged' | 'rejected'
  readonly because?: string
}
