import type { FailureClass } from './agent/messages.ts'
import type { WaveErrorCode } from './errors.ts'

export type LimitName = 'turns' | 'tokens' | 'usd' | 'time' | 'format-errors'

/** Why an attempt of a step failed. Expected, hence data. */
export type StepFailure =
  | {
      readonly reason: 'command-failed'
      readonly command: string
      readonly exitCode: number
      readonly output: string
      /** Why it could not even start. */
      readonly problem?: string
    }
  | {
      readonly reason: 'model-error'
      readonly class: FailureClass
      readonly model: string
      readonly message: string
      /** The provider asks for a longer pause than wave makes. */
      readonly waitMs?: number
    }
  | { readonly reason: 'model-refused' | 'context-overflow' }
  | {
      readonly reason: 'limit-reached'
      readonly limit: LimitName
      readonly scope: 'step' | 'run'
      /** In turns, tokens, US dollars or milliseconds. */
      readonly allowed?: number
      /** What would have been used in all, at worst, had the step gone on. */
      readonly needed?: number
    }
  | { readonly reason: 'stuck'; readonly pattern: string }
  | { readonly reason: 'artifact-missing'; readonly name: string; readonly message: string }
  | {
      readonly reason: 'artifact-invalid' | 'contract-failed'
      readonly name: string
      readonly problems: readonly string[]
    }
  | {
      readonly reason: 'template-failed' | 'condition-failed' | 'aggregate-failed' | 'branch-failed'
      readonly message: string
    }
  | { readonly reason: 'hook-failed'; readonly hook: string; readonly message: string }
  /** A step of a child, a round or an item failed for good. */
  | { readonly reason: 'child-failed'; readonly step: string; readonly failure: StepFailure }
  | { readonly reason: 'items-failed'; readonly failed: number; readonly items: number }
  | { readonly reason: 'loop-exhausted'; readonly rounds: number }
  | { readonly reason: 'gate-rejected'; readonly choice: string }
  | { readonly reason: 'oom' | 'workspace-lost'; readonly message: string }
  | {
      readonly reason: 'environment'
      readonly code: WaveErrorCode
      readonly message: string
      readonly hint?: string
    }
  | { readonly reason: 'cancelled' }
