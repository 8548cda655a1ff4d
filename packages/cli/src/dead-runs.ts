import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { journalPath } from '@wave/core'
import { holderOf } from '@wave/core/runs'

/**
 * Whether a run of this project is known and over: nobody holds its lock. Others' runs are not ours to judge.
 * Only looks: taking the lock would be in the way of who resumes the run at this moment.
 */
export function isRunDead(runs: string, run: string): boolean {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(run)) return false
  const directory = join(runs, run)
  return existsSync(journalPath(directory)) && holderOf(directory) === undefined
}
