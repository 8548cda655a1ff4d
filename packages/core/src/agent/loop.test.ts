import { expect, test } from 'vitest'
import { WaveError } from '../errors.ts'
import { WorkspaceLost } from '../workspace-errors.ts'
import { AgentRig, declare, resultsIn } from '../testing/agent-rig.ts'
import type { AgentRigOptions } from '../testing/agent-rig.ts'
import { settle } from '../testing/manual-clock.ts'
import { ScriptedModel } from '../testing/scripted-model.ts'
import type { Script, ScriptedReply } from '../testing/scripted-model.ts'

const REPORT = 'A report that is long enough to count as one.'
const SUBMIT = { name: 'submit', input: { report: REPORT } }
const READ = { name: 'read', input: { path: 'a.ts' } }

function rigFor(
  script: Script,
  options: Omit<AgentRigOptions, 'models'> = {},
): { rig: AgentRig; model: ScriptedModel } {
  const model = new ScriptedModel(script)
  const rig = new AgentRig({
    files: { 'a.ts': 'const a = 1\n' },
    ...options,
    step: { artifacts: [declare('report')], ...options.step },
    models: [model.resolved()],
  })
  return { rig, model }
}

/** Every call has exactly one result in the journal, and every result a call before it. */
function expectPaired(rig: AgentRig): void {
  const open: string[] = []
  for (const event of rig.events) {
    if (event.type === 'tool-call') open.push(event.call)
    if (event.type !== 'tool-result') continue
    const at = open.indexOf(event.call)
    expect(at).toBeGreaterThanOrEqual(0)
    open.splice(at, 1)
  }
  expect(open).toEqual([])
}

test('A step succeeds when its submission is accepted, and everything on the way is journaled', async () => {
  const { rig, model } = rigFor([{ text: 'Let me look.', calls: [READ] }, { calls: [SUBMIT] }])
  const outcome = await rig.run()
  expect(outcome).toMatchObject({ status: 'succeeded', lastText: 'Let me look.' })
  expect(outcome.usage).toMatchObject({ input: 200, output: 20 })
  const artifacts = outcome.status === 'succeeded' ? outcome.artifacts : new Map()
  expect(Buffer.from(artifacts.get('report')).toString()).toBe(REPORT)
  expect(rig.events.map(({ type }) => type)).toEqual([
    'model-request',
    'model-response',
    'tool-call',
    'tool-result',
    'model-request',
    'model-response',
    'tool-call',
    'tool-result',
  ])
  const [request] = rig.eventsOf('model-request')
  expect(request).toMatchObject({ step: 'investigate', turn: 1, model: 'scripted/script-1' })
  const [response] = rig.eventsOf('model-response')
  expect(response?.key).toBe(request?.key)
  const none = { digest: '', sizeBytes: 0 }
  expect(JSON.parse(rig.stored(response?.reply ?? none))).toMatchObject({ text: 'Let me look.' })
  const [call] = rig.eventsOf('tool-call')
  expect(rig.stored(call?.input ?? none)).toBe('{"path":"a.ts"}')
  expect(model.requests[0]?.tools.map(({ name }) => name)).toEqual([
    'read',
    'grep',
    'glob',
    'history',
    'note',
    'submit',
  ])
})

test('The conversation goes back with the results of a turn in one message, in the order of the calls', async () => {
  const calls = [
    { ...READ, id: 'first' },
    { name: 'grep', input: { pattern: 'nothing' }, id: 'second' },
    { name: 'note', input: { text: 'n' }, id: 'third' },
  ]
  const { rig, model } = rigFor([{ calls }, { calls: [SUBMIT] }])
  await rig.run()
  const last = model.requests[1]?.messages.at(-1)
  expect(last).toMatchObject({ role: 'user', text: '' })
  expect(resultsIn(model.requests[1]).map(({ callId }) => callId)).toEqual([
    'first',
    'second',
    'third',
  ])
})

