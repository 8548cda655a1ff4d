import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { syncDirectory } from '@wave/core'

import type { HostRepository } from './host-git.ts'

/**
 * Makes the names of new objects durable. Git does so with their content, and syncs no folder. Where
 * nothing was written this costs a look at each folder.
 */
export function syncObjects({ gitDir }: Pick<HostRepository, 'gitDir'>): void {
  const objects = join(gitDir, 'objects')
  const shards = readdirSync(objects)
    .filter((name) => /^(?:[0-9a-f]{2}|pack)$/.test(name))
    .map((name) => join(objects, name))
  for (const folder of [dirname(gitDir), gitDir, objects].concat(shards)) syncChanged(folder)
}

/** What a process that was killed here wrote counts as well; what is older the kernel has written by itself. */
const RECENT_MS = 60_000

/** Far longer than file systems take from one time they write down to the next. */
const TICK_MS = 50

/** When each folder had changed last as this process looked at it; NaN: it may change again at that very time. */
const seen = new Map<string, number>()

function syncChanged(folder: string): void {
  const { mtimeMs } = statSync(folder)
  const last = seen.get(folder)
  if (last === mtimeMs) return
  const nowMs = Date.now()
  const isOld = mtimeMs < nowMs - RECENT_MS && !wasClockSet(nowMs)
  if (last !== undefined || !isOld) syncDirectory(folder)
  seen.set(folder, mtimeMs < nowMs - TICK_MS ? mtimeMs : Number.NaN)
}

/** Since this process began: what it wrote before has a time that says nothing of its age. */
function wasClockSet(nowMs: number): boolean {
  return Math.abs(nowMs - performance.timeOrigin - performance.now()) > MAX_DRIFT_MS
}

const MAX_DRIFT_MS = 1000
