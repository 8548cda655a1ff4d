import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { runsFolder, WaveError } from '@wave/core'
import { changingTrees, finishApply, type FinishedApply, renderLeft } from '@wave/workspace'
import { type AppliedRun, recordFinished } from './apply-journal.ts'
import type { Invocation } from './invocation.ts'
import { renderNote, renderWarning } from './render/problem.ts'
import { lockRun } from './run-patches.ts'

/**
 * Tells of applies that were stopped in the middle and are finished now, and has the journals of their runs tell of
 * them. `applied` is the run that the caller has locked.
 */
export async function settleFinished(
  invocation: Invocation,
  applied: AppliedRun,
  finished: readonly FinishedApply[],
): Promise<void> {
  tellFinished(invocation, finished)
  await recordFinished(invocation, applied, finished)
  const own = basename(applied.directory)
  await settleOthers(
    invocation,
    applied,
    finished.filter(({ run }) => run !== own),
  )
}

/**
 * Takes back an apply that was stopped in the middle, so that nothing is done with files that are neither the old
 * nor the new; a look at one folder where there is none. Throws `run-locked` while one is under way.
 */
export async function finishKilledApply(
  invocation: Invocation,
  place: Pick<AppliedRun, 'root' | 'dataDir'>,
): Promise<void> {
  if (changingTrees(place.dataDir, place.root).length === 0) return
  const finished = await finishApply(place)
  tellFinished(invocation, finished)
  await settleOthers(invocation, place, finished)
}

/** As `settleFinished`, for runs that nobody has locked. */
async function settleOthers(
  invocation: Invocation,
  { root, dataDir }: Pick<AppliedRun, 'root' | 'dataDir'>,
  finished: readonly FinishedApply[],
): Promise<void> {
  for (const { run } of finished) {
    const directory = join(runsFolder(root), run)
    if (!existsSync(directory)) continue
    try {
      using _ = lockRun(directory)
      await recordFinished(invocation, { root, dataDir, directory }, finished)
    } catch (error) {
      // In use, or not to be written: recorded when its changes are applied or taken back the next time.
      if (!(error instanceof WaveError)) throw error
    }
  }
}

/** Says what an apply that was stopped in the middle left behind, and what has become of it. */
function tellFinished(invocation: Invocation, finished: readonly FinishedApply[]): void {
  const { err } = invocation.host
  for (const { run, interrupted, restored, left } of finished) {
    const what = interrupted === 'apply' ? 'apply' : 'apply --undo'
    const count = `${restored.length} file${restored.length === 1 ? '' : 's'}`
    err.write(renderNote(`"wave ${what}" of run ${run} was interrupted. Put back: ${count}.`))
    if (left.length > 0) err.write(renderWarning(`Not put back: ${renderLeft(left)}.`))
  }
}
