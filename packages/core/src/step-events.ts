import type { FailureClass, SentParameters, StopKind, Usage } from './agent/messages.ts'
import type { LimitName } from './failures.ts'
import type { ArtifactRef } from './stored.ts'

/** As the limits of tokens and money count a call of which the provider has not said everything. */
export interface CallAmount {
  readonly tokens: number
  /** Left out when the price of the model is unknown. */
  readonly usd?: number
}

/** Events that a runner may emit about its own step. */
export type NewStepEvent =
  | {
      readonly type: 'model-request'
      readonly step: string
      readonly turn: number
      /** SHA-256, hex, of the canonical request. */
      readonly key: string
      readonly model: string
      readonly parameters?: SentParameters
      /** What was sent, in the store, as far as it is new; see `agent/stored-prompt.ts`. */
      readonly prompt?: ArtifactRef
      /** What it can use at most: counted by limits when its end was never recorded. */
      readonly reserved?: CallAmount
    }
  | {
      readonly type: 'model-response'
      readonly step: string
      readonly key: string
      /** Who answered: `provider/model`. */
      readonly model?: string
      readonly stop: StopKind
      readonly usage: Usage | undefined
      readonly costUsd: number | undefined
      /** The full reply, in the store. */
      readonly reply: ArtifactRef
      /** Paid for by an attempt that was cut off; nobody was asked again. */
      readonly reused?: true
      /** Where usage is unknown: what limits count instead. Never told as a cost. */
      readonly estimated?: CallAmount
      /** The model was told then that the budget is nearly used up. */
      readonly lastCall?: true
    }
  | {
      readonly type: 'model-failed'
      readonly step: string
      readonly key: string
      /** `cut-off`: wave stopped listening. What the provider bills for it is not known. */
      readonly class: FailureClass | 'cut-off'
      readonly message: string
      /** Undefined when the call is not tried again. */
      readonly retryInMs: number | undefined
      /** As reported; undefined when it was not. */
      readonly usage: Usage | undefined
      /** 0 when the provider refused the call or was not reached; undefined when the rest of it may be billed. */
      readonly costUsd: number | undefined
      /** Where usage or cost is not all: what limits count instead. Never told as a cost. */
      readonly estimated?: CallAmount
    }
  | {
      readonly type: 'tool-call'
      readonly step: string
      readonly call: string
      readonly tool: string
      readonly input: ArtifactRef
    }
  | {
      readonly type: 'tool-result'
      readonly step: string
      readonly call: string
      readonly isError: boolean
      /** The full output, in the store. */
      readonly output: ArtifactRef
      readonly shownBytes: number
    }
  | {
      readonly type: 'contract-checked'
      readonly step: string
      readonly attempt: number
      /** Type and source: `json_schema triage`. */
      readonly contract: string
      readonly passed: boolean
      readonly problems: readonly string[]
      /** Figures: `14 citations: 12 verified, 2 relocated`. */
      readonly notes?: readonly string[]
    }
  | {
      readonly type: 'hook-ran'
      readonly step: string
      readonly hook: string
      readonly problem?: string
    }
  | {
      /** Where the fields of a result were found: submitted, or by which stage of the extraction. */
      readonly type: 'fields-extracted'
      readonly step: string
      readonly stage: 'submitted' | 'json' | 'fenced' | 'object' | 'labels' | 'repair'
    }
  | { readonly type: 'warning'; readonly step: string; readonly message: string }
  | {
      readonly type: 'limit-warning'
      readonly step: string
      readonly limit: LimitName
      readonly share: number
      /** It is the run's; the step is one of those that work. */
      readonly scope?: 'run'
    }
