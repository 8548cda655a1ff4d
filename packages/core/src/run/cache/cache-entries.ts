import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { hasErrorCode } from '../journal/storage-error.ts'
import { readEntry } from './file-step-cache.ts'
import type { CacheEntry } from './step-cache.ts'

/** All files in the folders of a `FileStepCache`, also while it is used: what goes meanwhile is left out. */
export function cacheEntries(directory: string): readonly CacheEntry[] {
  return namesIn(directory)
    .filter((name) => /^[0-9a-f]{2}$/.test(name))
    .flatMap((name) => namesIn(join(directory, name)).map((file) => join(directory, name, file)))
    .flatMap((path) => {
      const state = lstatSync(path, { throwIfNoEntry: false })
      if (state === undefined) return []
      const run = /[0-9a-f]{64}$/.test(path) ? readEntry(path)?.folder : undefined
      return [{ path, run, usedMs: state.mtimeMs }]
    })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return []
    throw error
  }
}
