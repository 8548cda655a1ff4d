import type { JsonSchema } from '../contract/schema-fields.ts'
import type { ModelChoice, Template } from './pipeline.ts'

/** What a contract that fails does once no attempt is left. */
export type ContractFailure = 'fail' | 'skip' | 'continue' | 'warn' | 'rework' | 'rejected'

interface ContractBase {
  /** `warn`: never fails an attempt. `rejected`: no retry, the run ends `rejected`. Undefined: as the step says. */
  readonly onFailure: ContractFailure | undefined
  /** Of `on_failure: rework`. */
  readonly rework?: Rework
}

/** Who repairs a failed step, and how often it is tried. */
export interface Rework {
  readonly step: string
  readonly maxRounds: number
}

/** Contracts over one artifact of the step. They need nothing but its bytes. */
export type DocumentContract = ContractBase & { readonly source: string } & (
    | { readonly type: 'json_schema'; readonly schema: JsonSchema }
    | { readonly type: 'non_empty_file' }
    | {
        readonly type: 'markdown_spec'
        readonly sections: readonly string[]
        readonly maxUnresolved: number
      }
    | {
        /** Headings that must stand in this order, each with text below it that is no placeholder. */
        readonly type: 'sections'
        readonly sections: readonly string[]
      }
  )

/** Contracts over an artifact that also look at what the run knows: its history, snapshot, other artifacts. */
export type ReportContract = ContractBase & { readonly source: string } & (
    | { readonly type: 'blameless' }
    | {
        readonly type: 'citations'
        /** At least this many citations must stand in the document. */
        readonly minimum: number
      }
    | {
        readonly type: 'completeness'
        /** Artifacts of earlier steps that must exist. */
        readonly requires: readonly { readonly step: string; readonly artifact: string }[]
      }
  )

/** Contracts over what the step changed or the events it caused. */
export type ChangeContract = ContractBase & { readonly timeoutMs: number } & (
    | { readonly type: 'test_suite'; readonly command: Template; readonly dir: string | undefined }
    | {
        readonly type: 'source_diff'
        readonly glob: string
        readonly exclude: readonly string[]
        readonly minFiles: number
      }
    | {
        readonly type: 'test_diff'
        readonly filePatterns: readonly string[]
        readonly functionPattern: string
        readonly maxDeletions: number
      }
    | {
        readonly type: 'test_count_baseline'
        readonly filePatterns: readonly string[]
        readonly functionPattern: string
        /** A git ref; undefined: the tree that the step started from. */
        readonly baseRef: string | undefined
      }
    | {
        readonly type: 'event_contains'
        readonly events: readonly { readonly state: string; readonly contains: string }[]
      }
  )

/** Contracts that a language model decides. */
export type JudgedContract = ContractBase & {
  readonly timeoutMs: number
  readonly tokenBudget: number | undefined
} & (
    | {
        readonly type: 'llm_judge'
        readonly source: string
        readonly criteria: readonly string[]
        /** Share of the criteria that must be met. */
        readonly threshold: number
        readonly model: ModelChoice
      }
    | {
        readonly type: 'agent_review'
        readonly persona: string
        readonly criteria: string
        readonly context: readonly ReviewContext[]
      }
  )

export type ReviewContext = { readonly maxBytes: number } & (
  | { readonly source: 'git_diff' }
  | { readonly source: 'artifact'; readonly artifact: string }
)

export type Contract = DocumentContract | ReportContract | ChangeContract | JudgedContract
