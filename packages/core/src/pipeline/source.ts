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

/** The last part of a name such as `ops/rollback`. */
export function baseName(name: string): string {
  return name.split('/').at(-1) ?? name
}

/** Failure with the problems in the order of the file. */
export function failed(problems: readonly Problem[]): {
  readonly ok: false
  readonly problems: readonly [Problem, ...Problem[]]
} {
  const [first, ...rest] = problems.toSorted(byPlace)
  if (first === undefined) throw new Error('Internal error: a failure without a problem')
  return { ok: false, problems: [first, ...rest] }
}

function byPlace(left: Problem, right: Problem): number {
  const lines = (left.location?.line ?? 0) - (right.location?.line ?? 0)
  return lines === 0 ? (left.location?.column ?? 0) - (right.location?.column ?? 0) : lines
}