test('A workspace is opened only when a tool needs it', async () => {
  const { rig } = rigFor([{ calls: [{ name: 'note', input: { text: 'n' } }] }, { calls: [SUBMIT] }])
  await rig.run()
  expect(rig.opened).toBe(0)
})

test('Read-only calls of a turn run side by side; writes wait for them and hold up the next', async () => {
  const log: string[] = []
  const gates = new Map<string, () => void>()
  const step = (name: string): Promise<void> => {
    log.push(`start ${name}`)
    const { promise, resolve } = Promise.withResolvers<void>()
    gates.set(name, () => {
      log.push(`end ${name}`)
      resolve()
    })
    return promise
  }
  const { rig } = rigFor(
    [
      {
        calls: [
          { name: 'history', input: { kind: 'show', ref: 'a' } },
          { name: 'history', input: { kind: 'show', ref: 'b' } },
          { name: 'bash', input: { command: 'c', why: 'w' } },
          { name: 'history', input: { kind: 'show', ref: 'd' } },
        ],
      },
      { calls: [SUBMIT] },
    ],
    {
      tools: ['history', 'bash'],
      prepare: (workspace) =>
        Object.assign(workspace, {
          history: async ({ ref }: { ref: string }) => {
            await step(ref)
            return { ok: true, value: ref }
          },
          exec: async ({ shell }: { shell: string }) => {
            await step(shell)
            const output = new Uint8Array()
            return { exitCode: 0, stopped: undefined, output, stdout: output }
          },
        }),
    },
  )
  const run = rig.run()
  for (const name of ['b', 'a', 'c', 'd']) {
    await settleUntil(() => gates.has(name))
    gates.get(name)?.()
  }
  expect((await run).status).toBe('succeeded')
  expect(log).toEqual([
    'start a',
    'start b',
    'end b',
    'end a',
    'start c',
    'end c',
    'start d',
    'end d',
  ])
})

async function settleUntil(holds: () => boolean): Promise<void> {
  for (let round = 0; round < 1000 && !holds(); round += 1) await settle()
}

test('A submission waits for the other calls of its turn', async () => {
  const { rig } = rigFor(
    [
      {
        calls: [
          { name: 'submit', input: {} },
          { name: 'write', input: { path: '/work/output/report.md', content: REPORT } },
        ],
      },
    ],
    { tools: ['read', 'write'] },
  )
  const outcome = await rig.run()
  expect(outcome.status).toBe('succeeded')
  expect(rig.eventsOf('tool-call').map(({ tool }) => tool)).toEqual(['write', 'submit'])
})

test('of two turns the last one is warned of once, and the failure says how many there were', async () => {
  const { rig } = rigFor(
    (_request, index) => ({ calls: [{ ...READ, input: { path: `f${index}` } }] }),
    { step: { turns: 2 }, files: { f0: 'a', f1: 'b' } },
  )
  expect(await rig.run()).toMatchObject({ failure: { limit: 'turns', allowed: 2 } })
  expect(rig.eventsOf('limit-warning').map(({ share }) => share)).toEqual([0.95])
})

test('Turns run out by their own name, with warnings before and a word to the model', async () => {
  const { rig, model } = rigFor(
    (_request, index) => ({ calls: [{ ...READ, input: { path: `f${index}` } }] }),
    {
      step: { turns: 20 },
      files: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`f${n}`, `text ${n}`])),
    },
  )
  const outcome = await rig.run()
  expect(outcome).toMatchObject({
    status: 'failed',
    failure: { reason: 'limit-reached', limit: 'turns', scope: 'step' },
  })
  expect(model.requests).toHaveLength(20)
  expect(rig.eventsOf('limit-warning').map(({ share }) => share)).toEqual([0.8, 0.95])
  expect(resultsIn(model.requests[19])[0]?.text).toMatch(/\[wave\] Turns left: 1\./)
  expect(resultsIn(model.requests[18])[0]?.text).not.toContain('Turns left')
})

