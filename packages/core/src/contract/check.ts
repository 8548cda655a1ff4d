import type { Contract, Step } from '../pipeline/pipeline.ts'

/** What `checkArtifacts` found out about the outputs of one attempt. */
export interface ArtifactCheck {
  /** What to store: as given, except that one code fence around JSON is removed. */
  readonly artifacts: ReadonlyMap<string, Uint8Array>
  readonly problems: readonly ArtifactProblem[]
  readonly warnings: readonly string[]
}

export interface ArtifactProblem {
  readonly name: string
  readonly reason: 'artifact-missing' | 'artifact-invalid'
  /** Sentences that a model can act on. */
  readonly problems: readonly string[]
}

export interface ContractReport {
  readonly contract: Contract
  readonly passed: boolean
  /** Sentences that a model can act on: what is wrong and where, all of it. */
  readonly problems: readonly string[]
}

/** Presence and type of every declared artifact. Contracts are not run. */
export function checkArtifacts(
  _step: Step,
  _artifacts: ReadonlyMap<string, Uint8Array>,
): ArtifactCheck {
  throw new Error('Internal error: not written yet')
}

/** Runs every contract of the step, in order, all of them even when one fails. */
export function runContracts(
  _step: Step,
  _artifacts: ReadonlyMap<string, Uint8Array>,
): Promise<readonly ContractReport[]> {
  throw new Error('Internal error: not written yet')
}
