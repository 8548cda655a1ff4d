import type { Usage } from '../agent/messages.ts'

/** What evaluating one contract came to. No problems: it passed. */
export interface Finding {
  readonly problems: readonly string[]
  /** Figures and remarks that do not decide: `14 citations: 12 verified, 2 relocated`. */
  readonly notes?: readonly string[]
  /** What asking a model took. */
  readonly usage?: Usage
}

export const PASSED: Finding = { problems: [] }

export function fails(...problems: readonly string[]): Finding {
  return { problems }
}
