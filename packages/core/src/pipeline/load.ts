import type { Problem } from '../errors.ts'
import type { Pipeline } from './pipeline.ts'

/** A value, or everything that is wrong with the file it should have come from. */
export type Loaded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly [Problem, ...Problem[]] }

/** One pipeline file as read from disk or from the package. */
export interface PipelineFile {
  /** As shown to the user: `.wave/pipelines/incident-response.yaml`. */
  readonly file: string
  /** What `metadata.name` must be. Undefined when the file was given by its path. */
  readonly name: string | undefined
  readonly bytes: Uint8Array
  readonly origin: Pipeline['origin']
}

/** The project's `.wave/` folder, for `source_path` and `schema_path`. */
export interface ProjectFiles {
  /** By project-relative path. Undefined when there is no such regular file; never follows links. */
  read(path: string): Uint8Array | undefined
}

/** Reads a pipeline file. Every mistake is told at once, in file order. */
export function loadPipeline(_source: PipelineFile, _project: ProjectFiles): Loaded<Pipeline> {
  throw new Error('Internal error: not written yet')
}
