/**
 * A pipeline after loading: checked for shape, with defaults filled in, free of dialect. The plan
 * (plan.ts) then checks what depends on personas, models and limits.
 */
import type { Effort } from '../agent/messages.ts'
import type { Location } from '../errors.ts'
import type { ArtifactType } from '../events.ts'
import type { Permissions } from '../persona/persona.ts'

export interface Pipeline {
  readonly name: string
  readonly description: string
  readonly origin: 'bundled' | 'project' | 'path'
  /** As shown to the user, for example `.wave/pipelines/incident-response.yaml`. */
  readonly file: string
  /** SHA-256, hex, of the file's bytes. */
  readonly digest: string
  readonly input: {
    readonly source: 'cli' | 'file'
    readonly type: 'string' | 'json'
    readonly example: string | undefined
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
  /** In file order. */
  readonly steps: readonly Step[]
  /** Where a key of the file stands, for messages: `['steps', 0, 'persona']`. Only after loading. */
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

export type Step = PromptStep | CommandStep

interface StepBase {
  readonly id: string
  readonly dependencies: readonly string[]
  readonly inject: readonly Injection[]
  readonly artifacts: readonly ArtifactDeclaration[]
  readonly mount: Mount | undefined
  readonly contracts: readonly Contract[]
  readonly retry: Retry
  /** Bounds one attempt, container start to artifacts stored. */
  readonly timeoutMs: number
  readonly message: string | undefined
  /** Where the step stands in its file. */
  readonly location: Location
}

export interface PromptStep extends StepBase {
  readonly kind: 'prompt'
  readonly persona: string
  readonly task: Template
  readonly model: ModelChoice | undefined
  readonly permissions: Permissions | undefined
  readonly turns: number
  /** `triage` for `stand_in: evidence/triage`. */
  readonly standIn: string | undefined
}

export interface CommandStep extends StepBase {
  readonly kind: 'command'
  readonly script: Template
  readonly dir: string | undefined
}

/** Text with `{{ }}` in it, and where it came from so that errors can point there. */
export interface Template {
  readonly text: string
  readonly location: Location
}

export interface ModelChoice {
  /** Tier, alias or `provider/model`. */
  readonly name: string
  readonly fallbacks: readonly string[]
  readonly maxOutputTokens: number | undefined
  readonly effort: Effort | undefined
}

export interface Injection {
  readonly step: string
  readonly artifact: string
  readonly as: string
}

export interface ArtifactDeclaration {
  readonly name: string
  /** Relative, below `/work`. */
  readonly path: string
  readonly type: ArtifactType
  readonly required: boolean
  readonly source: 'file' | 'stdout'
}

export interface Mount {
  /** Relative to the project, `.` for all of it. */
  readonly source: string
  readonly target: string
  readonly mode: 'readonly' | 'readwrite'
}

export interface Retry {
  readonly maxAttempts: number
  readonly backoff: 'fixed' | 'linear' | 'exponential'
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  readonly onFailure: 'fail' | 'skip' | 'continue'
}

interface ContractBase {
  /** `warn`: never fails an attempt. `rejected`: no retry, the run ends `rejected`. */
  readonly onFailure: 'fail' | 'skip' | 'continue' | 'warn' | 'rejected' | undefined
}

export type Contract =
  | (ContractBase & {
      readonly type: 'json_schema'
      readonly source: string
      readonly schema: Readonly<Record<string, unknown>>
    })
  | (ContractBase & { readonly type: 'non_empty_file'; readonly source: string })
  | (ContractBase & {
      readonly type: 'markdown_spec'
      readonly source: string
      readonly sections: readonly string[]
      readonly maxUnresolved: number
    })
