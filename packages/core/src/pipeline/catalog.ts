import type { PipelineFile } from './load.ts'

/** The pipeline of that name: the project's before the bundled one. Throws `pipeline-unknown`. */
export function findPipeline(
  _name: string,
  _pipelines: {
    readonly project: readonly PipelineFile[]
    readonly bundled: readonly PipelineFile[]
  },
): PipelineFile {
  throw new Error('Internal error: not written yet')
}
