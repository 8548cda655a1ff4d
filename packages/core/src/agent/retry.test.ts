import { expect, test, vi } from 'vitest'
import { WaveError } from '../errors.ts'
import type { CallAmount } from '../events.ts'
import { AgentRig } from '../testing/agent-rig.ts'
import type { AgentRigOptions } from '../testing/agent-rig.ts'
import { ScriptedModel } from '../testing/scripted-model.ts'
import type { Script } from '../testing/scripted-model.ts'
import { NO_USAGE } from './messages.ts'

const OK = { text: 'Done.' }
const BUSY = { failed: 'retryable', message: '529' } as const

const asking = (retryAfterMs: number) => ({ ...BUSY, retryAfterMs })

function rigFor(
  scripts: readonly Script[],
  options: Omit<AgentRigOptions, 'models'> = {},
): { rig: AgentRig; models: ScriptedModel[] } {
  const models = scripts.map((script) => new ScriptedModel(script))
  const resolved = models.map((model, index) => model.resolved({ model: `m${index + 1}` }))
  return { rig: new AgentRig({ ...options, models: resolved }), models }
}

test('A retryable failure is tried again, up to four attempts, with growing delays', async () => {
  const { rig, models } = rigFor([[BUSY, BUSY, BUSY, OK]])
  expect((await rig.run()).status).toBe('succeeded')
  expect(rig.delaysMs).toEqual([500, 1000, 2000])
  expect(models[0]?.requests).toHaveLength(4)
  expect(rig.eventsOf('model-request')).toHaveLength(4)
  expect(rig.eventsOf('model-failed').map(({ retryInMs }) => retryInMs)).toEqual([500, 1000, 2000])
})

test('After the last attempt the step fails with the provider’s words', async () => {
  const { rig, models } = rigFor([() => BUSY])
  expect(await rig.run()).toEqual({
    status: 'failed',
    failure: { reason: 'model-error', class: 'retryable', model: 'scripted/m1', message: '529' },
    usage: undefined,
    lastText: '',
  })
  expect(models[0]?.requests).toHaveLength(4)
  expect(rig.eventsOf('model-failed').at(-1)?.retryInMs).toBeUndefined()
})

test('A requested delay is honoured up to a minute; a longer one ends the attempts', async () => {
  const short = rigFor([[{ ...BUSY, retryAfterMs: 60_000 }, OK]])
  expect((await short.rig.run()).status).toBe('succeeded')
  expect(short.rig.delaysMs).toEqual([60_000])
  const long = rigFor([[{ ...BUSY, retryAfterMs: 60_001 }]])
  const failure = { reason: 'model-error', message: '529 It asks to wait 61 s.' }
  expect(await long.rig.run()).toMatchObject({ failure })
  expect(long.rig.delaysMs).toEqual([])
})

test('A stream that just ends is a retryable failure, and its partial reply is discarded', async () => {
  const partial = { events: [{ type: 'text', delta: 'Half a rep' }] } as const
  const { rig, models } = rigFor([[partial, OK]])
  expect(await rig.run()).toMatchObject({ status: 'succeeded', lastText: 'Done.' })
  expect(rig.eventsOf('model-failed')[0]).toMatchObject({ class: 'retryable' })
  expect(models[0]?.requests[1]?.messages).toHaveLength(1)
})

test.each(['auth', 'quota', 'request'] as const)(
  '%s goes to the fallback at once',
  async (failed) => {
    const { rig, models } = rigFor([[{ failed }], [OK]])
    expect((await rig.run()).status).toBe('succeeded')
    expect(models.map(({ requests }) => requests.length)).toEqual([1, 1])
    expect(rig.delaysMs).toEqual([])
    expect(rig.eventsOf('model-request').map(({ model }) => model)).toEqual([
      'scripted/m1',
      'scripted/m2',
    ])
    expect(rig.eventsOf('warning')[0]?.message).toContain('scripted/m2')
  },
)

test('Fallbacks follow when the attempts are used up, and stay for the rest of the step', async () => {
  const note = { calls: [{ name: 'note', input: { text: 'n' } }] }
  const { rig, models } = rigFor([() => BUSY, [note, OK]])
  expect((await rig.run()).status).toBe('succeeded')
  expect(models.map(({ requests }) => requests.length)).toEqual([4, 2])
  expect(models[1]?.requests.map(({ model }) => model)).toEqual(['m2', 'm2'])
})

