/** The clock of the machine is set while wave works. */
import { expect, test, vi } from 'vitest'
import type { RunEvent } from '../../packages/core/src/index.ts'
import { SILENCE } from '../acceptance/support/chat-server.ts'
import type { ChatReply } from '../acceptance/support/chat-server.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FlowScene } from '../support/flow-scene.ts'
import { describeWith } from '../support/tools.ts'

// Several real processes, one behind the other.
vi.setConfig({ testTimeout: 120_000 })

const YEAR = 365 * 24
const STEPS = [{ name: 'one' }, { name: 'two' }, { name: 'three' }, { name: 'four' }]

/** The first run jumps a year ahead while a stream is open, and two days back during the pause before a retry. */
async function jumpingScene() {
  let clock: FakeClock | undefined
  const reply = (step: string, seen: number): ChatReply => {
    if (step === 'two') clock?.jump(YEAR)
    if (step === 'three' && seen === 0) {
      clock?.jump(-48)
      return 503
    }
    return `Result of ${step}`
  }
  const scene = await FlowScene.open(STEPS, reply)
  clock = new FakeClock(scene.sandbox.root)
  return { scene, clock, env: clock.env }
}

function daysOf(events: readonly RunEvent[], step: string): number {
  const done = events.find((event) => event.type === 'step-succeeded' && event.step === step)
  return Math.round((Date.parse(done?.at ?? '') - Date.now()) / 86_400_000) + 0
}

describeWith('faketime')('CK-01 the clock jumps during a run', () => {
  test('CK-01 a year ahead and two days back: the order stays, no timer fires early or waits for the clock', async () => {
    const { scene, env } = await jumpingScene()
    await using _ = scene
    const { exitCode } = await scene.wave(['run', 'flow', '--timeout', '5m'], env)
    expect(exitCode).toBe(0)
    expect(scene.asked).toEqual(['one', 'two', 'three', 'three', 'four'])
    const events = scene.events()
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index))
    // Times are recorded as the clock said them; they decide nothing.
    expect(['one', 'two', 'three', 'four'].map((step) => daysOf(events, step))).toEqual([
      0, 365, -2, -2,
    ])
    const durations = events.flatMap((event) =>
      'durationMs' in event ? [event.durationMs ?? 0] : [],
    )
    expect(durations.filter((ms) => ms < 0 || ms > 60_000)).toEqual([])
    const audit: { readonly entries: readonly { readonly at: string }[] } = JSON.parse(
      (await scene.wave(['audit', 'last', '--json'])).stdout,
    )
    const places = audit.entries.map(({ at }) => events.findIndex((event) => event.at === at))
    expect(places.filter((place) => place < 0)).toEqual([])
    expect(places).toEqual(places.toSorted((left, right) => left - right))
    expect(await scene.wave(['verify', 'last'])).toMatchObject({ exitCode: 0 })
  })

  test('CK-01 a limit of a step is kept although the clock was set back meanwhile', async () => {
    let clock: FakeClock | undefined
    const steps = [{ name: 'one', timeout: '2s' }]
    await using scene = await FlowScene.open(steps, () => {
      clock?.jump(-48)
      return SILENCE
    })
    clock = new FakeClock(scene.sandbox.root)
    const { exitCode } = await scene.wave(['run', 'flow'], clock.env)
    const failed = scene.events().findLast(({ type }) => type === 'step-failed')
    expect(failed).toMatchObject({ failure: { reason: 'limit-reached', limit: 'time' } })
    expect(exitCode).not.toBe(0)
  })

  test('CK-01 runs from before and after a jump are all found, and age takes none that is new', async () => {
    await using scene = await FlowScene.open([{ name: 'one' }])
    const clock = new FakeClock(scene.sandbox.root)
    for (const hours of [YEAR, -48]) {
      clock.jump(hours)
      expect(await scene.wave(['run', 'flow'], clock.env)).toMatchObject({ exitCode: 0 })
    }
    const { ids } = scene
    expect(new Set(ids.map((id) => id.slice(0, 8))).size).toBe(2)
    const kept = scene.sandbox.fingerprint()
    clock.jump(YEAR)
    expect(await scene.wave(['gc', '--older-than', '30d'], clock.env)).toMatchObject({
      exitCode: 0,
    })
    const { stdout } = await scene.wave(['status', '--json'], clock.env)
    const listed: { readonly runs: readonly { readonly run: string }[] } = JSON.parse(stdout)
    // By their ids, newest first.
    expect(listed.runs.map(({ run }) => run)).toEqual(ids.toReversed())
    expect(scene.sandbox.fingerprint()).toEqual(kept)
    // The one that the clock calls the oldest was the last.
    const again = await scene.wave(['resume', ids[0] ?? '', '--from-step', 'one'], clock.env)
    expect(again).toMatchObject({ exitCode: 0 })
  })
})
