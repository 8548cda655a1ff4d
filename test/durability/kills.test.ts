/** A part of what `npm run crash` does: real runs with a real engine, killed at any moment. */
import { expect, test } from 'vitest'
import { describeDocker, engine } from '../support/docker.ts'
import { KillPlace } from './support/kill-place.ts'

describeDocker('a killed run', () => {
  test.each([
    ['leaves nothing on the engine 5 s later', 0.35, false],
    ['goes on at once', 0.6, true],
  ])('DU-10 %s, and loses nothing', { timeout: 120_000 }, async (_, fraction, atOnce) => {
    if (engine === undefined) throw new Error('No Docker engine answers')
    await using place = await KillPlace.open(engine)
    const afterMs = fraction * (await place.cleanMs())
    const signal = 'SIGKILL'
    const { problems } = await place.kill({ signal, afterMs, isGroup: true, atOnce })
    expect(problems).toEqual([])
  })
})
