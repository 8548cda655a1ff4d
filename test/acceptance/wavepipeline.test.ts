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
      { reason: 'limit-reached', limit: 'time', scope: 'step', allowed: 2000 },
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
  ])(
    'on_failure: %s decides about the run and what is behind',
    async (effect, end, own, behind) => {
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
    },
  )

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

describe('failures', () => {
  test('a join that cannot succeed is tried as often as it may', async () => {
    const join = {
      id: 'join',
      dependencies: ['a'],
      aggregate: { from: ['a.out'], strategy: 'merge_objects' },
      retry: { max_attempts: 2, base_delay: '1s' },
      output_artifacts: [{ name: 'all', path: 'out/all.json', type: 'json' }],
    }
    const run = await play(pipeline(prompt('a', OUT), join), {
      perform: () => succeed({ out: '[1]' }),
    })
    const failed = eventsOf(run.events, 'step-failed')
    expect(failed.map(({ failure, willRetry }) => [failure.reason, willRetry])).toEqual([
      ['aggregate-failed', true],
      ['aggregate-failed', false],
    ])
    expect(run.end).toEqual({ outcome: 'failed', exitCode: 1 })
  })

  test.each([
    ['a template that cannot be rendered', fails({ reason: 'template-failed', message: 'm' }), 1],
    ['a limit of tokens', fails({ reason: 'limit-reached', limit: 'tokens', scope: 'step' }), 5],
    [
      'a provider',
      fails({ reason: 'model-error', class: 'auth', model: 'm', message: 'refused' }),
      7,
    ],
    [
      'the environment',
      fails({ reason: 'environment', code: 'docker-unreachable', message: 'm' }),
      4,
    ],
  ])('%s inside a step is not tried again by it, and keeps its exit code', async (_, end, code) => {
    for (const { step } of Object.values(KINDS)) {
      const again = { ...step, retry: { max_attempts: 3, base_delay: '1s' } }
      let calls = 0
      const run = await playKind(again, (_context, call) => {
        calls = call
        return end
      })
      expect({ step, calls, ...run.end }).toEqual({
        step,
        calls: 1,
        outcome: 'failed',
        exitCode: code,
      })
    }
  })

  const SIBLINGS = pipeline(
    prompt('bad'),
    { id: 'slow', pipeline: 'child' },
    prompt('many', { iterate: { over: '[1, 2]', mode: 'parallel' } }),
    { id: 'rounds', loop: { max_iterations: 2, until: 'iteration >= 2', steps: [prompt('x')] } },
    prompt('behind-slow', { dependencies: ['slow'] }),
    prompt('behind-bad', { dependencies: ['bad'] }),
  )

  test.each([
    [
      'cancel_all',
      { slow: 'failed', many: 'failed', rounds: 'failed', 'behind-slow': 'skipped' },
      1000,
    ],
    // Steps inside those that run are part of them.
    [
      'complete_running',
      { slow: 'succeeded', many: 'succeeded', rounds: 'succeeded', 'behind-slow': 'skipped' },
      10_000,
    ],
    [
      'continue',
      { slow: 'succeeded', many: 'succeeded', rounds: 'succeeded', 'behind-slow': 'succeeded' },
      10_000,
    ],
  ])(
    'failure_policy: %s decides what becomes of siblings of every kind',
    async (policy, others, ms) => {
      const yaml = JSON.stringify({
        ...JSON.parse(SIBLINGS),
        failure_policy: policy,
        limits: { concurrency: 8 },
      })
      const run = await play(yaml, {
        files: FILES,
        perform: (context) =>
          context.planned.step.id === 'bad' ? lasts(context, 1000, fails()) : lasts(context, 5000),
      })
      expect(run.end).toEqual({ outcome: 'failed', exitCode: 1 })
      expect(run.statuses).toMatchObject({ bad: 'failed', 'behind-bad': 'skipped', ...others })
      expect(run.rig.clock.monotonicMs()).toBe(ms)
    },
  )

  test('a failed item cancels the rest, also where the whole step may fail', async () => {
    const step = prompt('s', {
      iterate: { over: '[1, 2, 3]', mode: 'parallel' },
      retry: { on_failure: 'continue' },
    })
    const run = await playKind(step, (context) =>
      context.item === 1 ? lasts(context, 1000, fails()) : lasts(context, 60_000),
    )
    expect(run.end).toEqual({ outcome: 'partial', exitCode: 3 })
    expect(run.statuses).toEqual({
      s: 'failed',
      's[1]': 'failed',
      's[2]': 'failed',
      's[3]': 'failed',
    })
    expect(run.state.steps.get('s')?.failure).toMatchObject({
      reason: 'child-failed',
      step: 's[1]',
    })
    expect(run.rig.clock.monotonicMs()).toBe(1000)
  })

  const SCHEMA = { type: 'object', required: ['good'] }
  const contract = (more: object): string =>
    pipeline(
      prompt('a', {
        ...OUT,
        handover: { contract: { type: 'json_schema', source: 'out', schema: SCHEMA, ...more } },
      }),
      prompt('b', {
        dependencies: ['a'],
        memory: { inject_artifacts: [{ step: 'a', artifact: 'out' }] },
      }),
      prompt('c', { dependencies: ['a'] }),
    )

  test.each([
    [{}, 'failed', 1, ['failed', 'skipped', 'skipped']],
    [{ on_failure: 'skip' }, 'partial', 3, ['skipped', 'skipped', 'succeeded']],
    [{ on_failure: 'continue' }, 'partial', 3, ['failed', 'skipped', 'succeeded']],
    [{ on_failure: 'warn' }, 'completed', 0, ['succeeded', 'succeeded', 'succeeded']],
    [{ must_pass: false }, 'completed', 0, ['succeeded', 'succeeded', 'succeeded']],
    [{ must_pass: true }, 'failed', 1, ['failed', 'skipped', 'skipped']],
    [{ on_failure: 'rejected' }, 'rejected', 1, ['failed', 'skipped', 'skipped']],
  ])(
    'a broken contract with %j ends the run as %s, exit code %i',
    async (more, outcome, exitCode, steps) => {
      const run = await play(contract(more), { perform: () => succeed({ out: '{}' }) })
      expect(run.end).toEqual({ outcome, exitCode })
      expect(['a', 'b', 'c'].map((id) => run.statuses[id])).toEqual(steps)
      const warned = run.state.steps.get('a')?.warnings.length ?? 0
      expect(warned > 0).toBe(outcome === 'completed')
    },
  )

  test('a file of an earlier attempt is not there in the next one', async () => {
    const provider = new MemoryWorkspaceProvider({
      exec: async (workspace) => {
        if (provider.opened.length === 1) {
          await workspace.write('/work/out/out.json', Buffer.from('{}'))
          return { exitCode: 1 }
        }
        return { exitCode: 0 }
      },
    })
    const step = { id: 's', type: 'command', script: 'work', ...OUT }
    const run = await play(pipeline({ ...step, retry: { max_attempts: 2, base_delay: '1s' } }), {
      provider,
    })
    expect(run.end).toEqual({ outcome: 'failed', exitCode: 1 })
    expect(run.state.steps.get('s')?.failure).toMatchObject({ reason: 'artifact-missing' })
  })
})

