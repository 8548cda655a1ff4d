import { writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { WaveError } from '@wave/core/language'
import { cleanArtifact, StoredBytes } from '@wave/core/runs'
import type { Invocation } from '../invocation.ts'
import { renderNote } from '../render/problem.ts'
import { reportUnwritable } from '../report-file.ts'
import { listArtifacts, type ListedArtifact, nameOf } from '../runs/artifact-list.ts'
import { openRun } from '../runs/open-runs.ts'
import { printContent } from '../runs/print-content.ts'

interface ReportOptions {
  readonly report?: string
}

/** The final report of a run: the Markdown document that its last step delivered. */
export async function report(
  invocation: Invocation,
  options: ReportOptions,
  [prefix = '']: readonly string[],
): Promise<number> {
  const { output, directory } = await openRun(invocation, prefix)
  const reports = listArtifacts(directory).filter(isReport)
  const artifact = reports.at(-1)
  if (artifact === undefined) throw noReport(directory)
  const content = await readReport(directory, artifact)
  if (options.report === undefined)
    printContent(invocation, { output, directory, artifact, content })
  else write(resolve(invocation.cwd, options.report), content)
  if (reports.length > 1 && output === 'text') tellOthers(invocation, directory, reports)
  return 0
}

function isReport({ leaf, path }: ListedArtifact): boolean {
  return leaf && /\.(?:md|markdown)$/iu.test(path)
}

/** What is stored was made inert, unless the folder of the run came from somewhere else. */
async function readReport(directory: string, artifact: ListedArtifact): Promise<Uint8Array> {
  const stored = new StoredBytes(directory).get(artifact)
  const { content } = await cleanArtifact({ ...artifact, type: 'markdown' }, stored, undefined)
  return content
}

function write(path: string, content: Uint8Array): void {
  try {
    writeFileSync(path, content)
  } catch (cause) {
    throw reportUnwritable(path, cause)
  }
}

function tellOthers(
  { host }: Invocation,
  directory: string,
  reports: readonly ListedArtifact[],
): void {
  const others = reports.slice(0, -1).map(nameOf).join(', ')
  const how = `wave artifacts ${basename(directory)} <step>/<name>`
  host.err.write(renderNote(`The run delivered more documents: ${others}. To print one: ${how}`))
}

function noReport(directory: string): WaveError {
  return new WaveError('no-report', `Run ${basename(directory)} delivered no report.`, {
    hint: `See what it has: wave status ${basename(directory)}`,
  })
}
