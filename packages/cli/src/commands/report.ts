import { writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { WaveError } from '@wave/core/language'
import { auditTrail } from '@wave/core/inspection'
import { cleanArtifact, readRunEvents, StoredBytes } from '@wave/core/runs'
import { attachAudit } from '../attached-audit.ts'
import type { Invocation } from '../invocation.ts'
import { renderNote } from '../render/problem.ts'
import { reportUnwritable } from '../report-file.ts'
import { listArtifacts, type ListedArtifact, nameOf } from '../runs/artifact-list.ts'
import { openRun } from '../runs/open-runs.ts'
import { printContent } from '../runs/print-content.ts'

interface ReportOptions {
  readonly report?: string
  readonly audit?: boolean
}

/** The final report of a run: the Markdown document that its last step delivered, and who did what in the run. */
export async function report(
  invocation: Invocation,
  options: ReportOptions,
  [prefix = '']: readonly string[],
): Promise<number> {
  const { output, directory } = await openRun(invocation, prefix)
  const reports = listArtifacts(directory).filter(isReport)
  const artifact = reports.at(-1)
  if (artifact === undefined) throw noReport(directory)
  const alone = await readReport(directory, artifact)
  const isJson = output === 'json' && options.report === undefined
  const content = options.audit === false || isJson ? alone : attachAudit(alone, directory)
  const more =
    options.audit === false || !isJson ? {} : { audit: auditTrail(readRunEvents(directory)) }
  if (options.report === undefined)
    printContent(invocation, { output, directory, artifact, content, more })
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
