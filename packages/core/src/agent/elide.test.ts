import { expect, test } from 'vitest'
import { AgentRig } from '../testing/agent-rig.ts'
import { ScriptedModel } from '../testing/scripted-model.ts'
import type { ScriptedReply } from '../testing/scripted-model.ts'
import { Conversation } from './conversation.ts'
import { elideResults } from './elide.ts'
import type { ModelRequest } from './messages.ts'
import type { CallReport } from './toolbox.ts'

const files = Object.fromEntries(
  Array.from({ length: 8 }, (_, n) => [`f${n}.ts`, `file ${n}\n`.repeat(400)]),
)

const read = (n: number): ScriptedReply => ({
  calls: [{ name: 'read', input: { path: `f${n}.ts` } }],
  usage: null,
})

const history = (): string => 'commit\n'.repeat(800)

function resultTexts(request: ModelRequest | undefined): string[] {
  return (request?.messages ?? []).flatMap((message) =>
    message.role === 'user' ? message.results.map(({ text }) => text) : [],
  )
}

function rigFor(
  script: ScriptedReply[],
  contextTokens: number,
): { rig: AgentRig; model: ScriptedModel } {
  const model = new ScriptedModel(script)
  return {
    rig: new AgentRig({ files, history, models: [model.resolved({ contextTokens })] }),
    model,
  }
}

test('Above 70 % of the window old large results become stubs; the last three and the history stay', async () => {
  const log: ScriptedReply = {
    calls: [{ name: 'history', input: { kind: 'log' } }],
    usage: null,
  }
  const script = [log, read(0), read(1), read(2), read(3), read(4), { text: 'Done.' }]
  const { rig, model } = rigFor(script, 11_000)
  expect((await rig.run()).status).toBe('succeeded')
  const texts = resultTexts(model.requests.at(-1))
  expect(texts[0]).toContain('commit')
  expect(texts[1]).toMatch(/^\[wave\] Left out to save room: "read f0\.ts", \d+ bytes\./)
  expect(texts.slice(-3).every((text) => text.startsWith('<data'))).toBe(true)
})

test('Below 70 % of the window nothing is left out', async () => {
  const { rig, model } = rigFor(
    [read(0), read(1), read(2), read(3), read(4), { text: 'Done.' }],
    200_000,
  )
  await rig.run()
  expect(resultTexts(model.requests.at(-1)).every((text) => text.startsWith('<data'))).toBe(true)
})

test('MA-16 an overflow leaves out old results once, then the step fails by that name', async () => {
  const overflow: ScriptedReply = { failed: 'overflow' }
  const reads = [read(0), read(1), read(2), read(3)]
  const helped = rigFor([...reads, overflow, { text: 'Done.' }], 200_000)
  expect((await helped.rig.run()).status).toBe('succeeded')
  expect(resultTexts(helped.model.requests.at(-1))[0]).toContain('Left out')
  const twice = rigFor([...reads, overflow, overflow], 200_000)
  expect(await twice.rig.run()).toMatchObject({ failure: { reason: 'context-overflow' } })
  const later = rigFor([...reads, overflow, read(4), read(5), overflow], 200_000)
  expect(await later.rig.run()).toMatchObject({ failure: { reason: 'context-overflow' } })
  const nothing = rigFor([overflow], 200_000)
  expect(await nothing.rig.run()).toMatchObject({ failure: { reason: 'context-overflow' } })
  expect(nothing.model.requests).toHaveLength(1)
})

test('Nothing is left out unless enough is gained, and a stub is never replaced again', () => {
  const conversation = new Conversation('go')
  conversation.addResults(['1', '2', '3', '4'].map(report), undefined)
  expect(elideResults(conversation, 5000)).toBe(0)
  expect(elideResults(conversation, 4000)).toBeGreaterThan(4000)
  expect(elideResults(conversation, 1)).toBe(0)
  expect(conversation.results().map(({ isElided }) => isElided)).toEqual([
    true,
    false,
    false,
    false,
  ])
})

function report(callId: string): CallReport {
  return {
    tool: 'read',
    label: 'read a',
    kind: 'done',
    result: { callId, text: 'x'.repeat(5000), isError: false },
    observation: { tool: 'read', input: '', result: '', isError: false },
  }
}
