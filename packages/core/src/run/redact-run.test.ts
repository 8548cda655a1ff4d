import { expect, test } from 'vitest'
import { AgentRunner } from '../agent/agent-runner.ts'
import type { ExecResult, StepContext, StepRunner } from '../ports.ts'
import { createRedactor } from '../redact.ts'
import { memorySnapshot } from '../testing/memory-snapshot.ts'
import { MemoryArtifactStore } from '../testing/memory-storage.ts'
import { MemoryWorkspaceProvider } from '../testing/memory-workspace.ts'
import { sketchArtifact, sketchCommand, sketchPlan, sketchStep } from '../testing/plans.ts'
import type { RigOptions } from '../testing/rig.ts'
import { startRig, succeed } from '../testing/rig.ts'
import { ScriptedModel } from '../testing/scripted-model.ts'
import type { ScriptedReply } from '../testing/scripted-model.ts'

const CANARY = 'canary/8f2c+11d0a7'
const HEX = Buffer.from(CANARY).toString('hex')

class RecordingStore extends MemoryArtifactStore {
  readonly texts: string[] = []

  override put(content: Uint8Array) {
    this.texts.push(Buffer.from(content).toString())
    return super.put(content)
  }
}

/** A run that knows the canary as a secret, and all that was recorded of it. */
async function play(options: RigOptions) {
  const store = new RecordingStore()
  const rig = startRig({ redact: createRedactor([CANARY]), store, ...options })
  const { state, exitCode } = await rig.result
  const told = JSON.stringify(rig.events)
  const recorded = `${JSON.stringify(rig.journal.events)}\n${told}\n${store.texts.join('\n')}`
  return { state, exitCode, events: rig.events, store, recorded }
}

const REPORT = sketchArtifact('report', 'output/report.txt')

test('AR-23 an artifact with secrets is stored without them, and an event of its step says so', async () => {
  const step = sketchStep({ id: 'write', artifacts: [REPORT] })
  const { events, store, recorded } = await play({
    plan: sketchPlan([step]),
    perform: () => succeed({ report: `key ${CANARY} and ${HEX}\n` }),
  })
  expect(store.texts).toContain('key [redacted] and [redacted]\n')
  expect(recorded).not.toMatch(new RegExp(`canary/|${HEX}`))
  const warnings = events.filter(({ type }) => type === 'warning')
  expect(warnings).toMatchObject([{ step: 'write', message: 'report: 2 secrets were replaced.' }])
})

test.each([
  ['as bytes', Buffer.concat([Buffer.of(0xff, 0, 0xfe), Buffer.from(CANARY)])],
  ['in UTF-16', Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(CANARY, 'utf16le')])],
])('AR-23 a binary artifact that holds a secret %s is not stored', async (_, content) => {
  const artifact = sketchArtifact('dump', 'output/dump.bin', { type: 'binary' })
  const step = sketchStep({ id: 'write', artifacts: [artifact] })
  const { state, recorded } = await play({
    plan: sketchPlan([step]),
    perform: () => ({ ...succeed(), artifacts: new Map([['dump', content]]) }),
  })
  expect(state.steps.get('write')?.failure).toMatchObject({
    reason: 'artifact-missing',
    name: 'dump',
    message: expect.stringContaining('It is not text and holds a secret: it is not kept.'),
  })
  expect(recorded).not.toContain(content.toString())
})

test('a binary artifact without a secret is stored byte for byte', async () => {
  const content = Buffer.of(0xff, 0, 0xfe, 0x80)
  const artifact = sketchArtifact('dump', 'output/dump.bin', { type: 'binary' })
  const { state, store } = await play({
    plan: sketchPlan([sketchStep({ id: 'write', artifacts: [artifact] })]),
    perform: () => ({ ...succeed(), artifacts: new Map([['dump', content]]) }),
  })
  const [dump] = state.steps.get('write')?.artifacts ?? []
  expect(dump && Buffer.from(store.get(dump))).toEqual(content)
})

test('a secret in the input or the project configuration reaches no step, and the start of the run says so', async () => {
  const seen: StepContext[] = []
  const { location } = sketchStep({ id: 'x' })
  const step = sketchStep({
    id: 'look',
    task: { text: '{{ input }} {{ project.name }}', location },
  })
  const { events, recorded } = await play({
    plan: sketchPlan([step]),
    input: `login fails with ${CANARY}`,
    project: { name: CANARY },
    perform: (context) => {
      seen.push(context)
      return succeed()
    },
  })
  expect(seen.map(({ input, task }) => [input, task])).toEqual([
    ['login fails with [redacted]', 'login fails with [redacted] [redacted]'],
  ])
  expect(events[0]).toMatchObject({
    notices: [
      expect.stringContaining('The input held a secret, which was replaced.'),
      expect.stringContaining('A value of the project configuration held a secret'),
    ],
  })
  expect(recorded).not.toContain(CANARY)
})