const uses = (step: string, id: string, more: object = {}): object =>
  prompt(id, {
    dependencies: [step],
    memory: { inject_artifacts: [{ step, artifact: 'out', as: 'given', ...more }] },
  })

describe('what was not made', () => {
  test('an optional artifact that a step left out skips those that cannot do without', async () => {
    const some = { output_artifacts: [{ name: 'out', path: 'out/out.txt', required: false }] }
    const yaml = pipeline(
      prompt('a', some),
      uses('a', 'needs'),
      uses('a', 'may', { optional: true }),
    )
    const without = await play(yaml)
    expect(without.statuses).toEqual({ a: 'succeeded', needs: 'skipped', may: 'succeeded' })
    const made = await play(yaml, { perform: () => succeed({ out: 'text' }) })
    expect(made.statuses).toEqual({ a: 'succeeded', needs: 'succeeded', may: 'succeeded' })
  })

  test('a loop whose last round skipped a step completes without its artifact', async () => {
    const body = [prompt('x'), prompt('y', { ...OUT, dependencies: ['x'], when: 'iteration < 2' })]
    const yaml = pipeline(
      { id: 's', loop: { max_iterations: 2, until: 'iteration >= 2', steps: body } },
      uses('s', 'needs'),
      uses('s', 'may', { optional: true }),
    )
    const run = await play(yaml, { perform: () => succeed({ out: '[]' }) })
    expect(run.statuses).toMatchObject({
      s: 'succeeded',
      'y#1': 'succeeded',
      'y#2': 'skipped',
      needs: 'skipped',
      may: 'succeeded',
    })
    expect(run.end).toEqual({ outcome: 'completed', exitCode: 0 })
  })
})

