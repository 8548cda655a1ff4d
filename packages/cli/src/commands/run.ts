import { join, resolve } from 'node:path'
import type { RunResult } from '@wave/core'
import type { Interruption } from '../host.ts'
import type { Invocation } from '../invocation.ts'
import type { Log } from '../log.ts'
import { prepareRun, type PreparedRun, type RunOptions } from '../prepare.ts'
import { renderNote, renderProblemWarning, renderWarning } from '../render/problem.ts'
import { escapeJson } from '../sanitise.ts'
import type { Wiring } from '../wire.ts'

/** Load, plan, wire, run, deliver, render, exit code. */
export async function run(
  invocation: Invocation,
  options: RunOptions,
  words: readonly string[],
): Promise<number> {
  const prepared = await prepareRun(invocation, options, words)
  if (options.dryRun === true) return await showPlan(invocation, prepared, options)
  using interruption = invocation.host.catchSignals()
  try {
    const result = await perform(invocation, { prepared, options, interruption })
    const { afterRun } = await import('./after-run.ts')
    const exitCode = await afterRun(invocation, { prepared, options, result })
    return interruption.exitCode() ?? exitCode
  } catch (error) {
    // Whatever fails while the user is stopping the run, it was stopped.
    const exitCode = await interruption.exitCodeOfFailure()
    if (exitCode === undefined) throw error
    return exitCode
  }
}

async function perform(
  invocation: Invocation,
  job: {
    readonly prepared: PreparedRun
    readonly options: RunOptions
    readonly interruption: Interruption
  },
): Promise<RunResult> {
  const { prepared, options, interruption } = job
  // From here on it is worth loading what a dry run does without.
  const { checkReportFile } = await import('../report-file.ts')
  if (options.report !== undefined) checkReportFile(resolve(invocation.cwd, options.report))
  await mendFiles(invocation, prepared)
  const { wire } = await import('../wire.ts')
  const { createRenderer } = await import('../render/create.ts')
  const { runPipeline } = await import('@wave/core')
  const { err, redact } = invocation.host
  // Facts are looked for before the run, which redacts its input itself and tells of it.
  const input = redact(prepared.input)
  const known = { ...job, prepared: { ...prepared, input } }
  await using wiring = await wire({ ...known, signal: interruption.signal })
  warn(invocation, prepared)
  for (const note of wiring.notes) err.write(renderNote(note))
  if (input !== prepared.input) err.write(renderNote(SECRET_IN_INPUT))
  const log = await openRunLog(invocation, prepared)
  log.write('info', 'run', { run: wiring.parts.runId, pipeline: prepared.plan.pipeline.name })
  const frozen = await freeze(invocation, job, wiring.parts)
  const { clock } = wiring.parts
  const shown = { clock, applies: options.apply === true }
  using renderer = await createRenderer(invocation, prepared.config.output, shown)
  interruption.signal.addEventListener('abort', () => renderer.makeRoom?.())
  return await runPipeline({
    ...wiring.parts,
    plan: prepared.plan,
    input: prepared.input,
    project: prepared.config.project.project ?? {},
    projectDigest: prepared.projectDigest,
    frozen: frozen.ref,
    ...prepared.selection,
    projectRoot: prepared.project.root,
    waveVersion: invocation.version,
    signal: interruption.signal,
    redact,
    onEvent: (event) => {
      if (event.type === 'run-started') frozen.index()
      log.write('debug', event.type, event)
      renderer.show(event)
    },
    inconclusiveOk: options.inconclusiveOk ?? false,
  })
}

/** Files that a killed apply left neither old nor new are no project to freeze. */
async function mendFiles(
  invocation: Invocation,
  { project, config }: Pick<PreparedRun, 'project' | 'config'>,
): Promise<void> {
  const { changingTrees } = await import('@wave/workspace')
  const { dataDir } = config.paths
  if (changingTrees(dataDir, project.root).length === 0) return
  const { finishKilledApply } = await import('../finished-apply.ts')
  await finishKilledApply(invocation, { root: project.root, dataDir })
}

/** What `wave resume` goes by: the files of the run, and that it is one of the user's own. */
async function freeze(
  invocation: Invocation,
  { prepared, options }: { readonly prepared: PreparedRun; readonly options: RunOptions },
  { runId, runs }: Wiring['parts'],
) {
  const { freezeRun } = await import('../freeze-run.ts')
  const { indexRun } = await import('../run-index.ts')
  const { redact, env } = invocation.host
  const { root } = prepared.project
  const directory = join(runs ?? root, runId)
  const maxUsdOfEnvironment = env['WAVE_MAX_USD']
  const { cwd } = invocation
  return {
    ref: freezeRun(directory, { prepared, options, cwd, maxUsdOfEnvironment, redact }),
    index: () => indexRun(prepared.config.paths.dataDir, directory, root),
  }
}

const SECRET_IN_INPUT = 'The input holds what is a secret, or looks like one. It is replaced.'

/** What the user should know, however the run goes: of the configuration, and of the pipeline and those it calls. */
function warn({ host }: Invocation, { warnings, plan }: PreparedRun): void {
  for (const warning of warnings) host.err.write(renderWarning(warning))
  for (const notice of plan.pipeline.notices) host.err.write(renderProblemWarning(notice))
}

async function openRunLog(invocation: Invocation, { config }: PreparedRun): Promise<Log> {
  const { openLog } = await import('../log.ts')
  const toStderr = invocation.verbosity > 0
  const level = config.logLevel ?? (toStderr ? 'debug' : 'info')
  const { redact } = invocation.host
  return await openLog({ dataDir: config.paths.dataDir, toStderr, level, redact })
}

async function showPlan(
  invocation: Invocation,
  prepared: PreparedRun,
  options: RunOptions,
): Promise<number> {
  const { plan, projectDigest, config, rules, selection, input } = prepared
  const known =
    invocation.verbosity === 0 ? undefined : { input, project: config.project.project ?? {} }
  const { excluded } = selection
  const facts = { plan, projectDigest, sandbox: options.sandbox, rules, excluded, known }
  const { out } = invocation.host
  warn(invocation, prepared)
  if (config.output === 'json') {
    const { planToJson } = await import('../render/plan-json.ts')
    out.write(`${escapeJson(JSON.stringify(planToJson(facts)))}\n`)
  } else if (config.output !== 'quiet') {
    const { renderPlan } = await import('../render/plan.ts')
    out.write(renderPlan(facts))
  }
  return 0
}