test('A persona is told to submit when the budget takes only one more call', async () => {
  const { rig, model } = rigFor([{ calls: [READ] }, { calls: [READ] }, { calls: [SUBMIT] }], {
    budget: {
      reserve: () => undefined,
      settle: () => (model.requests.length === 2 ? 'last-call' : undefined),
    },
  })
  await rig.run()
  const told = [1, 2].map((turn) => resultsIn(model.requests[turn])[0]?.text)
  expect(told[0]).not.toContain('budget')
  expect(told[1]).toContain('[wave] The budget is nearly used up. Submit now')
})

test('PI-11 the same failing call is nudged once, then the step is stuck', async () => {
  const { rig, model } = rigFor(() => ({ calls: [{ name: 'read', input: { path: 'none.ts' } }] }))
  const outcome = await rig.run()
  expect(outcome).toMatchObject({ status: 'failed', failure: { reason: 'stuck' } })
  expect(model.requests).toHaveLength(6)
  const nudges = model.requests.filter((request) =>
    resultsIn(request).some(({ text }) => text.includes('[wave] You are going in circles')),
  )
  expect(nudges).toHaveLength(1)
  expectPaired(rig)
})

test('MA-13 input that is not JSON gets one turn for repair, then the step fails', async () => {
  const broken: ScriptedReply = { calls: [{ name: 'read', input: '{"path": "a' }] }
  const failed = rigFor([broken, broken])
  expect(await failed.rig.run()).toMatchObject({
    failure: { reason: 'limit-reached', limit: 'format-errors' },
  })
  expect(failed.rig.opened).toBe(0)
  const repaired = rigFor([broken, { calls: [READ] }, broken, { calls: [SUBMIT] }])
  expect((await repaired.rig.run()).status).toBe('succeeded')
  expect(resultsIn(repaired.model.requests[1])[0]).toMatchObject({
    isError: true,
    text: expect.stringContaining('not JSON'),
  })
})

test.each([
  ['an unknown tool', { name: 'curl', input: { url: 'x' } }, 'no such tool'],
  ['a wrong type', { name: 'read', input: { path: 7 } }, '/path must be string'],
  ['an extra field', { name: 'read', input: { path: 'a', depth: 1 } }, 'unknown property "depth"'],
  ['a missing field', { name: 'grep', input: { path: 'a' } }, "required property 'pattern'"],
  ['a value outside its enum', { name: 'history', input: { kind: 'push' } }, 'must be one of'],
  ['10 MB of argument', { name: 'read', input: { path: 'x'.repeat(10_000_000) } }, 'at most'],
  ['MA-14 duplicate keys', { name: 'read', input: '{"path":"a","path":"b"}' }, 'appears twice'],
  ['MA-14 __proto__', { name: 'read', input: '{"path":"a","__proto__":{}}' }, 'not allowed'],
  ['MA-14 an array', { name: 'read', input: '["a"]' }, 'an array'],
  ['MA-14 an empty object', { name: 'read', input: '{}' }, 'The input was empty.'],
])('PI-10 %s comes back as an error, runs nothing and is counted', async (_what, call, words) => {
  const { rig, model } = rigFor(() => ({ calls: [call] }))
  const outcome = await rig.run()
  expect(resultsIn(model.requests[1])[0]).toMatchObject({
    isError: true,
    text: expect.stringContaining(words),
  })
  expect(outcome).toMatchObject({ failure: { reason: 'limit-reached', limit: 'format-errors' } })
  expect(model.requests).toHaveLength(3)
  expect(rig.opened).toBe(0)
  expectPaired(rig)
})

test('PI-10 an error never repeats megabytes of what the model wrote', async () => {
  const keys = Array.from({ length: 20_000 }, (_, n) => [`key-${n}-${'x'.repeat(100)}`, 1])
  const { rig, model } = rigFor([
    { calls: [{ name: 'read', input: Object.fromEntries(keys) }] },
    { calls: [{ name: 'submit', input: Object.fromEntries(keys) }] },
    { calls: [SUBMIT] },
  ])
  expect((await rig.run()).status).toBe('succeeded')
  for (const request of model.requests.slice(1)) {
    expect(resultsIn(request)[0]?.text.length).toBeLessThan(33_000)
  }
})

