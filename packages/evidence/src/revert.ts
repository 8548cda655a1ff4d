import type { Snapshot } from '@wave/core'
import type { CommitSuspect } from './findings.ts'
import { LIMITS } from './limits.ts'

/** Tries, on the host and without writing, whether the first suspects can be undone on the snapshot. */
export async function checkReverts(
  snapshot: Snapshot,
  suspects: readonly CommitSuspect[],
): Promise<CommitSuspect[]> {
  return Promise.all(
    suspects.map(async (suspect, index) => {
      if (index >= LIMITS.revertChecks || suspect.likelihood === 'LOW') return suspect
      const revert = await snapshot.history.revert(suspect.commit.id)
      return { ...suspect, revert }
    }),
  )
}
