import { expect, test } from 'vitest'
import { AgentRig } from '../testing/agent-rig.ts'
import type { AgentRigOptions } from '../testing/agent-rig.ts'
import { ScriptedModel } from '../testing/scripted-model.ts'
import type { Script } from '../testing/scripted-model.ts'
import type { Message, ModelRequest, Reply } from './messages.ts'
import type { StoredPrompt } from './stored-prompt.ts'

const NOTE = { calls: [{ name: 'note', input: { text: 'n' } }], text: 'Looking.' }
const OK = { text: 'Done.' }

const reading = (path: string) => ({ calls: [{ name: 'read', input: { path } }] })

async function play(script: Script, options: Omit<AgentRigOptions, 'models'> = {}) {
  const model = new ScriptedModel(script)
  const rig = new AgentRig({ ...options, models: [model.resolved()] })
  const outcome = await rig.run()
  const events = rig.eventsOf('model-request')
  const prompts = events.map(({ prompt }): StoredPrompt => JSON.parse(rig.stored(prompt!)))
  return { rig, model, outcome, events, prompts }
}

type Played = Awaited<ReturnType<typeof play>>

/** The request as the store alone tells it. */
function readBack(played: Played, place: number): Partial<ModelRequest> {
  const { rig, events, prompts } = played
  const prompt = prompts[place]
  if (prompt === undefined) throw new Error('no such prompt')
  const { after, messages, ...head } = prompt
  const before = events.findIndex((event) => event.prompt?.digest === after)
  const earlier = after === undefined ? undefined : readBack(played, before)
  const own = messages.map((message): Message => {
    if (message.role === 'user') return message
    if (!('digest' in message.reply)) return { role: 'assistant', reply: message.reply }
    const reply: Reply = JSON.parse(rig.stored(message.reply))
    return { role: 'assistant', reply }
  })
  return { ...earlier, ...head, messages: [...(earlier?.messages ?? []), ...own] }
}

function expectReadBack(played: Played): void {
  for (const [place, request] of played.model.requests.entries()) {
    const { system, tools, toolChoice, messages } = request
    const sent = JSON.parse(JSON.stringify({ system, tools, toolChoice, messages })) as unknown
    expect(readBack(played, place)).toEqual(sent)
  }
}

test('every request can be read back from the store, each of which holds only what is new', async () => {
  const played = await play([NOTE, NOTE, NOTE, OK])
  expect(played.events).toHaveLength(4)
  expectReadBack(played)
  const [first, ...later] = played.prompts
  expect(first?.system).toContain('You weigh evidence.')
  for (const prompt of later) {
    expect(Object.keys(prompt)).toEqual(['after', 'messages'])
    expect(prompt.messages).toHaveLength(2)
  }
  const sizes = played.events.map(({ prompt }) => prompt?.sizeBytes ?? 0)
  expect(Math.max(...sizes.slice(1))).toBeLessThan(600)
})

test('a request that is sent again names the prompt that it was', async () => {
  const { events } = await play([{ failed: 'retryable' }, { failed: 'retryable' }, NOTE, OK])
  const digests = events.map(({ prompt }) => prompt?.digest)
  expect(new Set(digests.slice(0, 3)).size).toBe(1)
  expect(digests[3]).not.toBe(digests[2])
})

test('where old results are left out, the whole is stored anew', async () => {
  const big = 'one line of many\n'.repeat(500)
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  const files = Object.fromEntries(names.map((name) => [name, `${name}\n${big}`]))
  const played = await play([...names.map(reading), { failed: 'overflow' }, OK], { files })
  expect(played.outcome.status).toBe('succeeded')
  expectReadBack(played)
  const whole = played.prompts.filter(({ after }) => after === undefined)
  expect(whole).toHaveLength(2)
})

test('another choice of tools is told with the messages that go with it', async () => {
  const played = await play([OK, OK, { calls: [{ name: 'submit', input: { note: 'n' } }] }], {
    step: {
      artifacts: [
        { name: 'note', path: 'output/note.txt', type: 'text', required: true, source: 'file' },
      ],
    },
  })
  expectReadBack(played)
  expect(played.prompts.at(-1)).toMatchObject({ toolChoice: { name: 'submit' } })
})
