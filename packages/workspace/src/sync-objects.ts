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

/** When each folder had changed last as this process synced it. */
const synced = new Map<string, number>()

function syncChanged(folder: string): void {
  const { mtimeMs } = statSync(folder)
  if (mtimeMs < Date.now() - RECENT_MS || synced.get(folder) === mtimeMs) return
  syncDirectory(folder)
  synced.set(folder, mtimeMs)
}
