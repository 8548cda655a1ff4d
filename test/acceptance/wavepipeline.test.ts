import { describe, expect, test } from 'vitest'
import type { StepContext, StepOutcome } from '../../packages/core/src/index.ts'
import { MemoryWorkspaceProvider } from '../../packages/core/src/testing/memory-workspace.ts'
import { succeed } from '../../packages/core/src/testing/rig.ts'
import { eventsOf, fails, lasts, play } from './support/play.ts'
import type { PlayOptions } from './support/play.ts'

const file = (top: object, ...steps: readonly object[]): string =>
  JSON.stringify({ kind: 'WavePipeline', metadata: { name: 'p' }, ...top, steps })

const pipeline = (...steps: readonly object[]): string => file({}, ...steps)

const prompt = (id: string, more: object = {}): object => ({
  id,
  persona: 'navigator',
  exec: { source: `Do ${id}` },
  ...more,
})

const OUT = { output_artifacts: [{ name: 'out', path: 'out/out.json', type: 'json' }] }

const child = (name: string, ...steps: readonly object[]): string =>
  JSON.stringify({ kind: 'WavePipeline', metadata: { name }, steps })

const FILES = { child: child('child', prompt('leaf')) }

/** Each kind of step that does work, with the id under which the work is done. */
const KINDS = {
  prompt: { step: prompt('s'), work: 's' },
  command: { step: { id: 's', type: 'command', script: 'work' }, work: 's' },
  pipeline: { step: { id: 's', pipeline: 'child' }, work: 's/leaf' },
  branch: { step: { id: 's', branch: { on: '"a"', cases: { a: 'child' } } }, work: 's/leaf' },
  loop: { step: { id: 's', loop: { max_iterations: 1, steps: [prompt('x')] } }, work: 'x#1' },
  'items of a prompt': {
    step: prompt('s', { iterate: { over: '["i"]', mode: 'parallel' } }),
    work: 's[1]',
  },
  'items of a command': {
    step: { id: 's', type: 'command', script: 'work', iterate: { over: '["i"]' } },
    work: 's[1]',
  },
  'items of a pipeline': {
    step: { id: 's', pipeline: 'child', iterate: { over: '["i"]' } },
    work: 's[1]/leaf',
  },
} as const

/** Runs this step; the work in it is done by `work`, whatever kind of step it is. */
function playKind(
  step: object,
  work: (context: StepContext, call: number) => StepOutcome | Promise<StepOutcome>,
  options: PlayOptions = {},
) {
  let calls = 0
  const runner = { run: async (context: StepContext) => work(context, (calls += 1)) }
  return play(pipeline(step), {
    files: FILES,
    provider: new MemoryWorkspaceProvider(),
    runners: { agent: runner, command: runner, evidence: runner },
    ...options,
  })
}

describe.each(Object.entries(KINDS))('%s', (_kind, { step, work }) => {
  test('is tried again after a failure', async () => {
    const again = { ...step, retry: { max_attempts: 3, base_delay: '1s' } }
    const run = await playKind(again, (_, call) => (call < 3 ? fails() : succeed()))
    expect(run.end).toEqual({ outcome: 'completed', exitCode: 0 })
    const starts = eventsOf(run.events, 'step-started').filter((event) => event.step === work)
    expect(starts).toHaveLength(3)
  })

  test('fails once its attempts are used up', async () => {
    const again = { ...step, retry: { max_attempts: 2, base_delay: '1s' } }
    let calls = 0
    const run = await playKind(again, (_, call) => {
      calls = call
      return fails()
    })
    expect(run.end).toEqual({ outcome: 'failed', exitCode: 1 })
    expect(calls).toBe(2)
  })

  test('is ended at its time limit, and tried again', async () => {
    const limited = { ...step, timeout: '2s', retry: { max_attempts: 2, base_delay: '1s' } }
    const run = await playKind(limited, (context, call) => lasts(context, call === 1 ? 3000 : 1000))
    expect(run.end).toEqual({ outcome: 'completed', exitCode: 0 })
    const expired = eventsOf(run.events, 'step-failed').filter(({ willRetry }) => willRetry)
    expect(expired.map(({ failure }) => failure)).toEqual([
      { reason: 'limit-reached', limit: 'time', scope: 'step' },
    ])
    expect(run.rig.clock.monotonicMs()).toBe(4000)
  })

  test('that runs out of time ends the run with exit code 5', async () => {
    const run = await playKind({ ...step, timeout: '2s' }, (context) => lasts(context, 3000))
    expect(run.end).toEqual({ outcome: 'failed', exitCode: 5 })
  })

  test.each([
    ['fail', { outcome: 'failed', exitCode: 1 }, 'failed', 'skipped'],
    ['skip', { outcome: 'partial', exitCode: 3 }, 'skipped', 'succeeded'],
    ['continue', { outcome: 'partial', exitCode: 3 }, 'failed', 'succeeded'],
  ])('on_failure: %s decides about the run and what is behind', async (effect, end, own, behind) => {
    const yaml = pipeline(
      { ...step, retry: { on_failure: effect } },
      prompt('behind', { dependencies: ['s'] }),
    )
    const runner = {
      run: async ({ planned }: StepContext) => (planned.step.id === work ? fails() : succeed()),
    }
    const run = await play(yaml, {
      files: FILES,
      provider: new MemoryWorkspaceProvider(),
      runners: { agent: runner, command: runner, evidence: runner },
    })
    expect(run.end).toEqual(end)
    expect(run.statuses).toMatchObject({ s: own, behind })
  })

  test('that is cancelled leaves nothing running, and the run is cancelled', async () => {
    const run = await playKind(step, (context) => lasts(context, 60_000), {
      meanwhile: ({ events, cancel }) => {
        if (eventsOf(events, 'step-started').some((event) => event.step === work)) cancel()
      },
    })
    expect(run.end).toEqual({ outcome: 'cancelled', exitCode: 130 })
    expect(run.statuses).toMatchObject({ s: 'failed', [work]: 'failed' })
    expect(run.rig.clock.monotonicMs()).toBe(0)
  })

  test('that is optional fails without failing the run', async () => {
    const run = await playKind({ ...step, optional: true }, () => fails())
    expect(run.end).toEqual({ outcome: 'partial', exitCode: 3 })
  })
})
