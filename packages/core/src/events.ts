import type { FailureClass, SentParameters, StopKind, Usage } from './agent/messages.ts'
import type { LimitName, StepFailure } from './failures.ts'
import type { ArtifactRef, StoredArtifact, StoredPatch } from './stored.ts'

export type * from './failures.ts'
export type * from './stored.ts'

/**
 * Everything that happens in a run, in order. The journal is a file of these; the terminal, the JSON
 * output, `status` and the tests only consume them. `fold` (run/state.ts) turns them into a state.
 */
export type RunEvent = EventStamp & NewRunEvent

/** Added by the journal. `at` is a note for people: nothing sorts, expires or decides by it. */
export interface EventStamp {
  readonly seq: number
  /** SHA-256, hex, of the JSON bytes of the previous record; zeros for the first. */
  readonly prev: string
  readonly v: 1
  /** UTC, ISO 8601. */
  readonly at: string
}

export type Verdict = 'confirmed' | 'likely' | 'inconclusive'

export type RunOutcome = 'completed' | 'partial' | 'failed' | 'rejected' | 'cancelled' | 'suspended'

/** What a step is, for consumers that never saw the plan. */
export interface StepHeader {
  readonly id: string
  /** The persona's name, or the kind of step: `command`. */
  readonly role: string
  readonly dependencies: readonly string[]
}

/** A condition as it was evaluated: the expression, and what the names in it stood for (JSON, cut). */
export interface Evaluated {
  readonly expression: string
  readonly values: Readonly<Record<string, string>>
  readonly result: string
}

/** A value that the summary shows. */
export interface OutcomeValue {
  readonly type: 'pr' | 'issue' | 'url' | 'deployment' | 'file' | 'artifact'
  readonly label: string
  readonly value: string
}

export type NewRunEvent =
  | {
      readonly type: 'run-started'
      readonly run: string
      readonly pipeline: { readonly name: string; readonly file: string; readonly digest: string }
      readonly steps: readonly StepHeader[]
      /** `evidence`: no language model is used in this run. */
      readonly mode: 'model' | 'evidence'
      readonly input: ArtifactRef
      /** SHA-256 over the project's `.wave/` files that the plan uses. */
      readonly projectDigest: string
      readonly snapshot: {
        readonly tree: string
        readonly head: string | undefined
        readonly dirty: boolean
        readonly files: number
        readonly dropped: readonly { readonly path: string; readonly reason: string }[]
      }
      readonly sandbox: {
        readonly kind: 'docker' | 'local' | 'none'
        readonly image?: string
        /** Digests of the images that steps name, by name. */
        readonly images?: Readonly<Record<string, string>>
      }
      /** Step id → `provider/model`. */
      readonly models: Readonly<Record<string, string>>
      readonly limits: RunLimits
      readonly waveVersion: string
      /** What was inferred or taken otherwise than it is written, each with its place: `file:line:column: …`. */
      readonly notices?: readonly string[]
    }
  | {
      readonly type: 'step-started'
      readonly step: string
      readonly attempt: number
      readonly personaDigest?: string
      readonly tree: string
      readonly inputs: readonly { readonly as: string; readonly digest: string }[]
      /** Its `when`, which was true. */
      readonly when?: Evaluated
    }
  | {
      /** A step that is made of others has begun to run these. Their ids: see `run/frame.ts`. */
      readonly type: 'steps-added'
      readonly step: string
      readonly steps: readonly StepHeader[]
    }
  | NewStepEvent
  | { readonly type: 'artifact-stored'; readonly step: string; readonly artifact: StoredArtifact }
  | {
      readonly type: 'step-succeeded'
      readonly step: string
      readonly attempt: number
      readonly artifacts: readonly StoredArtifact[]
      readonly patch?: StoredPatch
      /** The tree that the step leaves, where it is not the one it started from. */
      readonly tree?: string
      readonly verdict?: Verdict
      /** Completed, but the run is `partial`: a child was, items failed, or a loop came to its last round. */
      readonly partial?: true
      /** Named values of the result, shown below the `completed` line. */
      readonly fields?: readonly { readonly label: string; readonly value: string }[]
      readonly outcomes?: readonly OutcomeValue[]
      /** Shown on the `completed` line. */
      readonly message: string
      readonly durationMs: number
      /** Undefined when no model was called. */
      readonly usage: Usage | undefined
    }
  | {
      readonly type: 'step-failed'
      readonly step: string
      readonly attempt: number
      readonly failure: StepFailure
      readonly willRetry: boolean
      readonly durationMs: number
      readonly usage: Usage | undefined
    }
  | {
      readonly type: 'step-skipped'
      readonly step: string
      readonly because: string
      /** Its `when`, which was false. */
      readonly when?: Evaluated
    }
  | {
      /** A gate without an answer: the run is suspended once everything else has ended. */
      readonly type: 'gate-waiting'
      readonly step: string
      readonly message: string
      readonly choices: readonly { readonly key: string; readonly label: string }[]
      /** Undefined: without end. */
      readonly waitMs: number | undefined
    }
  | {
      readonly type: 'gate-answered'
      readonly step: string
      readonly choice: string
      readonly text: string
      readonly by: 'user' | 'timeout'
    }
  | {
      readonly type: 'branch-taken'
      readonly step: string
      readonly value: string
      /** The name of the pipeline, or `skip`. */
      readonly to: string
      readonly on: Evaluated
    }
  | {
      readonly type: 'round-ended'
      readonly step: string
      readonly iteration: number
      readonly end: 'again' | 'condition-met' | 'exhausted' | 'failed'
      readonly until?: Evaluated
    }
  | {
      /** The step's outputs are repaired by another step. */
      readonly type: 'step-reworking'
      readonly step: string
      readonly by: string
      readonly round: number
      /** What was wrong before this round. */
      readonly because?: string
    }
  | {
      /** A message that was to be sent to a channel of the user. */
      readonly type: 'notified'
      readonly hook: string
      readonly channel: string
      readonly on: string
      readonly problem?: string
    }
  | {
      readonly type: 'run-finished'
      readonly outcome: RunOutcome
      readonly verdict?: Verdict
      readonly exitCode: number
      readonly durationMs: number
      readonly usage: Usage | undefined
      /** US dollars; undefined when a price is unknown. */
      readonly costUsd?: number
      /** Files written into the project, relative to its root, summary artifacts first. */
      readonly delivered: readonly {
        readonly step: string
        readonly name: string
        readonly path: string
        readonly leaf: boolean
      }[]
    }

/** Everything that happens to one step. */
export type StepEvent = Exclude<
  RunEvent,
  { readonly type: 'run-started' | 'run-finished' | 'notified' }
>

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
    }
  | {
      readonly type: 'model-failed'
      readonly step: string
      readonly key: string
      readonly class: FailureClass
      readonly message: string
      /** Undefined when the call is not tried again. */
      readonly retryInMs: number | undefined
      /** As reported; undefined when it was not. */
      readonly usage: Usage | undefined
      /** 0 when the call was refused before anything came back. */
      readonly costUsd: number | undefined
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

/** Effective limits of a run. Undefined means none is set. */
export interface RunLimits {
  readonly minutes: number
  readonly concurrency: number
  readonly usd: number | undefined
  readonly tokens: number | undefined
}
