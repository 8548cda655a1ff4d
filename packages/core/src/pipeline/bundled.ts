import { readdirSync, readFileSync } from 'node:fs'
import type { PipelineFile, ProjectFiles } from './source.ts'

// The same relative depth from src/ and from dist/.
const FOLDER = new URL('../../builtin/pipelines/', import.meta.url)
const ENDING = '.yaml'

/** The pipelines that come with wave. */
export function bundledPipelines(): PipelineFile[] {
  return bundledPipelineNames().map(readBundled)
}

/** The bundled pipeline of that name, if there is one. */
export function bundledPipeline(name: string): PipelineFile | undefined {
  return bundledPipelineNames().includes(name) ? readBundled(name) : undefined
}

/** What bundled pipelines see: each other, and nothing of a project. */
export const BUNDLED_FILES: ProjectFiles = {
  read: () => undefined,
  pipeline: bundledPipeline,
  pipelineNames: bundledPipelineNames,
}

export function bundledPipelineNames(): string[] {
  return readdirSync(FOLDER)
    .filter((entry) => entry.endsWith(ENDING))
    .map((entry) => entry.slice(0, -ENDING.length))
    .toSorted()
}

function readBundled(name: string): PipelineFile {
  return {
    file: `bundled/pipelines/${name}${ENDING}`,
    name,
    bytes: readFileSync(new URL(name + ENDING, FOLDER)),
    origin: 'bundled',
  }
}
