/** Clocks of two hosts that differ, and clocks of one that are moved by law. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { SILENCE } from '../acceptance/support/chat-server.ts'
import type { ChatReply } from '../acceptance/support/chat-server.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FlowScene } from '../support/flow-scene.ts'
import { describeWith } from '../support/tools.ts'

// Several real processes, one behind the other.
vi.setConfig({ testTimeout: 120_000 })

const STEPS = [{ name: 'one' }, { name: 'two' }, { name: 'three' }]

describeWith('faketime')('CK-02 two hosts whose clocks differ by a year', () => {
  test('CK-02 one goes on with the run of the other, and their runs compare the same in both directions', async () => {
    await using scene = await FlowScene.open(STEPS, secondStepHangsOnce)
    const host = new FakeClock(scene.sandbox.root)
    host.jump(365 * 24)
    const { child, ended } = await scene.startUntil(2, ['run', 'flow'], host.env)
    child.kill('SIGKILL')
    await ended
    host.jump(-48)
    expect(await scene.wave(['resume'], host.env)).toMatchObject({ exitCode: 0 })
    expect(scene.asked).toEqual(['one', 'two', 'two', 'three'])
    const events = scene.events()
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index))
    expect(Date.parse(events.at(-1)?.at ?? '')).toBeLessThan(Date.parse(events[0]?.at ?? ''))
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', outcome: 'completed' })

    expect(await scene.wave(['run', 'flow'], host.env)).toMatchObject({ exitCode: 0 })
    const [later = '', earlier = ''] = scene.ids
    const compared = await Promise.all([
      scene.wave(['diff', earlier, later, '--json']),
      scene.wave(['diff', later, earlier, '--json']),
    ])
    const [there, back] = compared.map(({ stdout }) => digestsIn(stdout))
    expect(there?.length).toBeGreaterThan(0)
    expect(there).toEqual(back)
  })
})

function secondStepHangsOnce(step: string, seen: number): ChatReply {
  return step === 'two' && seen === 0 ? SILENCE : `Result of ${step}`
}

/** Every digest that a comparison names, once. */
function digestsIn(text: string): readonly string[] {
  return [...new Set(text.match(/[0-9a-f]{64}/gu))].toSorted()
}

describeWith('faketime')('CK-04 clocks that are moved by law', () => {
  test('CK-04 an hour that comes twice, a leap second and another zone: ids, files and records are in UTC', async () => {
    let clock: FakeClock | undefined
    const reply = (step: string, seen: number): ChatReply => {
      // Back to winter time: two o'clock comes again. UTC goes on.
      if (step === 'one') clock?.set('2026-10-25T01:00:01Z')
      if (step === 'two' && seen === 0) return SILENCE
      // As Linux counts a leap second: the last one twice.
      if (step === 'two') clock?.set('2026-12-31T23:59:59Z')
      if (step === 'three') clock?.set('2026-12-31T23:59:59Z')
      return `Result of ${step}`
    }
    await using scene = await FlowScene.open(STEPS, reply)
    clock = new FakeClock(scene.sandbox.root)
    clock.set('2026-10-25T00:59:58Z')
    const berlin = { ...clock.env, TZ: 'Europe/Berlin' }
    const { child, ended } = await scene.startUntil(2, ['run', 'flow'], berlin)
    child.kill('SIGKILL')
    await ended
    const [run = ''] = scene.ids
    expect(run).toMatch(/^20261025-(?:0059|0100)\d\d-/u)
    const local = await scene.wave(['status'], berlin)
    expect(local.stdout).toMatch(/ 2026-10-25 02:\d\d:\d\d /u)
    // A traveller goes on, where it is still yesterday.
    const away = { ...clock.env, TZ: 'Pacific/Pago_Pago' }
    expect(await scene.wave(['resume'], away)).toMatchObject({ exitCode: 0 })
    expect(scene.ids).toEqual([run])
    const events = scene.events()
    const started = events[0]?.at ?? ''
    // The second that came twice is recorded twice.
    expect(events.some(({ at }, index) => at < (events[index - 1]?.at ?? ''))).toBe(true)
    expect(events.filter(({ at }) => !/^2026-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u.test(at))).toEqual(
      [],
    )
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index))
    const { stdout } = await scene.wave(['status', '--json'], away)
    expect(stdout).toContain(`"startedAt":"${started}"`)
    expect((await scene.wave(['status'], away)).stdout).toContain(` ${elevenHoursBefore(started)} `)
    const named = readdirSync(scene.runs).concat(readdirSync(join(scene.runs, run)))
    expect(named.filter((name) => name.includes('20261024'))).toEqual([])
    expect(existsSync(join(scene.sandbox.project, 'output'))).toBe(true)
  })
})

/** As a person reads it in Pago Pago. */
function elevenHoursBefore(utc: string): string {
  const local = new Date(Date.parse(utc) - 11 * 3_600_000)
  return local.toISOString().slice(0, 19).replace('T', ' ')
}
