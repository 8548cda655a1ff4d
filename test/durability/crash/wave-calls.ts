import { KILL } from './points.ts'
import type { CrashSuite } from './suite.ts'
import { strikeAll } from './system-calls.ts'
import { openWaveTarget } from './wave-target.ts'

/** Kills `wave run` at every system call that makes something durable, of the run or of the user's own data. */
export const suite: CrashSuite = {
  name: 'wave-calls',
  cases: ['DU-01', 'DU-02'],
  async run(scope, report) {
    await using target = await openWaveTarget()
    await strikeAll(target, [KILL], { scope, report })
  },
}
