import type { StepEvent } from '../events.ts'
import type { Patch, Snapshot, StepContext, StepRunner, Workspace } from '../ports.ts'
import type { Template } from '../pipeline/pipeline.ts'
import type { Rendered } from '../pipeline/template/template.ts'

/** What contracts can look at, beside the artifacts themselves. Everything is fetched on first use. */
export interface ContractContext {
  /** The attempt whose outputs are examined. */
  readonly context: StepContext
  /** Performs the questions of `llm_judge` and `agent_review`. Undefined: there is no model. */
  readonly agent: StepRunner | undefined
  /** What the step changed. Undefined: nothing, or it has no read-write view. */
  patch(): Promise<Patch | undefined>
  /** The tree that the step started from. */
  readonly start: Snapshot
  /** The tree that the step leaves. */
  result(): Promise<Snapshot>
  /** A fresh workspace over a tree, at the step's mount target. The caller disposes it. */
  open(tree: Snapshot): Promise<Workspace>
  /** Events of this attempt, in order. */
  events(): readonly StepEvent[]
  /** The artifact of an earlier step. Undefined: it does not exist. */
  find(step: string, artifact: string): Uint8Array | undefined
  /** Fills in a command. */
  render(template: Template): Rendered
}

/** What the contracts over documents look at, beside the document. */
export type DocumentContext = Pick<ContractContext, 'start' | 'find'>