test('The failure of the last fallback is the one reported', async () => {
  const { rig } = rigFor([[{ failed: 'auth' }], [{ failed: 'quota', message: 'empty' }]])
  expect(await rig.run()).toMatchObject({
    failure: { reason: 'model-error', class: 'quota', model: 'scripted/m2' },
  })
})

test('A refusal ends the step; nobody else is asked', async () => {
  const { rig, models } = rigFor([[{ failed: 'refusal' }], [OK]])
  expect(await rig.run()).toMatchObject({ failure: { reason: 'model-refused' } })
  expect(models[1]?.requests).toEqual([])
})

test('A model that cannot be opened is passed over, or is the environment’s fault', async () => {
  const missing = { open: () => Promise.reject(new WaveError('provider-missing', 'No key.')) }
  const broken = new ScriptedModel([]).resolved(missing)
  const alone = new AgentRig({ models: [broken] })
  expect(await alone.run()).toMatchObject({
    failure: { reason: 'environment', code: 'provider-missing' },
  })
  const helped = new AgentRig({ models: [broken, new ScriptedModel([OK]).resolved()] })
  expect((await helped.run()).status).toBe('succeeded')
})

test('Usage of failed calls counts, and unknown usage is estimated, never zero', async () => {
  const settled: number[] = []
  const { rig } = rigFor(
    [
      [
        { ...BUSY, usage: { ...NO_USAGE, input: 7, output: 3 } },
        BUSY,
        { events: [{ type: 'text', delta: 'x'.repeat(700) }] },
        { text: 'Done.', usage: null },
      ],
    ],
    { budget: { reserve: () => undefined, settle: ({ tokens }) => void settled.push(tokens) } },
  )
  expect(await rig.run()).toMatchObject({ usage: { input: 7, output: 3 } })
  expect(settled[0]).toBe(10)
  expect(settled[1]).toBe(0)
  expect(settled[2]).toBeGreaterThan(200)
  expect(settled[3]).toBeGreaterThan(200)
})

test('A reply without usage is recorded with what limits count for it', async () => {
  const settled: CallAmount[] = []
  const { rig } = rigFor([[{ text: 'Done.', usage: null }]], {
    budget: { reserve: () => undefined, settle: (used) => void settled.push(used) },
  })
  await rig.run()
  expect(settled[0]?.tokens).toBeGreaterThan(200)
  const [response] = rig.eventsOf('model-response')
  expect(response).toMatchObject({ usage: undefined, costUsd: undefined })
  expect(response?.estimated).toEqual({ tokens: settled[0]?.tokens })
})

test('A failed call is recorded with what it cost', async () => {
  const usage = { ...NO_USAGE, input: 7, output: 3 }
  const cutOff = { events: [{ type: 'text', delta: 'Half' }] } as const
  const model = new ScriptedModel([{ ...BUSY, usage }, BUSY, cutOff, OK])
  const cost = ({ input }: typeof usage) => input
  const rig = new AgentRig({ models: [model.resolved({ cost })] })
  await rig.run()
  const failed = rig.eventsOf('model-failed')
  expect(failed.map((event) => event.usage)).toEqual([usage, undefined, undefined])
  expect(failed.map((event) => event.costUsd)).toEqual([7, 0, undefined])
})

test('A reply that breaks off is counted with what arrived, and nobody says what it cost', async () => {
  const early = { ...NO_USAGE, input: 700, output: 1 }
  const lost = { type: 'failed', class: 'retryable', message: 'reset' } as const
  const callingTool = { type: 'progress', characters: 7000 } as const
  const settled: CallAmount[] = []
  const model = new ScriptedModel([
    { events: [{ type: 'usage', usage: early }, callingTool, { ...lost, usage: early }] },
    { events: [callingTool, lost] },
    { events: [lost] },
    OK,
  ])
  const cost = ({ input, output }: typeof early) => input + 2 * output
  const rig = new AgentRig({
    models: [model.resolved({ cost })],
    budget: { reserve: () => undefined, settle: (used) => void settled.push(used) },
  })
  await rig.run()
  expect(settled[0]).toEqual({ tokens: 2700, usd: 4700 })
  expect(settled[1]?.tokens).toBeGreaterThan(2500)
  // Nothing came, but what was sent may have been read.
  expect(settled[2]?.tokens).toBe((settled[1]?.tokens ?? 0) - 2000)
  const failed = rig.eventsOf('model-failed')
  expect(failed.map(({ costUsd }) => costUsd)).toEqual([undefined, undefined, undefined])
  expect(failed.map(({ usage }) => usage)).toEqual([early, undefined, undefined])
  // For the limits, when the run is resumed.
  expect(failed.map(({ estimated }) => estimated)).toEqual(settled.slice(0, 3))
})

