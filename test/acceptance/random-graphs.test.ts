/** Whatever the pipeline and however long its steps take, the engine keeps its promises. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { succeed } from '../../packages/core/src/testing/rig.ts'
import type { RunEvent, StepHeader } from '../../packages/core/src/events.ts'
import type { StepRunner } from '../../packages/core/src/ports.ts'
import { fold } from '../../packages/core/src/run/state.ts'
import type { RunState, StepStatus } from '../../packages/core/src/run/state.ts'
import { MemoryWorkspaceProvider } from '../../packages/core/src/testing/memory-workspace.ts'
import { fails, lasts, play } from './support/play.ts'
import type { Perform } from './support/play.ts'

interface Sketch {
  readonly kind: (typeof KINDS)[number]
  readonly needs: readonly number[]
  readonly onFailure: 'fail' | 'skip' | 'continue'
  readonly attempts: number
  readonly size: number
  readonly timeout: number
  readonly when: 'always' | 'never' | 'if-first-completed'
}

const KINDS = [
  'prompt',
  'command',
  'pipeline',
  'branch',
  'loop',
  'items',
  'item-pipelines',
  'timer',
  'gate',
  'aggregate',
] as const

const sketch: fc.Arbitrary<Sketch> = fc.record({
  kind: fc.constantFrom(...KINDS),
  needs: fc.array(fc.nat(20), { maxLength: 3 }),
  onFailure: fc.constantFrom('fail', 'skip', 'continue'),
  attempts: fc.integer({ min: 1, max: 3 }),
  size: fc.integer({ min: 1, max: 4 }),
  timeout: fc.constantFrom(200, 200, 20, 3),
  when: fc.constantFrom('always', 'always', 'always', 'never', 'if-first-completed'),
})

const scene = fc.record({
  steps: fc.array(sketch, { minLength: 1, maxLength: 12 }),
  concurrency: fc.integer({ min: 1, max: 5 }),
  policy: fc.constantFrom('cancel_all', 'complete_running', 'continue'),
  seed: fc.nat(),
  failsIn100: fc.constantFrom(0, 0, 2, 10, 40),
  /** When the user stops the run; undefined: never. */
  cancelMs: fc.option(fc.integer({ min: 0, max: 30_000 }), { nil: undefined, freq: 1 }),
})

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never

const prompt = (id: string, more: object = {}): object => ({
  id,
  persona: 'navigator',
  exec: { source: 'Work' },
  output_artifacts: [{ name: 'out', path: 'out/out.json', type: 'json' }],
  ...more,
})

const child = (name: string, steps: readonly object[]): string =>
  JSON.stringify({ kind: 'WavePipeline', metadata: { name }, steps })

const FILES = {
  flat: child('flat', [prompt('a'), prompt('b'), prompt('c', { dependencies: ['a', 'b'] })]),
  deep: child('deep', [
    { id: 'call', pipeline: 'flat' },
    prompt('many', { iterate: { over: '[1, 2, 3]', mode: 'parallel', max_concurrent: 2 } }),
    {
      id: 'rounds',
      dependencies: ['call'],
      loop: { max_iterations: 2, until: 'iteration >= 2', steps: [prompt('inner')] },
    },
  ]),
}

/** A step as it was drawn, with what its kind may need of it. */
interface Drawn {
  readonly one: Sketch
  readonly id: string
  /** Keys that every kind takes. */
  readonly common: object
  /** The same, with those that gates do not take. */
  readonly whole: object
  readonly iterate: object
  /** A step before it that has the artifact `out`. */
  readonly producer: number | undefined
}

const BUILD: Readonly<Record<Sketch['kind'], (drawn: Drawn) => object>> = {
  prompt: ({ id, whole }) => prompt(id, whole),
  command: ({ whole }) => ({ ...whole, type: 'command', script: 'work' }),
  pipeline: ({ whole, one }) => ({ ...whole, pipeline: one.size > 2 ? 'deep' : 'flat' }),
  branch: ({ whole, one }) => ({
    ...whole,
    branch: { on: '"a"', cases: { a: one.size > 3 ? 'skip' : 'flat' } },
  }),
  loop: ({ id, whole, one }) => {
    const steps = [prompt(`${id}-x`), { id: `${id}-y`, pipeline: 'flat' }]
    return { ...whole, loop: { max_iterations: one.size, until: 'iteration >= 3', steps } }
  },
  items: ({ id, whole, iterate }) => prompt(id, { ...whole, iterate }),
  'item-pipelines': ({ whole, iterate }) => ({ ...whole, pipeline: 'flat', iterate }),
  timer: ({ common, one }) => ({ ...common, gate: { type: 'timer', timeout: `${one.size}s` } }),
  gate: ({ common }) => ({ ...common, gate: { type: 'approval', timeout: '1h' } }),
  aggregate: ({ id, whole, producer }) => {
    if (producer === undefined) return prompt(id, whole)
    return {
      ...whole,
      aggregate: { from: [`s${producer}.out`], strategy: 'merge_arrays' },
      output_artifacts: [{ name: 'all', path: 'out/all.json', type: 'json' }],
    }
  },
}

