import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { journalPath, takeLock, WaveError } from '@wave/core'

/** Whether a run of this project is known and over: nobody holds its lock. Others' runs are not ours to judge. */
export function isRunDead(runs: string, run: string): boolean {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(run)) return false
  const directory = join(runs, run)
  if (!existsSync(journalPath(directory))) return false
  try {
    takeLock(directory)[Symbol.dispose]()
    return true
  } catch (error) {
    if (error instanceof WaveError) return false
    throw error
  }
}
