import type { FieldUse } from './demand.ts'
import type { LoopKind } from './loop-names.ts'

/** What a workflow knows about the one that calls it. */
export interface Caller {
  /** Fields of the result that the caller reads, and how. */
  readonly fields: ReadonlyMap<string, readonly FieldUse[]>
  /** Keys of its `with`. Undefined: it gives one text. */
  readonly keys: readonly string[] | undefined
  /** The loop that calls it, whose names it can read. Undefined: it is called once. */
  readonly loop: LoopKind | undefined
}
