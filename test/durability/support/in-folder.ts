import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** In memory where there is such a place: what a disk does is another matter. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** Does it in a folder of its own, which is gone afterwards. */
export async function inFolder<T>(work: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = realpathSync(mkdtempSync(join(PLACE, 'wave-model-')))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
