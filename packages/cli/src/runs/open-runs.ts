import { findRun, runsFolder } from '@wave/core/runs'
import { loadConfig } from '../config/load.ts'
import type { Invocation, OutputMode } from '../invocation.ts'
import { findProject } from '../project.ts'

/** Where the runs of this project lie, and how the user wants to be told of them. */
export interface OpenRuns {
  readonly output: OutputMode
  readonly folder: string
  /** Of the project. */
  readonly root: string
  readonly dataDir: string
}

export async function openRuns(invocation: Invocation): Promise<OpenRuns> {
  const project = findProject(invocation.cwd)
  const { output, paths } = await loadConfig(invocation, project)
  const { root } = project
  return { output, folder: runsFolder(root), root, dataDir: paths.dataDir }
}

/** The same, with the folder of one run: by a unique prefix of its id, or the newest as `last`. */
export async function openRun(
  invocation: Invocation,
  prefix: string,
): Promise<OpenRuns & { readonly directory: string }> {
  const opened = await openRuns(invocation)
  return { ...opened, directory: findRun(opened.folder, prefix) }
}
