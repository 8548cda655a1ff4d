/**
 * What the engine asks of the outside world. Everything else in core is logic over these.
 * Non-zero exits, provider failures and missing files are results; an exception is either a
 * `WaveError` (the user can fix it) or a bug.
 */
import type { Effort, ModelEvent, ModelParameter, ModelRequest, Usage } from './agent/messages.ts'
import type {
  ArtifactRef,
  ArtifactType,
  CallAmount,
  NewRunEvent,
  NewStepEvent,
  RunEvent,
  StepFailure,
  Verdict,
} from './events.ts'
import type { PlannedStep } from './pipeline/plan/plan.ts'
import type { Redactor } from './redact.ts'
import type { RecordedReplies } from './run/resume/replies.ts'
import type { Patch, Snapshot } from './snapshot.ts'
import type {
  Collected,
  Entry,
  FileResult,
  GrepQuery,
  HistoryRequest,
  Match,
} from './workspace-questions.ts'

export type * from './snapshot.ts'
export type * from './workspace-questions.ts'

// ── Time and identity ────────────────────────────────────────────────────────────────────────────

export interface Clock {
  /** UTC, ISO 8601 with milliseconds. For people: nothing sorts, expires or decides by it. */
  nowUtc(): string
  /** Milliseconds that never go backwards. Only differences mean anything. */
  monotonicMs(): number
  /** Calls back once after `ms`, unless disposed before. Does not keep the process alive by itself. */
  after(ms: number, callback: () => void): Disposable
}

export interface Ids {
  /** UTC, sortable, safe as a file name and in a container name: `^[a-z0-9][a-z0-9-]{0,40}$`. */
  runId(): string
  /** Uniform in [0, 1). */
  fraction(): number
}

// ── Workspaces ───────────────────────────────────────────────────────────────────────────────────

/**
 * What a step may ask for. It cannot express host paths, capabilities, network, users or environment.
 */
export interface WorkspaceSpec {
  readonly run: string
  readonly step: string
  readonly attempt: number
  /** A name of the user's image allow-list. Undefined: the user's default. */
  readonly image?: string
  /** Undefined: the step sees only its scratch directory. */
  readonly mount: WorkspaceMount | undefined
  /** Put at `/work/artifacts/<as>`, read-only. */
  readonly inputs: readonly { readonly as: string; readonly content: Uint8Array }[]
}

export interface WorkspaceMount {
  readonly snapshot: Snapshot
  /** Folder inside the snapshot, `.` for all of it. */
  readonly source: string
  /** Absolute path in the workspace. */
  readonly target: string
  readonly mode: 'readonly' | 'readwrite'
}

export interface WorkspaceProvider {
  readonly kind: 'docker' | 'local'
  /** Digest of the image that workspaces run; undefined for `local`. */
  readonly image: string | undefined
  /** Digests of the other images that steps name, as far as they are known. */
  readonly images?: Readonly<Record<string, string>> | undefined
  /** `local` workspaces execute nothing: no `exec`, no `write`. */
  readonly canExecute: boolean
  /** Throws `WaveError` when the environment is at fault, for example `docker-unreachable`, `image-missing`, `disk-full`. */
  open(spec: WorkspaceSpec, signal: AbortSignal): Promise<Workspace>
}

export interface ExecLimits {
  /** Absolute; default: the mount target, else `/work`. */
  readonly cwd?: string
  readonly timeoutMs: number
  /** Output beyond this many bytes ends the command. */
  readonly maxOutputBytes: number
  /** Extra variables for the command, such as `WAVE_ARTIFACT_TRIAGE`. Never secrets. */
  readonly env?: Readonly<Record<string, string>>
}

export interface ExecResult {
  /** Undefined when the command was stopped. */
  readonly exitCode: number | undefined
  readonly stopped: 'timeout' | 'output-limit' | 'cancelled' | 'oom' | undefined
  /** Standard output and standard error as they came. */
  readonly output: Uint8Array
  readonly stdout: Uint8Array
}

/**
 * What a step sees. Paths are absolute (`/src/…`, `/work/…`) or relative to the mount target.
 * Rejects with `WorkspaceLost` when the sandbox died; disposing ends every process in it.
 */
export interface Workspace extends AsyncDisposable {
  readonly canExecute: boolean
  /** A non-zero exit, a timeout and an output limit are results. `shell` runs under `bash -c`. */
  exec(
    command: readonly string[] | { readonly shell: string },
    limits: ExecLimits,
    signal?: AbortSignal,
  ): Promise<ExecResult>
  /** At most `maxBytes` bytes from `offset`. */
  read(
    path: string,
    range?: { readonly offset: number; readonly maxBytes: number },
  ): Promise<FileResult<Uint8Array>>
  write(path: string, content: Uint8Array): Promise<FileResult<void>>
  /** The entries of one directory, by name. */
  list(path: string): Promise<FileResult<readonly Entry[]>>
  /** Files whose path below `path` matches, at most `max`. */
  glob(pattern: string, path: string, max: number): Promise<FileResult<readonly string[]>>
  grep(
    query: GrepQuery,
  ): Promise<FileResult<{ readonly matches: readonly Match[]; readonly truncated: boolean }>>
  /** Text as git prints it. Needs a mount with history. */
  history(request: HistoryRequest): Promise<FileResult<string>>
  /** One regular file at a declared path below `/work`, parsed and capped; call after the runner has ended. */
  collect(path: string): Promise<Collected>
  /** What a read-write step changed, computed on the host against the tree the step started from. */
  diff(): Promise<Patch | undefined>
}

