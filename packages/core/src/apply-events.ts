/**
 * What becomes of the changes of a run on the user's files: no part of the run, mostly behind its end, and told
 * for the audit. What is begun is recorded before the first file changes, what came of it after the last.
 */
export type NewApplyEvent =
  | {
      readonly type: 'apply-started'
      /** Of the apply: its end, and taking it back, have the same. */
      readonly apply: string
      readonly kind: 'apply' | 'undo'
      /** The command: `wave apply`, or `--apply` of the others. */
      readonly by: 'apply' | 'run' | 'resume'
      readonly patches: readonly { readonly step: string; readonly digest: string }[]
      readonly files: number
      /** Of many the first. */
      readonly paths: readonly string[]
      /** Flagged paths that the user took all the same; of many the first. */
      readonly accepted: readonly string[]
      /** Files that the run changed as well, and that are never applied. */
      readonly leftOut: number
      readonly waveVersion: string
    }
  | {
      readonly type: 'apply-ended'
      readonly apply: string
      readonly kind: 'apply' | 'undo'
      /** `failed` and `interrupted`: the files are what they were before, except for what is in `left`. */
      readonly end: 'done' | 'failed' | 'interrupted'
      /** Found later: the process that began it did not live to say so. */
      readonly late?: true
      readonly problem?: string
      /** Files that had to be put back, or taken back to the end, after it was stopped in the middle. */
      readonly restored?: number
      /** Paths that held neither the old nor the new, and were left; of many the first. */
      readonly left?: readonly string[]
    }
