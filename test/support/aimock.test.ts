import type { Message, Model, ModelEvent, ToolSpec } from '../../packages/core/src/index.ts'
import { createModelCatalog } from '../../packages/models/src/index.ts'
import { describe, expect, test } from 'vitest'
import {
  AIMOCK_KEY_VARIABLE,
  type Aimock,
  type MockedVendor,
  startAimock,
  TOKENS_PER_ANSWER,
} from './aimock.ts'
import { type IncidentArtifact, incidentScript } from './incident-script.ts'

const PLACE = {
  file: 'src/orders.js',
  pattern: 'rows[0].id',
  edit: { old: 'rows[0].id', new: 'rows[0]?.id' },
  testCommand: 'node --test',
}

async function modelOf(
  aimock: Aimock,
  vendor: MockedVendor,
): Promise<{ model: Model; id: string }> {
  const { providers, models } = aimock.userConfig(vendor)
  // Through JSON, as the configuration file brings it.
  const config = JSON.parse(JSON.stringify({ providers, models }))
  const resolved = createModelCatalog(config, { [AIMOCK_KEY_VARIABLE]: 'any-key-4711' }).resolve(
    'balanced',
  )
  if (!resolved) throw new Error('The catalog does not know the model.')
  return { model: await resolved.open(), id: resolved.model }
}

function tool(name: string, properties: object = {}): ToolSpec {
  return { name, description: name, inputSchema: { type: 'object', properties } }
}

const TOOLS = ['read', 'grep', 'history', 'bash', 'edit', 'note'].map((name) => tool(name))

type Done = Extract<ModelEvent, { type: 'done' }>

/** Talks to the model until it ends or submits, with made-up results. */
async function talk(aimock: Aimock, vendor: MockedVendor, artifact: string): Promise<Done[]> {
  const { model, id } = await modelOf(aimock, vendor)
  const messages: Message[] = [{ role: 'user', results: [], text: 'Do your part.' }]
  const turns: Done[] = []
  for (;;) {
    const done = await ask(model, id, messages, artifact)
    turns.push(done)
    const { toolCalls } = done.reply
    if (toolCalls.length === 0 || toolCalls.some(({ name }) => name === 'submit')) return turns
    const results = toolCalls.map((call) => ({
      callId: call.id,
      text: `commit 0123abc of ${call.name}`,
      isError: false,
    }))
    messages.push({ role: 'assistant', reply: done.reply }, { role: 'user', results, text: '' })
  }
}

async function ask(model: Model, id: string, messages: Message[], artifact: string): Promise<Done> {
  const request = {
    model: id,
    system: 'You are a persona.',
    messages,
    tools: [...TOOLS, tool('submit', { [artifact]: { type: 'string' } })],
    toolChoice: 'auto' as const,
    maxOutputTokens: 1_000,
  }
  for await (const event of model.stream(request, new AbortController().signal)) {
    if (event.type === 'done') return event
    if (event.type === 'failed') throw new Error(event.message)
  }
  throw new Error('The stream ended without a terminal event.')
}

const CALLS: Record<IncidentArtifact, string[]> = {
  triage: ['grep history', 'submit'],
  investigation: ['read history', 'note', 'submit'],
  'root-cause': ['read', 'submit'],
  fix: ['read', 'bash', 'edit', 'bash', 'submit'],
  report: ['submit'],
}

describe.each<MockedVendor>(['anthropic', 'openai', 'openai-compatible'])('%s', (vendor) => {
  test('every persona goes through its turns and submits, whatever the others do meanwhile', async () => {
    await using aimock = await startAimock(incidentScript(PLACE))
    const talks = await Promise.all(
      Object.keys(CALLS).map(async (artifact) => {
        const turns = await talk(aimock, vendor, artifact)
        return [
          artifact,
          turns.map(({ reply }) => reply.toolCalls.map(({ name }) => name).join(' ')),
        ]
      }),
    )
    expect(Object.fromEntries(talks)).toEqual(CALLS)
    expect(aimock.requests.every(({ tools }) => tools.includes('submit'))).toBe(true)
  })

  test('text, usage and results of tools get through', async () => {
    await using aimock = await startAimock(incidentScript(PLACE))
    const [first, last] = await talk(aimock, vendor, 'triage')
    expect(first).toMatchObject({ stop: 'tools', usage: TOKENS_PER_ANSWER })
    expect(first?.reply.text).toContain('I look for the place')
    const submitted: unknown = JSON.parse(last?.reply.toolCalls[0]?.input ?? '')
    expect(submitted).toMatchObject({ triage: { recent_changes: [{ change: '0123abc' }] } })
  })

  test('a request that the script does not foresee fails with its reason', async () => {
    await using aimock = await startAimock(incidentScript(PLACE, { triage: [] }))
    await expect(talk(aimock, vendor, 'triage')).rejects.toThrow('no turn 0')
    await expect(talk(aimock, vendor, 'verdict')).rejects.toThrow('no step for: verdict')
  })

  test('steps are found by words, and may end with text or fail', async () => {
    await using aimock = await startAimock([
      { says: 'nobody says this', turns: [] },
      { says: 'Do your part', turns: [{ text: 'Done.' }] },
    ])
    expect(await talk(aimock, vendor, 'x')).toMatchObject([
      { stop: 'end', reply: { text: 'Done.' } },
    ])
    await using down = await startAimock([
      { submits: 'x', turns: [{ status: 503, message: 'Down for maintenance.' }] },
    ])
    await expect(talk(down, vendor, 'x')).rejects.toThrow('Down for maintenance')
  })
})
