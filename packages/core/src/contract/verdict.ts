import type { ArtifactType, Verdict } from '../events.ts'
import type { VerdictSource } from '../pipeline/pipeline.ts'

/** The verdict that an artifact states. Undefined when it states none, or one outside the three. */
export function readVerdict(
  _source: VerdictSource,
  _artifact: { readonly type: ArtifactType; readonly content: Uint8Array },
): Verdict | undefined {
  throw new Error('Internal error: not written yet')
}
