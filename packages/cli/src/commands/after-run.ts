import { appendFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { FileArtifactStore, type RunResult, runsFolder, WaveError } from '@wave/core'
import { applyPatches } from '@wave/workspace'
import { tellFinished } from '../finished-apply.ts'
import { handedOver } from '../handed-over.ts'
import type { Invocation } from '../invocation.ts'
import { keepAudit } from '../keep-audit.ts'
import type { PreparedRun, RunOptions } from '../prepare.ts'
import { renderNote, renderProblem } from '../render/problem.ts'
import { reportUnwritable } from '../report-file.ts'
import { lockRun, readRunPatches } from '../run-patches.ts'

interface FinishedRun {
  readonly prepared: PreparedRun
  readonly options: RunOptions
  readonly result: RunResult
}

/** What comes after the run itself: its audit trail, and if asked a copy of the report and its patch. Gives the exit code. */
export async function afterRun(invocation: Invocation, finished: FinishedRun): Promise<number> {
  const { options, result } = finished
  keepAudit(invocation, finished.prepared.project.root, result.runId)
  writeReport(invocation, finished)
  if (options.apply !== true) return result.exitCode
  if (result.exitCode === 0) return await applyChanges(invocation, finished)
  if (handedOver(result.state).length > 0) {
    const by = `To apply it all the same: wave apply ${result.runId}`
    invocation.host.err.write(
      renderNote(`The patch is not applied: the run did not succeed. ${by}`),
    )
  }
  return result.exitCode
}

function writeReport(invocation: Invocation, finished: FinishedRun): void {
  const { host, cwd } = invocation
  const target = finished.options.report
  const summary = host.env['GITHUB_STEP_SUMMARY']
  if (target === undefined && !summary) return
  const report = readReport(finished)
  if (report === undefined) return
  if (summary) append(summary, report)
  if (target === undefined) return
  try {
    writeFileSync(resolve(cwd, target), report)
  } catch (cause) {
    throw reportUnwritable(target, cause)
  }
}

/** The last Markdown artifact that stands in the summary. */
function readReport({ prepared, result }: FinishedRun): Uint8Array | undefined {
  const leaves = result.delivered.filter((file) => file.leaf && file.path.endsWith('.md'))
  const last = leaves.at(-1)
  const artifact =
    last && result.state.steps.get(last.step)?.artifacts.find(({ name }) => name === last.name)
  const run = join(runsFolder(prepared.project.root), result.runId)
  return artifact && new FileArtifactStore(join(run, 'store')).get(artifact)
}

function append(file: string, report: Uint8Array): void {
  try {
    appendFileSync(file, report)
  } catch {
    // A convenience of the CI system; the report is in output/ all the same.
  }
}

const APPLIED = 'Applied. Nothing is staged or committed.\n'

/** `--apply` takes no flagged path: those need a person. */
async function applyChanges(invocation: Invocation, finished: FinishedRun): Promise<number> {
  const { prepared, result } = finished
  const { root } = prepared.project
  const { dataDir } = prepared.config.paths
  try {
    const directory = join(runsFolder(root), result.runId)
    using _ = lockRun(directory)
    const changes = readRunPatches(directory)
    const applied = await applyPatches({ root, dataDir, ...changes, accept: [] })
    tellFinished(invocation, applied.finished)
    if (prepared.config.output === 'text' || prepared.config.output === 'steps') {
      invocation.host.out.write(APPLIED)
    }
    return result.exitCode
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    if (error.code === 'no-patch') return result.exitCode
    invocation.host.err.write(renderProblem(error, { stack: false }))
    return error.exitCode
  }
}
