import type { JsonSchema } from '../../contract/schema-fields.ts'

/** The names that exist for a template or condition, known before anything runs. */
export interface TemplateNames {
  /** Undefined: `input` does not exist here, as in a persona. */
  readonly input: 'string' | 'json' | undefined
  /** What JSON input satisfies, as far as it is known. */
  readonly inputSchema?: JsonSchema
  /** Whether `run`, `step` and their aliases exist here. */
  readonly run: boolean
  /** Injected artifacts by alias, with the schema they must satisfy, if any. */
  readonly artifacts: ReadonlyMap<string, JsonSchema | undefined>
  /** Ancestors and their artifacts. Called only when a text names a step. */
  steps(): NamedSteps
  readonly project: readonly string[]
  /** Keys of `env`. Undefined: whoever calls the pipeline decides. */
  readonly env?: readonly string[] | undefined
  /** What to do about a key of `env` that there is not, where there are none. */
  readonly envHint?: string
  /** Gates among the ancestors, each with the keys that can be chosen. Undefined: there are none. */
  gates?(): NamedGates
  /** Whether `item` and `task` exist here, and what an item satisfies, as far as it is known. */
  readonly item?: boolean
  readonly itemSchema?: JsonSchema | undefined
  readonly iteration?: boolean
  /** Names that only a translated workflow uses; they have been checked by the translator. */
  readonly extra?: readonly string[]
  /** Names of which too little is known to say anything: the file has other mistakes. */
  isVague?(segments: readonly Segment[]): boolean
  /** Only trusted names may stand here: the text becomes a command. */
  readonly trustedOnly: boolean
}

/** Steps by id, each with its artifacts and the schemas they satisfy, if any. A map is one. */
export interface NamedSteps {
  get(id: string): ReadonlyMap<string, JsonSchema | undefined> | undefined
  keys(): Iterable<string>
  /** Why a step that there is cannot be named. */
  explain?(id: string): NameComplaint | undefined
}

export interface NamedGates {
  get(id: string): readonly string[] | undefined
  keys(): Iterable<string>
}

/** One part of `steps.triage.outcome`. Undefined: computed when the template is rendered. */
export type Segment = string | number | undefined

export interface NameComplaint {
  readonly message: string
  readonly hint?: string
}
