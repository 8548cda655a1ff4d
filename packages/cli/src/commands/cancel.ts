import { basename } from 'node:path'
import { cancelRun, type Cancellation, findRun, runsFolder, systemClock } from '@wave/core'
import { WaveError } from '@wave/core/language'
import { holderOf } from '@wave/core/runs'
import { type Config, loadConfig } from '../config/load.ts'
import { isRunDead } from '../dead-runs.ts'
import type { Invocation } from '../invocation.ts'
import { openDocker } from '../open-docker.ts'
import { findProject } from '../project.ts'
import { checkOwnRun } from '../run-index.ts'
import { escapeJson, sanitiseLine } from '../sanitise.ts'

/** Ends a run, also one that another process works on. What had ended stays as it is. */
export async function cancel(
  invocation: Invocation,
  options: object,
  [word = 'last']: readonly string[],
): Promise<number> {
  const project = findProject(invocation.cwd)
  const config = await loadConfig(invocation, project)
  const runs = runsFolder(project.root)
  const directory = findRun(runs, word)
  // A live process shows whose run it is: nobody can hold a lock in its name.
  if (holderOf(directory) === undefined) checkOwnRun(config.paths.dataDir, directory, project.root)
  using interruption = invocation.host.catchSignals()
  const { signal } = interruption
  const cancellation = await cancelRun(directory, { clock: systemClock, signal })
  const run = basename(directory)
  const interrupted = interruption.exitCode()
  if (interrupted !== undefined && cancellation.status === 'still-running') return interrupted
  if (cancellation.status === 'still-running') {
    throw new WaveError(
      'run-locked',
      `Run ${run} has not stopped yet; process ${cancellation.pid} works on it.`,
      {
        hint: `It was told to stop. To end it at once: wave cancel ${run}`,
      },
    )
  }
  if (cancellation.status !== 'had-ended') await removeContainers(config, runs)
  show(invocation, config, { run, cancellation })
  return interruption.exitCode() ?? 0
}

/** What the run left when it was killed. What cannot be removed now is removed by the next run. */
async function removeContainers(config: Config, runs: string): Promise<void> {
  try {
    await using docker = await openDocker(config)
    await docker.reap((run) => isRunDead(runs, run))
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
  }
}

function show(
  { host }: Invocation,
  { output }: Config,
  { run, cancellation }: { readonly run: string; readonly cancellation: Cancellation },
): void {
  if (output === 'json') {
    host.out.write(`${escapeJson(JSON.stringify({ v: 1, run, ...cancellation }))}\n`)
    return
  }
  const outcome = 'outcome' in cancellation ? cancellation.outcome : 'cancelled'
  if (output === 'quiet') {
    host.out.write(`${sanitiseLine(`${run} ${outcome}`)}\n`)
    return
  }
  const isOver = cancellation.status === 'had-ended' || outcome !== 'cancelled'
  const line = isOver
    ? `Run ${run} had ended already: ${outcome}.`
    : `Run ${run} is cancelled. To go on with it: wave resume ${run}`
  host.out.write(`${sanitiseLine(line)}\n`)
}
