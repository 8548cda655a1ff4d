/** Equal bytes have equal refs. `digest` is SHA-256, hex. */
export interface ArtifactRef {
  readonly digest: string
  readonly sizeBytes: number
}

export type ArtifactType = 'json' | 'text' | 'markdown' | 'binary'

/** An artifact as a step produced it. */
export interface StoredArtifact extends ArtifactRef {
  readonly name: string
  readonly path: string
  readonly type: ArtifactType
}

export interface LeftOut {
  readonly path: string
  /** Reads behind the path: `is a link`. */
  readonly because: string
}

/** What a read-write step changed, as recorded. The patch itself is in the store. */
export interface StoredPatch extends ArtifactRef {
  /** Git tree that the patch was computed against, and the one it leads to. */
  readonly baseTree: string
  readonly tree: string
  readonly files: number
  readonly added: number
  readonly deleted: number
  /** Of the first of them: not all of many. */
  readonly paths?: readonly string[]
  /** Changed as well, and never applied: in neither the patch nor the tree. Not all of many. */
  readonly leftOut?: readonly LeftOut[]
}

/** A part of what went into a step. */
export interface StepComponent {
  /** `persona`, `artifact triage`, `tree src`. */
  readonly name: string
  /** Equal for equal parts. */
  readonly digest: string
}

/** All that went into a step. */
export interface StepMade {
  /** SHA-256, hex, over the components. */
  readonly key: string
  readonly components: readonly StepComponent[]
}
