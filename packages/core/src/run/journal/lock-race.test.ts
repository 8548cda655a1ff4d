import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { raceForLock } from '../../testing/lock-race.ts'
import { takeLock } from './lock.ts'

test.runIf(process.platform === 'linux')(
  'of processes that race for the lock of a dead one, one at a time has it, and none fails otherwise',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'wave-lock-race-'))
    expect(await raceForLock({ directory, rows: 4, each: 2, lifeMs: 700 })).toBe('')
    takeLock(directory)[Symbol.dispose]()
    // Nothing is left of those that died on the way; `inside` is what the contenders meet by.
    expect(readdirSync(directory).filter((name) => !name.startsWith('inside'))).toEqual([])
    rmSync(directory, { recursive: true })
  },
)
