import type { Problem } from '../errors.ts'
import type { ArtifactType } from '../events.ts'
import type { Template } from './pipeline.ts'

/** The values that a template can read when it is rendered. */
export interface TemplateScope {
  /** The run's input: text, or the parsed value with `input.type: json`. */
  readonly input: unknown
  readonly run: { readonly id: string; readonly name: string; readonly started_at: string }
  readonly step: { readonly id: string; readonly attempt: number }
  /** Injected artifacts by alias. */
  readonly artifacts: ReadonlyMap<string, TemplateArtifact>
  /** Ancestors by id. */
  readonly steps: ReadonlyMap<string, TemplateStep>
  readonly project: Readonly<Record<string, string | readonly string[]>>
}

export interface TemplateArtifact {
  /** Path in the workspace. */
  readonly path: string
  readonly type: ArtifactType
  readonly sizeBytes: number
  readonly content: Uint8Array
}

export interface TemplateStep {
  readonly outcome: 'completed' | 'failed' | 'skipped'
  readonly artifacts: ReadonlyMap<
    string,
    { readonly type: ArtifactType; readonly content: Uint8Array }
  >
}

/** The names that exist for a template, known before anything runs. */
export interface TemplateNames {
  /** Undefined: `input` does not exist here, as in a persona. */
  readonly input: 'string' | 'json' | undefined
  /** Whether `run`, `step` and their aliases exist here. */
  readonly run: boolean
  /** Aliases of the injected artifacts. */
  readonly artifacts: readonly string[]
  /** Ancestors and their artifact names. Called only when a template names a step. */
  steps(): ReadonlyMap<string, readonly string[]>
  readonly project: readonly string[]
  /** Only trusted names may stand here: the text becomes a command. */
  readonly trustedOnly: boolean
}

export type Rendered =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string }

/** Fills a template in, once: inserted text is never expanded again. */
export function renderTemplate(_template: Template, _scope: TemplateScope): Rendered {
  throw new Error('Internal error: not written yet')
}

/** Every unknown name, unknown filter and syntax error, with its place in the file. */
export function checkTemplate(_template: Template, _names: TemplateNames): Problem[] {
  throw new Error('Internal error: not written yet')
}