test('MA-17 two calls with one id are both refused, and both get a result', async () => {
  const calls = [
    { ...READ, id: 'same' },
    { ...READ, id: 'same' },
    { ...READ, id: 'other' },
  ]
  const { rig, model } = rigFor([{ calls }, { calls: [SUBMIT] }])
  expect((await rig.run()).status).toBe('succeeded')
  expect(resultsIn(model.requests[1]).map(({ callId, isError }) => [callId, isError])).toEqual([
    ['same', true],
    ['same', true],
    ['other', false],
  ])
  expectPaired(rig)
})

test('A refused call never reaches the workspace, and the refusal is journaled', async () => {
  const { rig, model } = rigFor(
    [{ calls: [{ name: 'read', input: { path: 'x/../secret/a' } }] }, { calls: [SUBMIT] }],
    {
      permissions: { allow: ['read'], deny: ['read(secret/**)'] },
      files: { 'secret/a': 'hidden' },
    },
  )
  await rig.run()
  expect(resultsIn(model.requests[1])[0]?.text).toBe(
    'Not permitted: read of secret/a. Go on without it.',
  )
  expect(rig.opened).toBe(0)
  expect(rig.eventsOf('tool-result')[0]?.isError).toBe(true)
})

test('A search of a permitted folder leaves out what is denied in it', async () => {
  const { rig, model } = rigFor(
    [
      {
        calls: [
          { name: 'grep', input: { pattern: 'token' } },
          { name: 'glob', input: { pattern: '**/*' } },
        ],
      },
      { calls: [SUBMIT] },
    ],
    {
      permissions: { allow: ['*'], deny: ['grep(secret/**)', 'glob(secret/**)'] },
      files: { 'src/a': 'token one', 'secret/b': 'token two' },
    },
  )
  await rig.run()
  const [found, named] = resultsIn(model.requests[1]).map(({ text }) => text)
  expect(found).toContain('token one')
  expect(found).not.toContain('token two')
  expect(named).toContain('src/a')
  expect(named).not.toContain('secret/b')
})

test('A step can narrow what its persona may do', async () => {
  const { rig, model } = rigFor([{ calls: [READ] }, { calls: [SUBMIT] }], {
    step: { permissions: { allow: ['grep'], deny: [] } },
  })
  await rig.run()
  expect(resultsIn(model.requests[1])[0]?.text).toContain('Not permitted')
})

test('Input nested without end is refused, in a call and in what is submitted', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const { rig, model } = rigFor([
    { calls: [{ name: 'read', input: `{"path":"a","more":${deep}}` }] },
    { calls: [{ name: 'submit', input: `{"report":${deep}}` }] },
    { calls: [SUBMIT] },
  ])
  expect((await rig.run()).status).toBe('succeeded')
  const refusals = [1, 2].map((turn) => resultsIn(model.requests[turn])[0]?.text)
  expect(refusals).toEqual(Array(2).fill(expect.stringContaining('levels deep')))
})

test('The name of a tool that does not exist is told in part', async () => {
  const unknown = { name: 'x'.repeat(100_000), input: {} }
  const { rig } = rigFor((_request, index) => ({
    calls: [{ name: 'read', input: { path: `a${index}` } }, unknown, unknown, unknown],
  }))
  const outcome = await rig.run()
  expect(outcome).toMatchObject({ failure: { reason: 'stuck' } })
  expect(JSON.stringify(outcome).length).toBeLessThan(1000)
})

test('PI-06 tools that the step does not have stay unknown, whatever an input says', async () => {
  const { rig, model } = rigFor([
    { calls: [{ name: 'bash', input: { command: 'id', why: 'w' } }] },
    { calls: [SUBMIT] },
  ])
  await rig.run()
  expect(resultsIn(model.requests[1])[0]?.text).toContain('There is no such tool now.')
  expect(rig.workspace.commands).toEqual([])
})

