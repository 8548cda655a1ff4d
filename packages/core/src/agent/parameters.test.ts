import { expect, test } from 'vitest'
import type { NewStepEvent } from '../events.ts'
import type { ModelChoice } from '../pipeline/pipeline.ts'
import type { StepContext } from '../ports.ts'
import { AgentRig } from '../testing/agent-rig.ts'
import { ScriptedModel } from '../testing/scripted-model.ts'
import type { Script } from '../testing/scripted-model.ts'
import { AgentRunner } from './agent-runner.ts'

const UNSAID = { name: 'x', fallbacks: [], maxOutputTokens: undefined, effort: undefined } as const
const OK = { text: 'Done.' }
const NOTE = { calls: [{ name: 'note', input: { text: 'n' } }] }
const NAMED = { failed: 'request', refuses: 'temperature', message: '400' } as const
const VAGUE = { failed: 'request', refuses: 'unnamed', message: '400 Invalid.' } as const

type Resolved = Parameters<ScriptedModel['resolved']>[0]

function rigFor(script: Script, choice: Partial<ModelChoice>, resolved: Resolved = {}) {
  const model = new ScriptedModel(script)
  const rig = new AgentRig({
    models: [model.resolved(resolved)],
    step: { model: { ...UNSAID, ...choice } },
  })
  const sent = () =>
    model.requests.map(({ temperature, effort }) => ({
      ...(temperature !== undefined && { temperature }),
      ...(effort !== undefined && { effort }),
    }))
  const warnings = () => rig.eventsOf('warning').map(({ message }) => message)
  return { rig, model, sent, warnings }
}

test('What a step sets is in the request, in the journal and in the key', async () => {
  const choice = { temperature: 0, effort: 'max', maxOutputTokens: 900 } as const
  const { rig, model, warnings } = rigFor([OK], choice)
  await rig.run()
  expect(model.requests[0]).toMatchObject({ temperature: 0, effort: 'max', maxOutputTokens: 900 })
  expect(rig.eventsOf('model-request')[0]?.parameters).toEqual(choice)
  expect(rig.eventsOf('model-response')[0]?.model).toBe('scripted/script-1')
  expect(warnings()).toEqual([])
  const other = rigFor([OK], { ...choice, temperature: 0.5 })
  await other.rig.run()
  const [key] = rig.eventsOf('model-request').map((event) => event.key)
  expect(other.rig.eventsOf('model-request')[0]?.key).not.toBe(key)
})

test('A parameter that the model does not take is left out, with one warning for all turns', async () => {
  const takes = { temperature: false, effort: false }
  const { rig, sent, warnings } = rigFor([NOTE, NOTE, OK], { temperature: 0.3 }, { takes })
  expect((await rig.run()).status).toBe('succeeded')
  expect(sent()).toEqual([{}, {}, {}])
  expect(warnings()).toEqual([
    'temperature 0.3 is not sent: scripted/script-1 does not take it.',
    'effort "medium" is not sent: scripted/script-1 does not take it.',
  ])
})

test('Attempts, rounds and items of a step are told once; another step is told again', async () => {
  const { rig } = rigFor(() => OK, { temperature: 0.3 }, { takes: { temperature: false } })
  const runner = new AgentRunner()
  const told: string[] = []
  const { context } = rig
  const emit = (event: NewStepEvent): void => {
    if (event.type === 'warning') told.push(event.step)
  }
  for (const id of ['draft', 'draft', 'draft#2', 'draft[3]', 'judge']) {
    const { planned } = context
    const asked: StepContext = {
      ...context,
      planned: { ...planned, step: { ...planned.step, id } },
      emit,
    }
    await runner.run(asked)
  }
  expect(told).toEqual(['draft', 'judge'])
})

test('A limit that the model does not take is left to the provider', async () => {
  const takes = { maxOutputTokens: false }
  const { rig, model, warnings } = rigFor([OK], { maxOutputTokens: 900 }, { takes })
  await rig.run()
  expect(model.requests[0]?.leavesLimitToProvider).toBe(true)
  expect(rig.eventsOf('model-request')[0]?.parameters).toEqual({ effort: 'medium' })
  expect(warnings()[0]).toContain('max_output_tokens 900 is not sent: scripted/script-1')
})