// ── Models ───────────────────────────────────────────────────────────────────────────────────────

/**
 * A language model. Never throws for provider failures and never retries by itself: every stream ends
 * in exactly one terminal event, `done` or `failed`. `done` carries a complete reply; a partial one is
 * a failure. An aborted stream may simply end.
 */
export interface Model {
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>
}

/** A model that a plan names, resolved through the user's configuration. */
export interface ResolvedModel {
  readonly provider: string
  /** The provider's own id. */
  readonly model: string
  readonly contextTokens: number
  readonly maxOutputTokens: number
  /** Parameters that it takes or refuses, as far as that is known. Others are sent, and left out once refused. */
  readonly takes?: Readonly<Partial<Record<ModelParameter, boolean>>>
  /** The most effort that can be asked of it; more is cut to that. Undefined: any. */
  readonly maxEffort?: Effort
  /** US dollars of a call; undefined when the price is unknown. */
  cost(usage: Usage): number | undefined
  /** Loads the provider's SDK on first use. */
  open(): Promise<Model>
}

// ── Steps ────────────────────────────────────────────────────────────────────────────────────────

/** An artifact of an earlier step, as injected into this one. */
export interface InjectedArtifact {
  readonly as: string
  readonly type: ArtifactType
  readonly ref: ArtifactRef
  /** Path in the workspace: `/work/artifacts/<as>`. */
  readonly path: string
  readonly content: Uint8Array
  /** The step that made it; `wave` for facts that wave collected itself. */
  readonly origin: string
}

/** Why the attempt before this one failed, for the persona to read. */
export interface PreviousAttempt {
  readonly failure: StepFailure
  readonly problems: readonly string[]
  /** The end of what the model said last, at most 2,000 characters. */
  readonly lastText: string
}

/** All that a runner gets. It cannot reach the project, the journal or other steps. */
export interface StepContext {
  readonly run: { readonly id: string; readonly name: string; readonly startedAt: string }
  readonly planned: PlannedStep
  readonly attempt: number
  /** The rendered `exec.source` or `script`. */
  readonly task: string
  /** The run's input, byte for byte. */
  readonly input: string
  /** `env.*` of the pipeline. */
  readonly env?: Readonly<Record<string, string>>
  /** Of a fan-out. */
  readonly item?: unknown
  readonly inputs: readonly InjectedArtifact[]
  /** The tree that the step starts from. */
  readonly snapshot: Snapshot
  readonly previous: PreviousAttempt | undefined
  readonly clock: Clock
  readonly ids: Ids
  readonly store: ArtifactStore
  /** Replies that an attempt of this step, which was cut off, has paid for. */
  readonly recorded?: RecordedReplies | undefined
  /** Aborted on cancel, on the step's timeout and when the run ends; `signal.reason` is a `StepFailure`. */
  readonly signal: AbortSignal
  /** Opened on first use, closed by the engine. */
  workspace(): Promise<Workspace>
  /** Every problem of these candidate artifacts: presence, type and artifact contracts. Empty: acceptable. */
  check(artifacts: ReadonlyMap<string, Uint8Array>): Promise<readonly string[]>
  /**
   * Takes secrets out of whatever comes from outside (commands, files, models), before it is cut, kept or
   * sent on. Undefined: there are none. Events and artifacts need none of it: the engine does it.
   */
  readonly redact?: Redactor | undefined
  /** Journals an event. It is durable when this returns. */
  emit(event: NewStepEvent): void
  /** Reserves money and tokens of the run before a call, or says which limit forbids it. */
  readonly budget: Budget
}

/** The run's money and tokens, shared by its steps. */
export interface Budget {
  /** Undefined: go ahead. */
  reserve(worst: CallAmount): StepFailure | undefined
  /**
   * Replaces the last reservation of this step by what was used. `last-call`: after one more call like
   * this one, the next would be refused.
   */
  settle(used: CallAmount): 'last-call' | undefined
}

export type StepOutcome =
  | {
      readonly status: 'succeeded'
      /** By artifact name. What is missing here is collected from the workspace at the declared path. */
      readonly artifacts: ReadonlyMap<string, Uint8Array>
      /** Overrides the message of the `completed` line. */
      readonly message?: string
      readonly verdict?: Verdict
      /** A proposal made on the host; a read-write workspace's changes are found by the engine. */
      readonly patch?: Patch
      /** It went well only in part: the run ends `partial`. */
      readonly partial?: true
      readonly usage: Usage | undefined
      readonly lastText?: string
    }
  | {
      readonly status: 'failed'
      readonly failure: StepFailure
      readonly usage: Usage | undefined
      readonly lastText?: string
    }

/** What performs a step that is not made of others: agent, command, evidence. Retries, contracts and storage are not its business. */
export interface StepRunner {
  run(context: StepContext): Promise<StepOutcome>
}

// ── Storage ──────────────────────────────────────────────────────────────────────────────────────

/** Equal bytes give equal refs. `put` returns after the bytes are durable; `get` verifies the digest. */
export interface ArtifactStore {
  put(content: Uint8Array): ArtifactRef
  get(ref: ArtifactRef): Uint8Array
}

/** One writer. An appended event is on disk when `append` returns. */
export interface Journal extends Disposable {
  append(event: NewRunEvent): RunEvent
  /** Several events under one fsync, for steps that became ready together. */
  appendAll(events: readonly NewRunEvent[]): readonly RunEvent[]
}
