import type { Location } from '../errors.ts'
import type { Permissions } from '../persona/persona.ts'
import type { Contract } from './contracts.ts'
import type {
  ArtifactDeclaration,
  Expression,
  Injection,
  Iterate,
  ModelChoice,
  Mount,
  OutcomeDeclaration,
  Pipeline,
  Retry,
  Template,
} from './pipeline.ts'

export type Step =
  | PromptStep
  | CommandStep
  | PipelineStep
  | BranchStep
  | LoopStep
  | GateStep
  | AggregateStep

interface StepBase {
  readonly id: string
  readonly dependencies: readonly string[]
  /** CEL; false: the step is skipped. */
  readonly when?: Expression
  readonly inject: readonly Injection[]
  /** Of steps that call others: what those hand over. */
  readonly artifacts: readonly ArtifactDeclaration[]
  readonly mount: Mount | undefined
  /** A name of the user's image allow-list; undefined: the user's default. */
  readonly image?: string
  readonly contracts: readonly Contract[]
  readonly retry: Retry
  /**
   * Bounds one attempt, container start to artifacts stored; of a fan-out, that of each item. Infinity: only
   * the run's time does, the default of steps that are made of others.
   */
  readonly timeoutMs: number
  /** Never scheduled by the graph: only repairs another step. */
  readonly reworkOnly?: boolean
  readonly iterate?: Iterate
  readonly outcomes?: readonly OutcomeDeclaration[]
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
  /** Of all attempts together. */
  readonly limits?: { readonly tokens: number | undefined; readonly usd: number | undefined }
  /** `triage` for `stand_in: evidence/triage`. */
  readonly standIn: string | undefined
}

export interface CommandStep extends StepBase {
  readonly kind: 'command'
  readonly script: Template
  readonly dir: string | undefined
}

/** Calls another pipeline, whose outputs become the artifacts of this step. */
export interface PipelineStep extends StepBase {
  readonly kind: 'pipeline'
  readonly child: Pipeline
  readonly input: ChildInput
  /** `env.*` of the child. */
  readonly env: Readonly<Record<string, Template>>
}

/** One text; or named values, from which a JSON object is made. Undefined: the caller's own input. */
export type ChildInput =
  | { readonly text: Template }
  | { readonly fields: Readonly<Record<string, Template>> }
  | undefined

/** A value chooses which pipeline is called. */
export interface BranchStep extends StepBase {
  readonly kind: 'branch'
  /** CEL, a string. */
  readonly on: Expression
  readonly cases: Readonly<Record<string, Pipeline | 'skip'>>
  readonly otherwise: Pipeline | 'skip' | undefined
  readonly input: ChildInput
}

/** Runs its own steps again and again. */
export interface LoopStep extends StepBase {
  readonly kind: 'loop'
  /** What the file calls it, where that is not a loop. */
  readonly shownAs?: 'consensus'
  readonly maxIterations: number
  /** CEL over the body's artifacts, asked after each round. Undefined: exactly `maxIterations` rounds. */
  readonly until: Expression | undefined
  readonly onExhausted: 'fail' | 'continue'
  readonly steps: readonly Step[]
  /** A text artifact of the body of which the loop keeps those of all rounds, as its artifact `rounds`. */
  readonly keeps?: string
}

/** Waits for a person, or for a time. */
export interface GateStep extends StepBase {
  readonly kind: 'gate'
  readonly gate: {
    readonly type: 'approval' | 'timer'
    readonly message: Template | undefined
    readonly choices: readonly {
      readonly key: string
      readonly label: string
      /** Ends the run `rejected`. */
      readonly fail: boolean
    }[]
    /** Undefined: it waits without end. */
    readonly waitMs: number | undefined
    readonly defaultChoice: string | undefined
    readonly freeform: boolean
  }
}

/** Joins artifacts of several steps into one. */
export interface AggregateStep extends StepBase {
  readonly kind: 'aggregate'
  readonly from: readonly { readonly step: string; readonly artifact: string }[]
  readonly strategy: AggregateStrategy
}

export type AggregateStrategy =
  | { readonly type: 'concat' | 'merge_objects' }
  | { readonly type: 'merge_arrays'; readonly key: string | undefined }
  | VoteStrategy

export interface VoteStrategy {
  readonly type: 'vote'
  readonly require: 'unanimous' | 'majority' | { readonly votes: number; readonly of: number }
  readonly allowPartial: boolean
  /** Undefined: a whole one-line reply is the verdict. */
  readonly verdicts: readonly string[] | undefined
  /** Of a JSON ballot. */
  readonly field: string
}