test('MA-12 a reply cut off inside a call runs nothing and is repeated once with a higher cap', async () => {
  const cut: ScriptedReply = { calls: [{ name: 'read', input: '{"pa' }], stop: 'length' }
  const { rig, model } = rigFor([cut, { calls: [SUBMIT] }])
  expect((await rig.run()).status).toBe('succeeded')
  expect(model.requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([16_384, 32_000])
  expect(model.requests[1]?.messages).toHaveLength(1)
  const twice = rigFor([cut, cut])
  expect(await twice.rig.run()).toMatchObject({
    failure: { reason: 'limit-reached', limit: 'tokens', scope: 'step' },
  })
  expect(twice.rig.eventsOf('tool-call')).toEqual([])
})

test('MA-12 a cap that the step chose is not raised', async () => {
  const { rig, model } = rigFor([{ text: 'long', stop: 'length' }], {
    step: { model: { name: 'm', fallbacks: [], maxOutputTokens: 500, effort: undefined } },
  })
  expect(await rig.run()).toMatchObject({ failure: { reason: 'limit-reached', limit: 'tokens' } })
  expect(model.requests[0]?.maxOutputTokens).toBe(500)
})

test('A paused reply goes back unchanged, without a user message', async () => {
  const { rig, model } = rigFor([{ text: 'thinking on', stop: 'pause' }, { calls: [SUBMIT] }])
  expect((await rig.run()).status).toBe('succeeded')
  expect(model.requests[1]?.messages.map(({ role }) => role)).toEqual(['user', 'assistant'])
})

test('An unknown stop runs no tools and counts as an end; its calls are answered', async () => {
  const { rig, model } = rigFor([{ calls: [READ], stop: 'unknown' }, { calls: [SUBMIT] }])
  await rig.run()
  expect(rig.opened).toBe(0)
  expect(resultsIn(model.requests[1])[0]?.text).toContain('Not run')
  expectPaired(rig)
})

test('Ending without outputs is reminded once, then only submit is offered, then the artifact is missing', async () => {
  const { rig, model } = rigFor([
    { text: 'Which region do you mean?' },
    { text: '' },
    { text: 'I am done.' },
  ])
  expect(await rig.run()).toMatchObject({
    status: 'failed',
    failure: { reason: 'artifact-missing', name: 'report' },
    lastText: 'I am done.',
  })
  expect(model.requests[1]?.messages.at(-1)).toMatchObject({
    text: expect.stringContaining('Still missing: report'),
  })
  expect(model.requests.map(({ tools }) => tools.length)).toEqual([6, 6, 1])
  expect(model.requests[2]?.toolChoice).toEqual({ name: 'submit' })
})

test('A model that was reminded may still work and submit', async () => {
  const { rig } = rigFor([{ text: 'Shall I go on?' }, { calls: [READ] }, { calls: [SUBMIT] }])
  expect((await rig.run()).status).toBe('succeeded')
})

test('An empty reply leaves no empty message behind', async () => {
  const { rig, model } = rigFor([{ text: '' }, { calls: [SUBMIT] }])
  await rig.run()
  expect(model.requests[1]?.messages.map(({ role }) => role)).toEqual(['user', 'user'])
})

test('The final message becomes an artifact only if the artifact says so', async () => {
  const stdout = rigFor([{ text: 'The service is fine, and here is why it is.' }], {
    step: { artifacts: [declare('log', 'text', { source: 'stdout' })] },
  })
  const outcome = await stdout.rig.run()
  const artifacts = outcome.status === 'succeeded' ? outcome.artifacts : new Map()
  expect(Buffer.from(artifacts.get('log') ?? []).toString()).toContain('The service is fine')
})

test('A file at the declared path counts as delivered when the model just ends', async () => {
  const { rig } = rigFor(
    [
      { calls: [{ name: 'write', input: { path: '/work/output/report.md', content: REPORT } }] },
      { text: 'Done.' },
    ],
    { tools: ['write'] },
  )
  const outcome = await rig.run()
  const artifacts = outcome.status === 'succeeded' ? outcome.artifacts : new Map()
  expect(Buffer.from(artifacts.get('report') ?? []).toString()).toBe(REPORT)
})

test('A step without artifacts ends with its final message', async () => {
  const { rig } = rigFor([{ text: 'All good.' }], { step: { artifacts: [] } })
  expect(await rig.run()).toMatchObject({ status: 'succeeded', lastText: 'All good.' })
})

const CANCELLED = { reason: 'cancelled' } as const

test('Abort during a model call stops at once, also when the adapter does not listen', async () => {
  for (const reply of [{ hangs: true }, { events: [] }] as const) {
    const { rig } = rigFor((_request, index) => {
      if (index === 0) queueMicrotask(() => rig.controller.abort(CANCELLED))
      return reply
    })
    expect(await rig.run()).toMatchObject({ status: 'failed', failure: CANCELLED })
    expect(rig.delaysMs).toEqual([])
  }
})

test('Abort during a tool answers every call of the turn and stops with the reason given', async () => {
  const reason = { reason: 'limit-reached', limit: 'time', scope: 'step' } as const
  const { rig, model } = rigFor(
    [
      {
        calls: [
          { name: 'bash', input: { command: 'sleep 9', why: 'w' } },
          { name: 'bash', input: { command: 'second', why: 'w' } },
          READ,
        ],
      },
    ],
    {
      tools: ['bash', 'read'],
      workspace: {
        exec: () => {
          rig.controller.abort(reason)
          return new Promise(() => undefined)
        },
      },
    },
  )
  expect(await rig.run()).toMatchObject({ status: 'failed', failure: reason })
  expect(rig.workspace.commands).toHaveLength(1)
  expect(rig.eventsOf('tool-result')).toHaveLength(3)
  expect(rig.stored(rig.eventsOf('tool-result')[2]?.output ?? { digest: '', sizeBytes: 0 })).toBe(
    'interrupted',
  )
  expectPaired(rig)
  expect(model.requests).toHaveLength(1)
})

test('A step that was stopped before it began asks nobody', async () => {
  const { rig, model } = rigFor([])
  rig.controller.abort(CANCELLED)
  expect(await rig.run()).toMatchObject({ failure: CANCELLED, usage: undefined })
  expect(model.requests).toEqual([])
})

test('A lost workspace fails the step by its name, and the other calls are answered', async () => {
  const { rig } = rigFor([{ calls: [{ name: 'bash', input: { command: 'a', why: 'w' } }, READ] }], {
    tools: ['bash', 'read'],
    workspace: { exec: () => Promise.reject(new WorkspaceLost('oom', 'Out of memory.')) },
  })
  expect(await rig.run()).toMatchObject({ failure: { reason: 'oom', message: 'Out of memory.' } })
  expectPaired(rig)
})

test('A workspace that cannot be opened is the environment’s fault', async () => {
  const { rig } = rigFor([{ calls: [READ] }], {
    prepare: () => {
      throw new WaveError('docker-unreachable', 'No engine.', { hint: 'Start Docker.' })
    },
  })
  expect(await rig.run()).toMatchObject({
    failure: { reason: 'environment', code: 'docker-unreachable', hint: 'Start Docker.' },
  })
  expectPaired(rig)
})

test('MA-19 a budget that is used up stops the step before the call', async () => {
  const spent: number[] = []
  const failure = { reason: 'limit-reached', limit: 'tokens', scope: 'run' } as const
  const { rig, model } = rigFor(() => ({ calls: [READ] }), {
    budget: {
      reserve: ({ tokens }) => (spent.length > 0 || tokens < 16_384 ? failure : undefined),
      settle: ({ tokens }) => void spent.push(tokens),
    },
  })
  expect(await rig.run()).toMatchObject({ failure, usage: { input: 100 } })
  expect(spent).toEqual([110])
  expect(model.requests).toHaveLength(1)
  expectPaired(rig)
})