function stepOf(one: Sketch, at: number, all: readonly Sketch[]): object {
  const id = `s${at}`
  const needs = at === 0 ? [] : [...new Set(one.needs.map((need) => need % at))]
  const common = {
    id,
    dependencies: needs.map((need) => `s${need}`),
    ...conditionOf(one, needs),
  }
  const retry = { max_attempts: one.attempts, base_delay: '1s', on_failure: one.onFailure }
  return BUILD[one.kind]({
    one,
    id,
    common,
    whole: { ...common, retry, timeout: `${one.timeout}s` },
    iterate: iterateOf(one),
    producer: needs.find((need) => ['prompt', 'items'].includes(all[need]?.kind ?? '')),
  })
}

function conditionOf({ when }: Sketch, [first]: readonly number[]): object {
  if (first === undefined || when === 'always') return {}
  return { when: when === 'never' ? '1 > 2' : `steps.s${first}.outcome == "completed"` }
}

function iterateOf({ size, attempts, onFailure }: Sketch): object {
  return {
    over: JSON.stringify(Array.from({ length: size }, (_, index) => index)),
    ...(attempts === 1 ? { mode: 'sequential' } : { mode: 'parallel', max_concurrent: size }),
    on_failure: onFailure === 'fail' ? 'fail' : 'continue',
  }
}

/** The same number for the same attempt of the same step, between 0 and 99. */
function chance(seed: number, text: string): number {
  let hash = seed
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 2_147_483_647
  return (hash ^ (hash >> 7)) % 100
}

async function perform({ steps, concurrency, policy, seed, failsIn100, cancelMs }: Scene) {
  const active = new Set<string>()
  let most = 0
  const work: Perform = async (context) => {
    const { id } = context.planned.step
    active.add(id)
    most = Math.max(most, active.size)
    const luck = chance(seed, `${id} ${context.attempt}`)
    const outcome = luck < failsIn100 ? fails() : succeed({ out: JSON.stringify([id]) })
    const end = await lasts(context, (luck % 17) * 400, outcome)
    active.delete(id)
    return end
  }
  const yaml = JSON.stringify({
    kind: 'WavePipeline',
    metadata: { name: 'random' },
    failure_policy: policy,
    limits: { concurrency },
    steps: steps.map(stepOf),
  })
  const runner: StepRunner = { run: async (context) => work(context) }
  const run = await play(yaml, {
    files: FILES,
    runners: { agent: runner, evidence: runner, command: runner },
    provider: new MemoryWorkspaceProvider(),
    meanwhile(rig) {
      if (cancelMs !== undefined && (rig.clock.nextDueMs ?? 0) >= cancelMs) rig.cancel()
    },
  })
  return { run, most, active }
}

/** Steps that began before one that they need had ended, as sentences. */
function earlyStarts(events: readonly RunEvent[]): readonly string[] {
  const dependencies = new Map<string, readonly string[]>()
  const ended = new Set<string>()
  return events.flatMap((event) => {
    for (const step of stepsAddedBy(event)) {
      dependencies.set(step.id, step.dependencies)
      ended.delete(step.id)
    }
    if (endsStep(event)) ended.add(event.step)
    if (event.type !== 'step-started' || event.attempt > 1) return []
    const open = (dependencies.get(event.step) ?? []).filter((id) => !ended.has(id))
    return open.map((id) => `${event.step} started before ${id} had ended`)
  })
}

function stepsAddedBy(event: RunEvent): readonly StepHeader[] {
  return event.type === 'run-started' || event.type === 'steps-added' ? event.steps : []
}

function endsStep(event: RunEvent): event is Extract<RunEvent, { readonly step: string }> {
  if (event.type === 'step-failed') return !event.willRetry
  return event.type === 'step-succeeded' || event.type === 'step-skipped'
}

const idsWith = ({ steps }: RunState, status: StepStatus): readonly string[] =>
  steps.values().flatMap((step) => (step.status === status ? [step.id] : []))

const kindOf = ({ steps }: Scene, id: string): string | undefined =>
  steps[Number(id.slice(1))]?.kind

test('over random graphs of all kinds no step starts before its needs have ended, no more work at once than allowed, and all that started ends', async () => {
  await fc.assert(
    fc.asyncProperty(scene, async (drawn) => {
      const { run, most, active } = await perform(drawn)
      expect(earlyStarts(run.events)).toEqual([])
      expect(most).toBeLessThanOrEqual(drawn.concurrency)
      expect([...active]).toEqual([])
      expect(idsWith(run.state, 'running')).toEqual([])
      expect(idsWith(run.state, 'waiting').every((id) => kindOf(drawn, id) === 'gate')).toBe(true)
      expect(fold(run.rig.journal.events)).toEqual(run.state)
    }),
    { numRuns: 150 },
  )
}, 120_000)