test('A limit above what the model writes is cut, and that is told', async () => {
  const { rig, model, warnings } = rigFor([OK], { maxOutputTokens: 99_000 })
  await rig.run()
  expect(model.requests[0]?.maxOutputTokens).toBe(32_000)
  expect(warnings()).toEqual([
    'max_output_tokens 99000 is cut to 32000, the most that scripted/script-1 writes.',
  ])
})

test('An effort above what can be said to the model is cut to that, and that is told once', async () => {
  const cut = rigFor([NOTE, OK], { effort: 'max' }, { maxEffort: 'high' })
  await cut.rig.run()
  expect(cut.sent()).toEqual([{ effort: 'high' }, { effort: 'high' }])
  expect(cut.rig.eventsOf('model-request')[0]?.parameters).toMatchObject({ effort: 'high' })
  expect(cut.warnings()).toEqual([
    'effort "max" is sent as "high", the most that can be asked of scripted/script-1.',
  ])
  const less = rigFor([OK], { effort: 'low' }, { maxEffort: 'high' })
  await less.rig.run()
  expect(less.sent()).toEqual([{ effort: 'low' }])
  expect(less.warnings()).toEqual([])
})

test('A refused parameter is left out at once, and in all later calls', async () => {
  const { rig, sent, warnings } = rigFor([NAMED, NOTE, OK], { temperature: 0.3 })
  expect((await rig.run()).status).toBe('succeeded')
  const effort = 'medium'
  expect(sent()).toEqual([{ temperature: 0.3, effort }, { effort }, { effort }])
  expect(rig.delaysMs).toEqual([])
  expect(rig.eventsOf('model-failed').map(({ retryInMs }) => retryInMs)).toEqual([0])
  expect(warnings()).toEqual([
    'temperature 0.3 is not sent: scripted/script-1 refused the request, which is sent again without it.',
  ])
})

test('Leaving a parameter out costs none of the four tries', async () => {
  const busy = { failed: 'retryable' } as const
  const { rig } = rigFor([busy, NAMED, busy, busy, OK], { temperature: 0.3 })
  expect((await rig.run()).status).toBe('succeeded')
  expect(rig.delaysMs).toEqual([500, 1000, 2000])
})

test('Where the provider does not say why, one after the other is left out, but none that is known to be taken', async () => {
  const unknown = rigFor([VAGUE, VAGUE, OK], { temperature: 0.3 })
  expect((await unknown.rig.run()).status).toBe('succeeded')
  expect(unknown.sent()).toEqual([{ temperature: 0.3, effort: 'medium' }, { effort: 'medium' }, {}])
  expect(unknown.warnings()).toHaveLength(2)
  const takes = { temperature: true, effort: true }
  const known = rigFor([VAGUE], { temperature: 0.3 }, { takes })
  expect((await known.rig.run()).status).toBe('failed')
  expect(known.sent()).toHaveLength(1)
})

test('A request that is refused for something else is not sent again', async () => {
  const { rig, sent, warnings } = rigFor([{ failed: 'request' }], { temperature: 0.3 })
  expect(await rig.run()).toMatchObject({ failure: { reason: 'model-error', class: 'request' } })
  expect(sent()).toHaveLength(1)
  expect(warnings()).toEqual([])
})

test('A fallback gets what the first model did not take', async () => {
  const first = new ScriptedModel([{ failed: 'auth' }])
  const second = new ScriptedModel([OK])
  const takes = { temperature: false }
  const models = [first.resolved({ model: 'm1', takes }), second.resolved({ model: 'm2' })]
  const rig = new AgentRig({ models, step: { model: { ...UNSAID, temperature: 0.3 } } })
  await rig.run()
  expect(first.requests[0]).not.toHaveProperty('temperature')
  expect(second.requests[0]?.temperature).toBe(0.3)
  expect(rig.eventsOf('model-response').map(({ model }) => model)).toEqual(['scripted/m2'])
})
