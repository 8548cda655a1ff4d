import type { FailureClass, Usage } from './agent/messages.ts'
import type { NewApplyEvent } from './apply-events.ts'
import type { StepFailure } from './failures.ts'
import type { NewStepEvent } from './step-events.ts'
import type { ArtifactRef, StepMade, StoredArtifact, StoredPatch } from './stored.ts'

export type * from './apply-events.ts'
export type * from './failures.ts'
export type * from './step-events.ts'
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

/** A commit that a branch or a tag stood for. */
export interface FrozenBase {
  readonly tree: string
  /** Undefined: it was looked at without its history. */
  readonly commit?: string
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
      /** The list of the frozen project files; see `freezeFiles`. */
      readonly frozen?: ArtifactRef
      /** What wave collected before the first step. */
      readonly facts?: ArtifactRef
      /** The commits that steps name in place of the working copy, by what they call them. */
      readonly bases?: Readonly<Record<string, FrozenBase>>
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
      /** The run goes on, after it had ended or was cut off. What succeeded stays; the rest is decided anew. */
      readonly type: 'run-resumed'
      readonly run: string
      readonly waveVersion: string
      /** What is not as it was at the start, as sentences. */
      readonly differences: readonly string[]
      /** This step and everything behind it runs again. */
      readonly from?: string
      /** It goes on although differences speak against it. */
      readonly force?: true
    }
  | {
      readonly type: 'step-started'
      readonly step: string
      /** Counts on when the run is resumed. */
      readonly attempt: number
      /** It goes on where it was cut off: what its parts did, and the replies that were paid for, count. */
      readonly resumed?: true
      readonly personaDigest?: string
      readonly tree: string
      readonly inputs: readonly { readonly as: string; readonly digest: string }[]
      /** Its `when`, which was true. */
      readonly when?: Evaluated
    }
  | {
      /** Nothing was done: the step is what it was in this run, into which the same had gone. */
      readonly type: 'step-reused'
      readonly step: string
      readonly attempt: number
      readonly run: string
      readonly key: string
    }
  | {
      /** A step that is made of others has begun to run these. Their ids: see `run/frame.ts`. */
      readonly type: 'steps-added'
      readonly step: string
      readonly steps: readonly StepHeader[]
    }
  | NewStepEvent
  | NewApplyEvent
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
      /** What went into it; the digests are cut. Undefined for steps that are made of others. */
      readonly made?: StepMade
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
      /** What the next attempt is told about this one, besides the failure. */
      readonly told?: ArtifactRef
      /** As of a success; undefined when it did not get that far. */
      readonly made?: StepMade
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
      /** The provider asks for a longer pause than wave makes: the step goes on once the run is resumed. */
      readonly type: 'run-waiting'
      readonly step: string
      /** Who asks for it: `provider/model`. */
      readonly model: string
      readonly class: FailureClass
      readonly message: string
      readonly waitMs: number
      /** When that is over, in UTC. For people: nothing decides by it. */
      readonly notBefore: string
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
      /** Something in it did not succeed, and it went on without. */
      readonly partial?: true
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
      /** Of all the times that it was under way, as far as they are known. */
      readonly durationMs: number
      readonly usage: Usage | undefined
      /** US dollars; undefined when a price is unknown, or what a call was billed. */
      readonly costUsd?: number
      /** In place of that: what is known of it. */
      readonly leastUsd?: number
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
  | { readonly type: 'run-started' | 'run-resumed' | 'run-finished' | 'notified' }
  | Pick<NewApplyEvent, 'type'>
>

/** Effective limits of a run. Undefined means none is set. */
export interface RunLimits {
  readonly minutes: number
  readonly concurrency: number
  readonly usd: number | undefined
  readonly tokens: number | undefined
}
