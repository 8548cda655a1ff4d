import { expect } from 'vitest'
import { loadPipeline } from '../pipeline/load.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { NO_FILES } from '../pipeline/source.ts'
import type { Loaded } from '../pipeline/source.ts'

/** Loads the text of a pipeline file; `files` are those below `.wave/` that it can name. */
function loadText(text: string, files: Readonly<Record<string, string>> = {}): Loaded<Pipeline> {
  const bytes = new TextEncoder().encode(text)
  const source = { file: 'p.yaml', name: undefined, bytes, origin: 'path' as const }
  const read = (path: string): Uint8Array | undefined =>
    files[path] === undefined ? undefined : new TextEncoder().encode(files[path])
  return loadPipeline(source, { ...NO_FILES, read })
}

/** The pipeline of a text that must load. */
export function pipelineOf(text: string, files: Readonly<Record<string, string>> = {}): Pipeline {
  const result = loadText(text, files)
  if (!result.ok) throw new Error(JSON.stringify(result.problems, undefined, 2))
  return result.value
}

/** What is told about a text: places, and messages with their hints. */
export function toldOf(text: string, files: Readonly<Record<string, string>> = {}): unknown {
  const result = loadText(text, files)
  const problems = result.ok ? [] : result.problems
  return problems.map(({ location, message, hint }) => ({
    place: `${location?.line}:${location?.column}`,
    text: hint === undefined ? message : `${message} | ${hint}`,
  }))
}

/** To compare with `toldOf`: `8:35 …`, the place and a part of the text. */
export function problem(expected: string): unknown {
  const [place, ...words] = expected.split(' ')
  return { place, text: expect.stringContaining(words.join(' ')) }
}
