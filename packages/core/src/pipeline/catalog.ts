import { WaveError } from '../errors.ts'
import { suggestionHint } from '../suggest.ts'
import type { PipelineFile } from './source.ts'

/** The pipeline of that name: the project's before the bundled one. Throws `pipeline-unknown`. */
export function findPipeline(
  name: string,
  pipelines: {
    readonly project: readonly PipelineFile[]
    readonly bundled: readonly PipelineFile[]
  },
): PipelineFile {
  const all = [...pipelines.project, ...pipelines.bundled]
  const found = all.find((file) => file.name === name)
  if (found !== undefined) return found
  const names = new Set(all.flatMap((file) => file.name ?? []))
  throw new WaveError('pipeline-unknown', `There is no pipeline "${name}".`, {
    hint: suggestPipeline(name, [...names]),
  })
}

function suggestPipeline(name: string, known: readonly string[]): string {
  const hint = suggestionHint(name, known, 'pipelines')
  const list = `Known pipelines: ${known.toSorted().join(', ')}.`
  return hint.startsWith('Did you mean') && known.length > 1 ? `${hint} ${list}` : hint
}