test('A failure that the provider ended itself costs what was reported, and one that it refused nothing', async () => {
  const usage = { ...NO_USAGE, input: 7, output: 3 }
  const refusal = {
    type: 'failed',
    class: 'refusal',
    message: 'No.',
    usage,
    isWhole: true,
  } as const
  const model = new ScriptedModel([
    BUSY,
    { events: [{ type: 'text', delta: 'x'.repeat(700) }, refusal] },
  ])
  const rig = new AgentRig({ models: [model.resolved({ cost: ({ input }) => input })] })
  await rig.run()
  const failed = rig.eventsOf('model-failed')
  expect(failed.map(({ costUsd }) => costUsd)).toEqual([0, 7])
  for (const event of failed) expect(event).not.toHaveProperty('estimated')
})

test('The worst case is reserved before a call, with its price when it is known', async () => {
  const reserved: CallAmount[] = []
  const model = new ScriptedModel([OK])
  const rig = new AgentRig({
    models: [model.resolved({ cost: ({ input, output }) => input * 2 + output })],
    budget: { reserve: (worst) => void reserved.push(worst), settle: () => undefined },
  })
  await rig.run()
  const [worst] = reserved
  const input = (worst?.tokens ?? 0) - 16_384
  expect(input).toBeGreaterThan(500)
  expect(worst?.usd).toBe(input * 2 + 16_384)
  // A process that is killed says no more about the call.
  expect(rig.eventsOf('model-request')[0]?.reserved).toEqual(worst)
  expect(rig.eventsOf('model-response')[0]?.costUsd).toBe(210)
})

test('Abort during a pause ends the waiting', async () => {
  const { rig, models } = rigFor([() => BUSY])
  const { clock } = rig.context
  Object.assign(clock, {
    after: () => {
      rig.controller.abort({ reason: 'cancelled' })
      return { [Symbol.dispose]: () => undefined }
    },
  })
  expect(await rig.run()).toMatchObject({ failure: { reason: 'cancelled' } })
  expect(models[0]?.requests).toHaveLength(1)
})

test('A model that asks for a long pause is passed over; when nobody is left, the shortest wait is told', async () => {
  const helped = rigFor([[asking(3_600_000)], [OK]])
  expect((await helped.rig.run()).status).toBe('succeeded')
  const two = rigFor([[asking(3_600_000)], [asking(7_200_000)]])
  expect(await two.rig.run()).toMatchObject({
    failure: { model: 'scripted/m1', waitMs: 3_600_000 },
  })
  // One that will answer later counts for more than one that never will.
  const refused = rigFor([[asking(3_600_000)], [{ failed: 'auth' }]])
  expect(await refused.rig.run()).toMatchObject({ failure: { waitMs: 3_600_000 } })
  const endless = rigFor([[asking(Number.MAX_VALUE)]])
  expect(await endless.rig.run()).toMatchObject({ failure: { waitMs: 31_536_000_000 } })
})

test('A call that is cut off is recorded, with what the provider had reported', async () => {
  const usage = { ...NO_USAGE, input: 700, output: 1 }
  for (const [script, reported] of [
    [{ hangs: true, reports: usage }, usage],
    [{ hangs: true }, undefined],
  ] as const) {
    const { rig } = rigFor([[script]])
    const running = rig.run()
    // oxlint-disable-next-line no-await-in-loop
    await vi.waitUntil(() => rig.eventsOf('model-request').length > 0)
    rig.controller.abort({ reason: 'cancelled' })
    // oxlint-disable-next-line no-await-in-loop
    expect(await running).toMatchObject({ failure: { reason: 'cancelled' }, usage: reported })
    const message = 'The call was cut off: cancelled.'
    const end = { class: 'cut-off', message, costUsd: undefined, usage: reported }
    expect(rig.eventsOf('model-failed')).toMatchObject([end])
    // It may be billed, also when nothing had come.
    expect(rig.eventsOf('model-failed')[0]?.estimated?.tokens).toBeGreaterThan(200)
  }
})
