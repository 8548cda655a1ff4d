/**
 * A pipeline after loading: checked for shape, with defaults filled in, free of dialect. The plan
 * (plan.ts) then checks what depends on personas, models and limits.
 */
import type { Effort } from '../agent/messages.ts'
import type { JsonSchema } from '../contract/schema-fields.ts'
import type { Location, Problem } from '../errors.ts'
import type { ArtifactType } from '../events.ts'
import type { Rework } from './contracts.ts'
import type { FieldSpec } from './fields.ts'
import type { Gaps } from './read/gaps.ts'
import type { Step } from './steps.ts'

export type * from './contracts.ts'
export type * from './fields.ts'
export type * from './steps.ts'

export interface Pipeline {
  readonly name: string
  readonly description: string
  readonly dialect: 'WavePipeline' | 'workflow/v2.0'
  readonly category: string
  readonly annotations: Readonly<Record<string, string>>
  /** `wave run` refuses it. */
  readonly disabled: boolean
  readonly origin: 'bundled' | 'project' | 'path'
  /** As shown to the user, for example `.wave/pipelines/incident-response.yaml`. */
  readonly file: string
  /** SHA-256, hex, of the file's bytes. */
  readonly digest: string
  readonly input: {
    readonly source: 'cli' | 'file'
    readonly type: 'string' | 'json'
    readonly example: string | undefined
    readonly schema?: JsonSchema
  }
  readonly requiredTools: readonly string[]
  readonly limits: {
    readonly minutes: number | undefined
    readonly usd: number | undefined
    readonly tokens: number | undefined
    readonly concurrency: number | undefined
  }
  readonly failurePolicy: 'cancel_all' | 'complete_running' | 'continue'
  readonly verdict: VerdictSource | undefined
  readonly snapshot: { readonly include: readonly string[]; readonly history: 'full' | 'none' }
  /** Values of `env.*` that the file itself sets; those of a caller come on top. */
  readonly env: Readonly<Record<string, string>>
  /** In file order. */
  readonly steps: readonly Step[]
  readonly hooks: readonly Hook[]
  /** What a pipeline that calls this one sees. */
  readonly outputs: readonly PipelineOutput[]
  /** What the author should know, though the file can be used: inferences, merged lists. */
  readonly notices: readonly Problem[]
  /** Where a key of the file stands, for messages: `['steps', 0, 'persona']`. Only after loading. */
  /** Only of a pipeline that could not be read in full. */
  readonly gaps?: Gaps
  readonly locate?: (path: readonly (string | number)[]) => Location
}

/**
 * Where the run's verdict stands: a field of a JSON artifact, or in a Markdown artifact the first line
 * that reads `<field>: <verdict>`, with or without list and emphasis marks.
 */
export interface VerdictSource {
  readonly step: string
  readonly artifact: string
  readonly field: string
}

export interface PipelineOutput {
  readonly name: string
  readonly step: string
  readonly artifact: string
  /** Dotted path into a JSON artifact. */
  readonly field: string | undefined
  readonly type: ArtifactType
}

/** Something to do at an event of the run: a command in the step's sandbox, or a message to the user's channel. */
export type Hook = {
  readonly name: string
  /** Glob over step ids. */
  readonly matcher: string
  readonly timeoutMs: number
} & (
  | {
      readonly type: 'command'
      readonly event: 'step_start' | 'step_completed'
      readonly command: Template
      readonly blocking: boolean
    }
  | { readonly type: 'notify'; readonly event: HookEvent; readonly channel: string }
)

export type HookEvent =
  | 'step_start'
  | 'step_completed'
  | 'step_failed'
  | 'run_start'
  | 'run_completed'
  | 'run_failed'
  | 'gate_waiting'

