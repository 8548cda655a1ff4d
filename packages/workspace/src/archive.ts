/** What an archive from a container may hold at most, counted while reading. */
export interface ArchiveCaps {
  readonly maxEntries: number
  readonly maxDepth: number
  readonly maxPathBytes: number
  readonly maxFileBytes: number
  readonly maxTotalBytes: number
}

export const ARTIFACT_CAPS: ArchiveCaps = {
  maxEntries: 2000,
  maxDepth: 32,
  maxPathBytes: 1024,
  maxFileBytes: 32 * 2 ** 20,
  maxTotalBytes: 64 * 2 ** 20,
}

export interface ArchiveRules {
  readonly caps: ArchiveCaps
  /**
   * `artifacts`: regular files and directories only. `layer`: the write layer of a source tree, which
   * may also hold symlinks, and character devices 0:0 that stand for deleted files, with any number of names.
   */
  readonly kind: 'artifacts' | 'layer'
  /** Paths that were in the tree before are not judged by name. */
  readonly isKnown?: (path: string) => boolean
  /** Told of entries with an odd name or type that are not known, in place of refusing the archive. */
  readonly leaveOut?: (path: string, because: string) => void
}

/** Mode bits, owners and times are thrown away, except whether a file may be executed. */
export type ArchiveEntry =
  | {
      readonly kind: 'file'
      readonly path: string
      readonly executable: boolean
      readonly content: Buffer
    }
  | { readonly kind: 'directory' | 'deleted'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }

export type ArchiveProblem =
  | 'too-many-entries'
  | 'too-large'
  | 'bad-name'
  | 'name-collision'
  | 'bad-type'
  | 'damaged'

/** An archive, or one entry of it, that must not be believed. The name is escaped for people. */
export class ArchiveRefused extends Error {
  override readonly name = 'ArchiveRefused'
  readonly problem: ArchiveProblem
  /** Of one entry: what is wrong with it, to read behind its name. */
  readonly because: string | undefined

  constructor(
    problem: ArchiveProblem,
    message: string,
    options: { cause?: unknown; because?: string } = {},
  ) {
    super(message, options)
    this.problem = problem
    this.because = options.because
  }
}
