/** Whatever the pipeline and however long its steps take, the engine keeps its promises. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { succeed } from '../../packages/core/src/testing/rig.ts'
import type { RunEvent } from '../../packages/core/src/events.ts'
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

function stepOf(one: Sketch, at: number, all: readonly Sketch[]): object {
  const id = `s${at}`
  const needs = at === 0 ? [] : [...new Set(one.needs.map((need) => need % at))]
  const conditional = needs.length > 0 ? one.when : 'always'
  const when = { never: '1 > 2', 'if-first-completed': `steps.s${needs[0]}.outcome == "completed"` }
  const common = {
    id,
    dependencies: needs.map((need) => `s${need}`),
    ...(conditional !== 'always' && { when: when[conditional] }),
  }
  const retry = { max_attempts: one.attempts, base_delay: '1s', on_failure: one.onFailure }
  const whole = { ...common, retry, timeout: `${one.timeout}s` }
  const iterate = {
    over: JSON.stringify(Array.from({ length: one.size }, (_, index) => index)),
    mode: one.attempts === 1 ? 'sequential' : 'parallel',
    ...(one.attempts > 1 && { max_concurrent: one.size }),
    on_failure: one.onFailure === 'fail' ? 'fail' : 'continue',
  }
  switch (one.kind) {
    case 'prompt':
      return prompt(id, whole)
    case 'command':
      return { ...whole, type: 'command', script: 'work' }
    case 'pipeline':
      return { ...whole, pipeline: one.size > 2 ? 'deep' : 'flat' }
    case 'branch':
      return { ...whole, branch: { on: '"a"', cases: { a: one.size > 3 ? 'skip' : 'flat' } } }
    case 'loop': {
      const steps = [prompt(`${id}-x`), { id: `${id}-y`, pipeline: 'flat' }]
      return { ...whole, loop: { max_iterations: one.size, until: 'iteration >= 3', steps } }
    }
    case 'items':
      return prompt(id, { ...whole, iterate })
    case 'item-pipelines':
      return { ...whole, pipeline: 'flat', iterate }
    case 'timer':
      return { ...common, gate: { type: 'timer', timeout: `${one.size}s` } }
    case 'gate':
      return { ...common, gate: { type: 'approval', timeout: '1h' } }
    case 'aggregate': {
      const from = needs.find((need) => ['prompt', 'items'].includes(all[need]?.kind ?? ''))
      if (from === undefined) return prompt(id, whole)
      return {
        ...whole,
        aggregate: { from: [`s${from}.out`], strategy: 'merge_arrays' },
        output_artifacts: [{ name: 'all', path: 'out/all.json', type: 'json' }],
      }
    }
    default:
      return one.kind satisfies never
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

/** Whether a step has ended before another one began: violations, as sentences. */
function earlyStarts(events: readonly RunEvent[]): readonly string[] {
  const dependencies = new Map<string, readonly string[]>()
  const ended = new Set<string>()
  const wrong: string[] = []
  for (const event of events) {
    if (event.type === 'run-started' || event.type === 'steps-added') {
      for (const step of event.steps) {
        dependencies.set(step.id, step.dependencies)
        ended.delete(step.id)
      }
    } else if (event.type === 'step-started' && event.attempt === 1) {
      const open = (dependencies.get(event.step) ?? []).filter((id) => !ended.has(id))
      if (open.length > 0) wrong.push(`${event.step} started before ${open.join()} had ended`)
    } else if (event.type === 'step-succeeded' || event.type === 'step-skipped') {
      ended.add(event.step)
    } else if (event.type === 'step-failed' && !event.willRetry) ended.add(event.step)
  }
  return wrong
}

const idsWith = ({ steps }: RunState, status: StepStatus): readonly string[] =>
  steps.values().flatMap((step) => (step.status === status ? [step.id] : []))

const kindOf = ({ steps }: Scene, id: string): string | undefined => steps[Number(id.slice(1))]?.kind

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