test('what fails is told without secrets; what events are put together by stays', async () => {
  const step = sketchStep({ id: 'canary-step-1', dependencies: [] })
  const { state, events, recorded } = await play({
    plan: sketchPlan([step]),
    redact: createRedactor([CANARY, 'canary-step-1']),
    perform: () => ({
      status: 'failed',
      failure: { reason: 'model-error', class: 'auth', model: 'm', message: `said ${CANARY}` },
      usage: undefined,
    }),
  })
  expect(state.steps.get('canary-step-1')?.failure).toMatchObject({ message: 'said [redacted]' })
  expect(events.at(-2)).toMatchObject({ type: 'step-failed', step: 'canary-step-1' })
  expect(recorded).not.toContain(CANARY)
})

test('a secret that the end of a long output begins in the middle of is replaced before the cut', async () => {
  const command = sketchCommand({ id: 'tests', script: sketchStep({ id: 'x' }).task })
  const answer: Partial<ExecResult> = {
    exitCode: 1,
    output: Buffer.from(`${'x'.repeat(5000)}${CANARY}${'y'.repeat(4096 - 9)}`),
  }
  const { recorded } = await play({
    plan: sketchPlan([command]),
    provider: new MemoryWorkspaceProvider({ exec: () => answer }),
  })
  expect(recorded).toContain('command-failed')
  expect(recorded).not.toContain(CANARY.slice(-9))
})

/** A step of an agent that may use these tools, in a project with these files. */
async function ask(script: readonly ScriptedReply[], more: Partial<RigOptions> = {}) {
  const model = new ScriptedModel(script)
  const mount = { source: '.', target: '/src', mode: 'readwrite' as const }
  const { location } = sketchStep({ id: 'x' })
  const task = { text: `Look at ${CANARY}.`, location }
  const step = sketchStep({ id: 'look', persona: 'auditor', mount, task, artifacts: [REPORT] })
  const planned = {
    systemPrompt: `You never say ${CANARY}.`,
    models: [model.resolved()],
    tools: ['read', 'grep', 'bash', 'write'] as const,
  }
  const files = {
    'a.ts': `const key = '${CANARY}'\n`,
    'long.ts': `${'x'.repeat(1990)}${CANARY}${'y'.repeat(100)}\n`,
  }
  const agent: StepRunner = new AgentRunner()
  const provider = new MemoryWorkspaceProvider({
    exec: () => ({
      exitCode: 0,
      output: Buffer.from(`${'z'.repeat(14_990)}${CANARY}${'z'.repeat(40_000)}`),
    }),
  })
  const played = await play({
    plan: sketchPlan([step], { planned: { look: planned } }),
    snapshot: memorySnapshot(files),
    provider,
    runners: { agent, command: agent, evidence: agent },
    ...more,
  })
  return { ...played, model, provider, sent: JSON.stringify(model.requests) }
}

const SUBMIT: ScriptedReply = {
  calls: [{ name: 'submit', input: { report: 'All is said in here.' } }],
}

test('a model is sent no secret: not from personas, tasks, facts, files, searches or commands', async () => {
  const { state, sent, recorded, provider } = await ask(
    [
      {
        calls: [
          { name: 'read', input: { path: 'a.ts' } },
          { name: 'read', input: { path: 'long.ts' } },
          { name: 'grep', input: { pattern: 'canary' } },
          { name: 'bash', input: { command: 'env', why: 'to see' } },
        ],
      },
      SUBMIT,
    ],
    { facts: Buffer.from(`# Facts\n\n${CANARY}\n`), input: CANARY },
  )
  expect(state.steps.get('look')?.status).toBe('succeeded')
  expect(sent).toContain('You never say [redacted].')
  expect(sent).toContain('Look at [redacted].')
  expect(sent).toContain("const key = '[redacted]'")
  // Neither where a result was cut.
  expect(`${sent}${recorded}`).not.toMatch(/canary\/8|11d0a7/)
  const kept = [...(provider.opened[0]?.files ?? [])].find(([path]) => path.includes('_calls'))
  expect(Buffer.from(kept?.[1] ?? []).toString()).toContain('[redacted]')
})

test('a reply with a secret is performed as it came, and stored and sent on without', async () => {
  const { sent, recorded, provider, store } = await ask([
    {
      text: `I know ${CANARY}.`,
      calls: [{ name: 'write', input: { path: 'b.ts', content: `'${CANARY}'` } }],
    },
    SUBMIT,
  ])
  // A patch stays byte-exact: nobody wants the mark in a file.
  expect(String(provider.opened[0]?.files.get('/src/b.ts'))).toBe(`'${CANARY}'`)
  expect(`${sent}${recorded}`).not.toContain(CANARY)
  expect(sent).toContain('I know [redacted].')
  const replies = store.texts.filter((text) => text.includes('I know'))
  expect(replies.map((text): unknown => JSON.parse(text))).toMatchObject([
    { text: 'I know [redacted].' },
  ])
})

test('an error of a provider that holds a secret is told without it', async () => {
  const { recorded } = await ask([{ failed: 'auth', message: `bad key ${CANARY}` }])
  expect(recorded).toContain('bad key [redacted]')
  expect(recorded).not.toContain(CANARY)
})
