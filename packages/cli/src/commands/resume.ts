import { basename, resolve } from 'node:path'
import {
  findRun,
  fold,
  openRunFolder,
  type RunFolder,
  type RunEvent,
  runPipeline,
  type RunResult,
  runsFolder,
  systemClock,
  WaveError,
} from '@wave/core'
import { type Config, loadConfig } from '../config/load.ts'
import { finishKilledApply } from '../finished-apply.ts'
import type { Interruption } from '../host.ts'
import type { Invocation } from '../invocation.ts'
import { openLog } from '../log.ts'
import { type PreparedResume, prepareResume, type ResumeOptions } from '../prepare-resume.ts'
import type { RunOptions } from '../prepare.ts'
import { findProject, type Project } from '../project.ts'
import { createRenderer } from '../render/create.ts'
import { renderProblemWarning, renderWarning } from '../render/problem.ts'
import { earlyNotes } from '../render/waiting.ts'
import { checkReportFile } from '../report-file.ts'
import { checkOwnRun, completeEntry } from '../run-index.ts'
import { escapeJson } from '../sanitise.ts'
import { wireResume } from '../wire-resume.ts'
import { afterRun } from './after-run.ts'

/** Goes on with a run that stopped, failed, waits or was cut off. One that has completed stays as it is. */
export async function resume(
  invocation: Invocation,
  options: ResumeOptions,
  words: readonly string[],
): Promise<number> {
  const project = findProject(invocation.cwd)
  // Its own copy of `.wave/config.yaml` counts, not what is there now.
  const config = await loadConfig(invocation, { ...project, hasWave: false })
  const directory = findRun(runsFolder(project.root), wordOf(options, words))
  const { dataDir } = config.paths
  checkOwnRun(dataDir, directory, project.root)
  await finishKilledApply(invocation, { root: project.root, dataDir })
  using folder = openRunFolder(runsFolder(project.root), basename(directory), systemClock)
  const { started, finished } = fold(folder.journal.recovered)
  if (started === undefined) throw neverBegan(basename(directory))
  completeEntry(dataDir, directory, project.root)
  const opened = { project, config, folder, started }
  if (finished?.outcome === 'completed' && options.fromStep === undefined) {
    return sayCompleted(invocation, config, finished, started.run)
  }
  if (options.report !== undefined) checkReportFile(resolve(invocation.cwd, options.report))
  const known = await prepareResume(invocation, options, { ...opened, directory })
  return await goOn(invocation, options, { ...opened, ...known })
}

type Started = Extract<RunEvent, { readonly type: 'run-started' }>

interface OpenedRun extends PreparedResume {
  readonly project: Project
  readonly folder: RunFolder
  readonly started: Started
}

function wordOf({ last }: ResumeOptions, words: readonly string[]): string {
  if (last === true && words.length > 0) {
    throw new WaveError('usage', 'The run was named twice.', {
      hint: 'Use the argument or --last, not both.',
    })
  }
  return words[0] ?? 'last'
}

function neverBegan(run: string): WaveError {
  return new WaveError('run-unknown', `Run ${run} never began.`, {
    hint: 'Start a new run with: wave run',
  })
}

function sayCompleted(
  invocation: Invocation,
  config: Config,
  event: Extract<RunEvent, { readonly type: 'run-finished' }>,
  run: string,
): number {
  const { out } = invocation.host
  const output = invocation.output ?? config.output
  if (output === 'json') out.write(`${escapeJson(JSON.stringify({ ...event, run }))}\n`)
  else if (output === 'quiet') out.write(`${run} ${event.outcome}\n`)
  else out.write(`Run ${run} has completed: there is nothing to resume.\n`)
  return 0
}

async function goOn(
  invocation: Invocation,
  options: ResumeOptions,
  run: OpenedRun,
): Promise<number> {
  using interruption = invocation.host.catchSignals()
  try {
    const result = await perform(invocation, options, { ...run, interruption })
    // What comes now may want the lock for itself: a patch is applied to a run that nobody works on.
    run.folder[Symbol.dispose]()
    const finished = { prepared: run.prepared, options: asRun(options), result }
    const exitCode = await afterRun(invocation, finished)
    return interruption.exitCode() ?? exitCode
  } catch (error) {
    // Whatever fails while the user is stopping the run, it was stopped.
    const exitCode = await interruption.exitCodeOfFailure()
    if (exitCode === undefined) throw error
    return exitCode
  }
}

function asRun({ apply, report, audit }: ResumeOptions): RunOptions {
  return {
    sandbox: 'auto',
    ...(apply !== undefined && { apply }),
    ...(report !== undefined && { report }),
    ...(audit !== undefined && { audit }),
  }
}

async function perform(
  invocation: Invocation,
  options: ResumeOptions,
  run: OpenedRun & { readonly interruption: Interruption },
): Promise<RunResult> {
  const { prepared, folder, interruption } = run
  const { err, redact } = invocation.host
  const force = options.force === true
  const { signal } = interruption
  await using wiring = await wireResume({ ...run, force, signal })
  for (const warning of prepared.warnings) err.write(renderWarning(warning))
  for (const notice of prepared.plan.pipeline.notices) err.write(renderProblemWarning(notice))
  const nowMs = Date.parse(systemClock.nowUtc())
  for (const note of earlyNotes(folder.journal.recovered, nowMs)) err.write(renderWarning(note))
  const log = await openRunLog(invocation, prepared.config)
  log.write('info', 'resume', { run: run.started.run })
  const { clock } = wiring.parts
  const { recovered } = folder.journal
  const shown = { clock, applies: options.apply === true }
  using renderer = await createRenderer(invocation, prepared.config.output, shown)
  renderer.recall(recovered)
  signal.addEventListener('abort', () => renderer.makeRoom?.())
  return await runPipeline({
    ...wiring.parts,
    plan: prepared.plan,
    input: prepared.input,
    project: prepared.config.project.project ?? {},
    projectDigest: prepared.projectDigest,
    ...prepared.selection,
    projectRoot: prepared.project.root,
    waveVersion: invocation.version,
    signal,
    redact,
    onEvent: (event) => {
      log.write('debug', event.type, event)
      if (event.type === 'run-resumed') {
        for (const difference of event.differences) err.write(renderWarning(difference))
      }
      renderer.show(event)
    },
    inconclusiveOk: options.inconclusiveOk ?? false,
    resume: {
      recovered,
      differences: [...run.differences, ...wiring.differences],
      force,
      ...(options.fromStep !== undefined && { fromStep: options.fromStep }),
    },
  })
}

async function openRunLog(invocation: Invocation, config: Config) {
  const toStderr = invocation.verbosity > 0
  const level = config.logLevel ?? (toStderr ? 'debug' : 'info')
  const { redact } = invocation.host
  return await openLog({ dataDir: config.paths.dataDir, toStderr, level, redact })
}
