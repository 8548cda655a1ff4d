import type { PipelineFile } from '@wave/core'
import type { ProjectConfig } from './config/schema.ts'
import type { LimitOptions } from './prepare.ts'

/** Its place among the frozen files: no file of a project is called this. */
export const SETTINGS = ':settings'

/** What a run was started with besides files. */
export interface FrozenSettings {
  readonly version: 1
  /** Where the run was started. */
  readonly cwd: string
  readonly pipeline: NamedFile
  readonly calls: readonly {
    readonly name: string
    readonly from: string
    readonly file: NamedFile
  }[]
  /** `.wave/config.yaml`. */
  readonly config: ProjectConfig
  readonly mode: 'model' | 'evidence'
  /** See `PlanSources`. */
  readonly models: Readonly<Record<string, string>>
  readonly answers: Readonly<Record<string, string>>
  readonly excluded: readonly string[]
  readonly options: LimitOptions & {
    readonly provider?: string
    readonly model?: string
    readonly cache?: boolean
  }
  /** `WAVE_MAX_USD`. */
  readonly maxUsdOfEnvironment?: string
}

/** A pipeline file; its bytes are frozen under `file`. */
export interface NamedFile {
  readonly file: string
  readonly name?: string
  readonly origin: PipelineFile['origin']
}
