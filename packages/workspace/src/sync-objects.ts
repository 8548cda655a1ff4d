import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { syncDirectory } from '@wave/core'

import type { HostRepository } from './host-git.ts'

/**
 * Makes the names of new objects durable. Git does so with their content, and syncs no folder: a process
 * that was killed may have left them so. After the first time this costs a look at each folder.
 */
export function syncObjects({ gitDir }: Pick<HostRepository, 'gitDir'>): void {
  const objects = join(gitDir, 'objects')
  const shards = readdirSync(objects)
    .filter((name) => /^(?:[0-9a-f]{2}|pack)$/.test(name))
    .map((name) => join(objects, name))
  for (const folder of [dirname(gitDir), gitDir, objects].concat(shards)) syncChanged(folder)
}

/** Far longer than file systems take from one time they write down to the next. */
const TICK_MS = 50

/** When each folder had changed last as this process looked at it; NaN: it may change again at that very time. */
const seen = new Map<string, number>()

function syncChanged(folder: string): void {
  const { mtimeMs } = statSync(folder)
  if (seen.get(folder) === mtimeMs) return
  syncDirectory(folder)
  seen.set(folder, mtimeMs < Date.now() - TICK_MS ? mtimeMs : Number.NaN)
}
