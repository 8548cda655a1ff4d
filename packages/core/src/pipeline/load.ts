import { createHash } from 'node:crypto'
import type { Location } from '../errors.ts'
import type { Pipeline } from './pipeline.ts'
import { loadReading } from '../lazy.ts'
import { prebuilt } from '../prebuilt.ts'
import type { PipelineContent } from './read/read-pipeline.ts'
import { baseName } from './source.ts'
import type { Loaded, PipelineFile, ProjectFiles } from './source.ts'

/** Reads a pipeline file. Every mistake is told at once, in file order. */
export function loadPipeline(source: PipelineFile, project: ProjectFiles): Loaded<Pipeline> {
  const digest = createHash('sha256').update(source.bytes).digest('hex')
  const known = prebuilt().pipelines[digest]
  const isNamedWell = source.name === undefined || baseName(source.name) === known?.name
  const read: Loaded<PipelineContent> =
    known !== undefined && isNamedWell
      ? { ok: true, value: standAt(known, source, project) }
      : loadReading().readPipeline(source, project)
  const stand = { origin: source.origin, digest }
  if (read.ok) return { ok: true, value: { ...read.value, ...stand } }
  const { problems, partial } = read
  return { ok: false, problems, ...(partial && { partial: { ...partial, ...stand } }) }
}

/** A prebuilt pipeline, as if it had been read from this file. */
function standAt(
  content: PipelineContent,
  source: PipelineFile,
  project: ProjectFiles,
): PipelineContent {
  const { file } = source
  const isOwn = (value: unknown): value is Location =>
    typeof value === 'object' && value !== null && 'file' in value && value.file === content.file
  const moved: PipelineContent = JSON.parse(JSON.stringify(content), (key, value: unknown) =>
    key === 'location' && isOwn(value) ? { ...value, file } : value,
  )
  // Needed only when the plan finds a problem; then the file is read after all.
  const locate = (path: readonly (string | number)[]): Location => {
    const read = loadReading().readPipeline(source, project)
    return (read.ok ? read.value.locate?.(path) : undefined) ?? { file, line: 1, column: 1 }
  }
  return { ...moved, file, locate }
}
