/** The machine sleeps for hours while a run works. */
import { expect, test, vi } from 'vitest'
import type { ChatReply } from '../acceptance/support/chat-server.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FlowScene } from '../support/flow-scene.ts'
import { describeWith } from '../support/tools.ts'

// Several real processes, one behind the other.
vi.setConfig({ testTimeout: 120_000 })

const STEPS = [{ name: 'one' }, { name: 'two' }, { name: 'three' }]

/**
 * Sleeps for eight hours in the middle of the second step's stream; the provider gives the connection up. Gives how the
 * run has ended.
 */
async function sleepThrough(isMonotonic: boolean) {
  const lost = Promise.withResolvers<void>()
  const reply = (step: string, seen: number): ChatReply =>
    step === 'two' && seen === 0 ? { begins: 'Half of', until: lost.promise } : `Result of ${step}`
  const scene = await FlowScene.open(STEPS, reply)
  const clock = new FakeClock(scene.sandbox.root, { isMonotonic })
  const { child, ended } = await scene.startUntil(2, ['run', 'flow'], clock.env)
  child.kill('SIGSTOP')
  clock.jump(8)
  lost.resolve()
  child.kill('SIGCONT')
  return { scene, clock, ...(await ended) }
}

describeWith('faketime')('CK-03 eight hours of sleep', () => {
  test('CK-03 the clock of deadlines stood still, as on Linux: the stream is opened again, and the run completes', async () => {
    const { scene, exitCode } = await sleepThrough(false)
    await using _ = scene
    expect(exitCode).toBe(0)
    expect(scene.asked).toEqual(['one', 'two', 'two', 'three'])
    const types = scene.events().map(({ type }) => type)
    expect(types.filter((type) => type === 'step-failed')).toEqual([])
  })

  test('CK-03 the clock of deadlines went on: what was over time says so, and resuming completes the run', async () => {
    const { scene, exitCode, clock } = await sleepThrough(true)
    await using _ = scene
    expect(exitCode).not.toBe(0)
    const failed = scene.events().findLast(({ type }) => type === 'step-failed')
    expect(failed).toMatchObject({
      step: 'two',
      failure: { reason: 'limit-reached', limit: 'time' },
    })
    // The run has used up its own time as well: it gets more.
    const args = ['resume', '--timeout', '10h']
    expect(await scene.wave(args, clock.env)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(scene.asked).toEqual(['one', 'two', 'two', 'three'])
  })
})