describe('waiting', () => {
  const GATE = { id: 'ask', gate: { type: 'approval', message: 'Go on?' } }
  const SCENES = {
    'in a called pipeline': {
      steps: [{ id: 'outer', pipeline: 'gated' }],
      inside: 'outer/ask',
      before: 'outer/first',
      after: 'outer/last',
    },
    'in a loop': {
      steps: [
        {
          id: 'outer',
          loop: {
            max_iterations: 2,
            until: 'iteration >= 2',
            steps: [
              prompt('first'),
              { ...GATE, dependencies: ['first'] },
              prompt('last', { dependencies: ['ask'] }),
            ],
          },
        },
      ],
      inside: 'ask#1',
      before: 'first#1',
      after: 'last#1',
    },
    'in an item': {
      steps: [{ id: 'outer', pipeline: 'gated', iterate: { over: '[1]' } }],
      inside: 'outer[1]/ask',
      before: 'outer[1]/first',
      after: 'outer[1]/last',
    },
  }
  const gated = child(
    'gated',
    prompt('first'),
    { ...GATE, dependencies: ['first'] },
    prompt('last', { dependencies: ['ask'] }),
  )

  test.each(Object.entries(SCENES))(
    'a gate %s suspends the run once everything else has ended',
    async (_, { steps, inside, before, after }) => {
      const yaml = pipeline(
        ...steps,
        prompt('other'),
        prompt('next', { dependencies: ['other'] }),
        prompt('behind', { dependencies: ['outer'] }),
      )
      const run = await play(yaml, {
        files: { gated },
        perform: (context) => lasts(context, 1000),
      })
      expect(run.end).toEqual({ outcome: 'suspended', exitCode: 6 })
      expect(run.statuses).toMatchObject({
        [before]: 'succeeded',
        [inside]: 'waiting',
        [after]: 'pending',
        outer: 'waiting',
        next: 'succeeded',
        behind: 'pending',
      })
      const answered = await play(yaml, { files: { gated }, answers: { ask: 'approve' } })
      expect(answered.end).toEqual({ outcome: 'completed', exitCode: 0 })
      expect(answered.statuses).toMatchObject({ [after]: 'succeeded', behind: 'succeeded' })
      const rejected = await play(yaml, { files: { gated }, answers: { ask: 'reject' } })
      expect(rejected.end).toEqual({ outcome: 'rejected', exitCode: 1 })
    },
  )

  test('a step that waits takes no place of one that works', async () => {
    const yaml = file(
      { limits: { concurrency: 1, minutes: 10 } },
      { id: 'soak', gate: { type: 'timer', timeout: '24h' } },
      prompt('work'),
    )
    const run = await play(yaml, { perform: (context) => lasts(context, 1000) })
    const [done] = eventsOf(run.events, 'step-succeeded')
    expect(done?.step).toBe('work')
    expect(run.end).toEqual({ outcome: 'completed', exitCode: 0 })
  })

  test('steps that are made of others take no place of those that work', async () => {
    const flat = child('flat', prompt('only'))
    const yaml = file(
      { limits: { concurrency: 2 } },
      { id: 'a', pipeline: 'flat' },
      { id: 'b', pipeline: 'flat' },
      { id: 'c', pipeline: 'flat' },
      prompt('d'),
    )
    let most = 0
    let now = 0
    const run = await play(yaml, {
      files: { flat },
      perform: async (context) => {
        most = Math.max(most, (now += 1))
        const end = await lasts(context, 1000)
        now -= 1
        return end
      },
    })
    expect(run.end.outcome).toBe('completed')
    expect(most).toBe(2)
    expect(run.rig.clock.monotonicMs()).toBe(2000)
  })
})

describe('limits', () => {
  test('the time limit of a step inside a called pipeline is its own', async () => {
    const slow = child('slow', prompt('leaf', { timeout: '2s' }))
    const run = await play(pipeline({ id: 's', pipeline: 'slow', timeout: '1h' }), {
      files: { slow },
      perform: (context) => lasts(context, 60_000),
    })
    expect(run.end).toEqual({ outcome: 'failed', exitCode: 5 })
    expect(run.state.steps.get('s')?.failure).toMatchObject({ reason: 'child-failed' })
    expect(run.rig.clock.monotonicMs()).toBe(2000)
  })

  test('the minutes of the run end what runs in children, loops and items', async () => {
    for (const { step, work } of Object.values(KINDS)) {
      const yaml = file({ limits: { minutes: 1 } }, { ...step, timeout: '1h' })
      const runner = { run: (context: StepContext) => lasts(context, 3_600_000) }
      const run = await play(yaml, {
        files: FILES,
        provider: new MemoryWorkspaceProvider(),
        runners: { agent: runner, command: runner, evidence: runner },
      })
      expect(run.end).toEqual({ outcome: 'failed', exitCode: 5 })
      expect(run.state.steps.get(work)?.failure).toEqual({
        reason: 'limit-reached',
        limit: 'time',
        scope: 'run',
        allowed: 60_000,
      })
      expect(run.rig.clock.monotonicMs()).toBe(60_000)
    }
  })

  test.each([
    ['parallel', { mode: 'parallel', max_concurrent: 2 }, 2, 3000],
    ['sequential', { mode: 'sequential' }, 1, 6000],
    ['parallel within the limit of the run', { mode: 'parallel' }, 3, 2000],
  ])('items that are %s run that many at a time', async (_, mode, limit, ms) => {
    let most = 0
    let now = 0
    const step = prompt('s', { iterate: { over: '[1, 2, 3, 4, 5, 6]', ...mode } })
    const run = await play(file({ limits: { concurrency: 3 } }, step), {
      perform: async (context) => {
        most = Math.max(most, (now += 1))
        const end = await lasts(context, 1000)
        now -= 1
        return end
      },
    })
    expect({ most, ms: run.rig.clock.monotonicMs() }).toEqual({ most: limit, ms })
  })
})
