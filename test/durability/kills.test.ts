/** A part of what `npm run crash` does: real runs with a real engine, killed at any moment. */
import { expect, test } from 'vitest'
import { describeDocker, engine } from '../support/docker.ts'
import { KillPlace } from './support/kill-place.ts'

describeDocker('a killed run', () => {
  test(
    'DU-10 leaves nothing on the engine 5 s later, and loses nothing, also where it goes on at once',
    { timeout: 120_000 },
    async () => {
      if (engine === undefined) throw new Error('No Docker engine answers')
      await using place = await KillPlace.open(engine)
      const cleanMs = await place.cleanMs()
      const kill = (fraction: number, atOnce: boolean) =>
        place.kill({ signal: 'SIGKILL', afterMs: fraction * cleanMs, isGroup: true, atOnce })
      expect((await kill(0.35, false)).problems).toEqual([])
      expect((await kill(0.6, true)).problems).toEqual([])
    },
  )
})
