import type { Problem } from '../errors.ts'
import type { Pipeline } from './pipeline.ts'
import type { Caller } from './workflow-v2/caller.ts'

/** A value, or everything that is wrong with the file it should have come from. */
export type Loaded<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false
      readonly problems: readonly [Problem, ...Problem[]]
      /** As much of it as could be read, so that more can be told about it. Not to be used otherwise. */
      readonly partial?: T
    }

/** One pipeline file as read from disk or from the package. */
export interface PipelineFile {
  /** As shown to the user: `.wave/pipelines/incident-response.yaml`. */
  readonly file: string
  /** What `metadata.name` must be. Undefined when the file was given by its path. */
  readonly name: string | undefined
  readonly bytes: Uint8Array
  readonly origin: Pipeline['origin']
}

/** The project's `.wave/` folder, for `source_path` and `schema_path`, and the pipelines that can be called. */
export interface ProjectFiles {
  /** By project-relative path. Undefined when there is no such regular file; never follows links. */
  read(path: string): Uint8Array | undefined
  /**
   * The pipeline that a step calls by this name; `from` is the file of the caller. Its own folder comes
   * first, then the root of `.wave/pipelines/`, then the bundled ones.
   */
  pipeline(name: string, from: string): PipelineFile | undefined
  /** What can be called, for suggestions. */
  pipelineNames?(): readonly string[]
  /** Which calls led here. Kept by the loader. */
  readonly calls?: Calls
}

/** The calls of one load: a pipeline that is called often is read, and its mistakes are told, once. */
export interface Calls {
  /** The callers, outermost first. */
  readonly chain: readonly PipelineFile[]
  /** By file, in a line of its own, and by what a translated workflow asks of it. */
  readonly loaded: Map<string, Loaded<Pipeline>>
  /** What the calling workflow asks of the file that is read now. */
  readonly caller?: Caller
}

/** A project without any. */
export const NO_FILES: ProjectFiles = { read: () => undefined, pipeline: () => undefined }

/** The same files, with a place for the calls of this load. */
export function withCalls(project: ProjectFiles): ProjectFiles & { readonly calls: Calls } {
  const { calls = { chain: [], loaded: new Map() } } = project
  return inCall(project, calls)
}

/** The same files, as a pipeline finds them that these calls led to. */
export function inCall(
  project: ProjectFiles,
  calls: Calls,
): ProjectFiles & { readonly calls: Calls } {
  return {
    read: (path) => project.read(path),
    pipeline: (name, from) => project.pipeline(name, from),
    pipelineNames: () => project.pipelineNames?.() ?? [],
    calls,
  }
}

/** The last part of a name such as `ops/rollback`. */
export function baseName(name: string): string {
  return name.split('/').at(-1) ?? name
}

/** Failure with the problems in the order of the file; those of other files follow. */
export function failed(problems: readonly Problem[]): {
  readonly ok: false
  readonly problems: readonly [Problem, ...Problem[]]
} {
  const short = problems.map(shortened)
  const files = [...new Set(short.map(({ location }) => location?.file))]
  const [first, ...rest] = files.flatMap((file) =>
    short.filter(({ location }) => location?.file === file).toSorted(byPlace),
  )
  if (first === undefined) throw new Error('Internal error: a failure without a problem')
  return { ok: false, problems: [first, ...rest] }
}

function byPlace(left: Problem, right: Problem): number {
  const lines = (left.location?.line ?? 0) - (right.location?.line ?? 0)
  return lines === 0 ? (left.location?.column ?? 0) - (right.location?.column ?? 0) : lines
}

/** A problem quotes of a file what is needed to find it again; names in a file can have any length. */
function shortened(problem: Problem): Problem {
  const { message, hint } = problem
  if (message.length <= MAX_SHOWN && (hint?.length ?? 0) <= MAX_SHOWN) return problem
  const short = (text: string): string => {
    const cut = text.replaceAll(/"(?<start>[^"]{60})[^"]{21,}"/gu, '"$<start>…"')
    return cut.length <= MAX_SHOWN ? cut : `${cut.slice(0, MAX_SHOWN - 2)}….`
  }
  return { ...problem, message: short(message), ...(hint !== undefined && { hint: short(hint) }) }
}

const MAX_SHOWN = 800
