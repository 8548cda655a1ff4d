import { appendFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type RunResult, runsFolder, WaveError } from '@wave/core'
import { StoredBytes } from '@wave/core/runs'
import { applyPatches, type ApplyRequest } from '@wave/workspace'
import { recordApply, recordFinished } from '../apply-journal.ts'
import { attachAudit } from '../attached-audit.ts'
import { finishKilledApply, settleFinished } from '../finished-apply.ts'
import { handedOver } from '../handed-over.ts'
import type { Invocation } from '../invocation.ts'
import { keepAudit } from '../keep-audit.ts'
import type { PreparedRun, RunOptions } from '../prepare.ts'
import { renderApplied } from '../render/changed-files.ts'
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
  const exitCode = await applyIfAsked(invocation, finished)
  // Whether and how it was applied belongs to its trail.
  if (options.apply === true) writeReport(invocation, finished)
  appendSummary(invocation, finished)
  return exitCode
}

async function applyIfAsked(invocation: Invocation, finished: FinishedRun): Promise<number> {
  const { options, result } = finished
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
  const target = finished.options.report
  const report = target === undefined ? undefined : readReport(finished)
  if (target === undefined || report === undefined) return
  try {
    writeFileSync(resolve(invocation.cwd, target), report)
  } catch (cause) {
    throw reportUnwritable(target, cause)
  }
}

/** The last Markdown artifact that stands in the summary, with the audit trail of the run. */
function readReport({ prepared, options, result }: FinishedRun): Uint8Array | undefined {
  const leaves = result.delivered.filter((file) => file.leaf && file.path.endsWith('.md'))
  const last = leaves.at(-1)
  const artifact =
    last && result.state.steps.get(last.step)?.artifacts.find(({ name }) => name === last.name)
  const run = join(runsFolder(prepared.project.root), result.runId)
  if (artifact === undefined) return undefined
  // Whoever goes on with the run may be writing there by now.
  const report = new StoredBytes(run).get(artifact)
  return options.audit === false ? report : attachAudit(report, run)
}

function appendSummary({ host }: Invocation, finished: FinishedRun): void {
  const summary = host.env['GITHUB_STEP_SUMMARY']
  const report = summary ? readReport(finished) : undefined
  if (!summary || report === undefined) return
  try {
    appendFileSync(summary, report)
  } catch {
    // A convenience of the CI system; the report is in output/ all the same.
  }
}

/** `--apply` takes no flagged path: those need a person. */
async function applyChanges(invocation: Invocation, finished: FinishedRun): Promise<number> {
  const { prepared, result } = finished
  const { root } = prepared.project
  const { dataDir } = prepared.config.paths
  try {
    const directory = join(runsFolder(root), result.runId)
    await finishKilledApply(invocation, { root, dataDir })
    using _ = lockRun(directory)
    const { recorded, leftOut, ...changes } = readRunPatches(directory)
    const applied = { root, dataDir, directory }
    const by = result.state.resumed === undefined ? 'run' : 'resume'
    const about = { patches: recorded, accepted: [], leftOut: leftOut.length }
    const intent = { kind: 'apply', by, ...about } as const
    // One of this run whose process did not live to tell its end.
    await recordFinished(invocation, applied, [])
    const request: ApplyRequest = {
      ...applied,
      ...changes,
      accept: [],
      onFinished: async (late) => await settleFinished(invocation, applied, [late]),
    }
    await recordApply(invocation, { ...applied, intent }, async (begin) => {
      return await applyPatches({ ...request, begin })
    })
    if (prepared.config.output === 'text' || prepared.config.output === 'steps') {
      invocation.host.out.write(renderApplied(leftOut))
    }
    return result.exitCode
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    if (error.code === 'no-patch') return result.exitCode
    invocation.host.err.write(renderProblem(error, { stack: false }))
    return error.exitCode
  }
}