/** Text with `{{ }}` in it, and where it came from so that errors can point there. */
export interface Template {
  readonly text: string
  /** Where it begins. */
  readonly location: Location
  /**
   * Where pieces of it stand, by their offsets, when the file does not hold it as it is: folded, with
   * escapes, or translated. Without any, only its beginning is known.
   */
  readonly spots?: readonly Spot[]
  /** Set for what a model is told: text of others that is filled in is then marked as such. */
  readonly reader?: 'model'
}

/** Offset in a text, line, column. */
export type Spot = readonly [offset: number, line: number, column: number]

/** A CEL expression, without `{{ }}` around it. */
export type Expression = Template

export interface ModelChoice {
  /** Tier, alias or `provider/model`. Undefined: as persona and user say. */
  readonly name: string | undefined
  readonly fallbacks: readonly string[]
  readonly temperature?: number
  readonly maxOutputTokens: number | undefined
  readonly effort: Effort | undefined
}

export interface Injection {
  readonly step: string
  readonly artifact: string
  readonly as: string
  /** May be absent; then it renders as empty text. */
  readonly optional?: boolean
  /** The value of the round before, in the body of a loop. Absent in the first. */
  readonly previous?: boolean
  /** What the artifact must be declared as; for a load check only. */
  readonly type?: ArtifactType
  /** What the artifact must satisfy to be injected. */
  readonly schema?: JsonSchema
}

export interface ArtifactDeclaration {
  readonly name: string
  /** Relative, below `/work`. May be a template of trusted names. */
  readonly path: string
  readonly type: ArtifactType
  readonly required: boolean
  readonly source: 'file' | 'stdout'
  /** Fields that are read out of the step's final message when nothing valid was submitted. */
  readonly extract?: readonly FieldSpec[]
}

export interface Mount {
  /** Relative to the project, `.` for all of it. */
  readonly source: string
  readonly target: string
  readonly mode: 'readonly' | 'readwrite'
  /** What is mounted. Undefined: the tree that the run, the child or the round started from. */
  readonly from?: MountOrigin
}

export type MountOrigin =
  /** The tree that an earlier step left. */
  | { readonly ref: string }
  /** The tree that the calling step started from. */
  | { readonly ref: 'parent'; readonly parent: true }
  /** A commit in place of the working copy. */
  | { readonly base: string }

export interface Retry {
  readonly maxAttempts: number
  readonly backoff: 'fixed' | 'linear' | 'exponential'
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  /** `ignore`: neither dependents nor the outcome of the run care; only for steps that no file describes. */
  readonly onFailure: 'fail' | 'skip' | 'continue' | 'rework' | 'ignore'
  /** Of `onFailure: rework`. */
  readonly rework?: Rework
  /** Each retry takes the next stronger tier. */
  readonly escalate?: boolean
}

/** A step that runs once per item of a list. */
export interface Iterate {
  readonly items: ItemSource
  readonly mode: 'sequential' | 'parallel'
  /** Undefined: the concurrency of the run. */
  readonly maxConcurrent: number | undefined
  readonly maxItems: number
  readonly onFailure: 'fail' | 'continue'
  /** Share of the items that must succeed; undefined: none is demanded. */
  readonly minSuccessRate: number | undefined
  /** Bounds all items together; undefined: as many as the run's time allows. */
  readonly totalTimeoutMs: number | undefined
}

export type ItemSource =
  /** CEL, a list. */
  | { readonly kind: 'list'; readonly over: Expression }
  /** Text: a JSON array, one object per line, or lines. */
  | { readonly kind: 'text'; readonly text: Template }
  /** The same, from a file of the snapshot. */
  | { readonly kind: 'file'; readonly path: string; readonly location: Location }

/** A value of a JSON artifact that the summary shows. */
export interface OutcomeDeclaration {
  readonly type: 'pr' | 'issue' | 'url' | 'deployment' | 'file' | 'artifact'
  readonly extractFrom: string
  /** Dotted keys, `[n]`, `[*]`; undefined: the artifact as a whole. */
  readonly jsonPath: string | undefined
  readonly label: string | undefined
}
