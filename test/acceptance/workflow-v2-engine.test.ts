/** Order, joins, votes and loops of the second dialect: the engine in memory, with steps that are played. */
import { describe, expect, test } from 'vitest'
import type { StepContext, StepOutcome } from '../../packages/core/src/index.ts'
import { succeed } from '../../packages/core/src/testing/rig.ts'
import { eventsOf, fails, lasts, play } from './support/play.ts'
import type { PlayOptions } from './support/play.ts'

const flow = (steps: readonly object[], top: object = {}, name = 'flow'): string =>
  JSON.stringify({ $schema: 'workflow/v2.0', name, version: '1', ...top, steps })

const run = (name: string, more: object = {}): object => ({ name, run: `Do ${name}`, ...more })

/** The text of a step; its other artifacts are left out. */
function say({ planned }: StepContext, text: string): StepOutcome {
  const [first] = planned.step.artifacts
  return succeed(first === undefined ? {} : { [first.name]: text })
}

const PARALLEL = { execution: { parallel: true, max_workers: 5 } }
const CHILDREN = {
  child: flow([run('leaf')], {}, 'child'),
  each: flow([run('look', { run: 'Look at {{item}}' })], {}, 'each'),
}

const scene = (options: PlayOptions): PlayOptions => ({ files: CHILDREN, ...options })

describe('order', () => {
  const DIAMONDS = [
    run('c', { needs: ['b', 'a'] }),
    run('b', { execution_order: 2 }),
    run('a', { execution_order: 1 }),
    run('d', { needs: ['a'] }),
    run('e', { needs: ['c', 'd'] }),
    run('f'),
  ]

  test('one step at a time always gives one order', async () => {
    const orders = new Set<string>()
    for (let at = 0; at < 20; at += 1) {
      const order: string[] = []
      await play(flow(DIAMONDS), {
        perform: async (context) => {
          order.push(context.planned.step.id)
          await lasts(context, (order.length * 7919 * (at + 1)) % 1000)
          return say(context, 'done')
        },
      })
      orders.add(order.join(' '))
    }
    expect([...orders]).toEqual(['a b c d e f'])
  })

  test('a join waits for all that it needs, also side by side', async () => {
    const { events, end } = await play(flow(DIAMONDS, PARALLEL), {
      perform: async (context) => {
        await lasts(context, context.planned.step.id === 'a' ? 9000 : 1000)
        return say(context, 'done')
      },
    })
    expect(end.exitCode).toBe(0)
    const at = (type: string, step: string): number =>
      events.findIndex((event) => event.type === type && 'step' in event && event.step === step)
    expect(at('step-started', 'c')).toBeGreaterThan(at('step-succeeded', 'a'))
    expect(at('step-started', 'c')).toBeGreaterThan(at('step-succeeded', 'b'))
  })

  test('140 steps without needs end', async () => {
    const steps = Array.from({ length: 140 }, (_, at) => run(`s${at}`))
    const { end, rig } = await play(flow(steps, PARALLEL), {
      perform: async (context) => {
        await lasts(context, 1000)
        return say(context, 'done')
      },
    })
    expect(end).toEqual({ outcome: 'completed', exitCode: 0 })
    expect(rig.clock.monotonicMs()).toBe(28_000)
  })
})

/** Whether this is work of the step `s`, whatever stands for it in the plan. */
const isOfS = ({ planned }: StepContext): boolean =>
  !['first', 'uses', 'free'].includes(planned.step.id)

const yaml = (mode: object, more: object): string =>
  flow([
    run('first'),
    { name: 's', needs: ['first'], ...mode, ...more },
    run('uses', { needs: ['s'], run: 'Given {{s}}' }),
    run('free', { needs: ['s'] }),
  ])

const failingS = (context: StepContext): StepOutcome =>
  isOfS(context) ? fails() : say(context, 'a\nb')

describe('failures', () => {
  const MODES = {
    run: [{ run: 'Do s' }, 's'],
    template: [{ template: { name: 'child' } }, 's/leaf'],
    consensus: [
      {
        consensus: {
          prompt: 'Ship? [YES/NO]',
          executions: [
            { provider: 'a', model: 'm' },
            { provider: 'b', model: 'm' },
          ],
          require: 'unanimous',
        },
      },
      undefined,
    ],
    'loop refine': [
      { loop: { workflow: 'child', max_iterations: 2, until: "{{loop.output}} contains 'OK'" } },
      undefined,
    ],
    'loop iterate': [
      { loop: { workflow: 'each', mode: 'iterate', items: '{{first}}', max_iterations: 5 } },
      undefined,
    ],
  } as const

  test.each(Object.entries(MODES))('on_failure holds for %s', async (_, [mode]) => {
    const perform = failingS
    const halted = await play(yaml(mode, { on_failure: 'halt' }), scene({ perform }))
    expect(halted.end).toEqual({ outcome: 'failed', exitCode: 1 })
    expect(halted.statuses).toMatchObject({ uses: 'skipped', free: 'skipped' })
    const continued = await play(yaml(mode, { on_failure: 'continue' }), scene({ perform }))
    expect(continued.end).toEqual({ outcome: 'partial', exitCode: 3 })
    expect(continued.statuses).toMatchObject({ s: 'failed', uses: 'skipped', free: 'succeeded' })
  })

  test.each(Object.entries(MODES))('on_failure: retry holds for %s', async (_, [mode]) => {
    const attempts = async (max_retries: number) => {
      let calls = 0
      const result = await play(
        yaml(mode, { on_failure: 'retry', max_retries }),
        scene({
          perform: (context) => {
            if (isOfS(context)) calls += 1
            return isOfS(context) ? fails() : say(context, 'a')
          },
        }),
      )
      expect(result.end).toEqual({ outcome: 'failed', exitCode: 1 })
      return calls
    }
    const once = await attempts(1)
    expect(await attempts(2)).toBe((once / 2) * 3)
  })

  test('a condition that does not hold skips what reads the step, and nothing else', async () => {
    const text = flow([
      run('first'),
      run('s', { needs: ['first'], if: "{{first}} == 'no'" }),
      run('uses', { needs: ['s'], run: 'Given {{s}}' }),
      run('free', { needs: ['s'] }),
    ])
    const answer = JSON.stringify({ _line: 'yes' })
    const { statuses, end, events } = await play(text, {
      perform: ({ planned }) =>
        succeed(
          Object.fromEntries(
            planned.step.artifacts.map(({ name }) => [name, name === 'fields' ? answer : 'yes']),
          ),
        ),
    })
    expect(statuses).toMatchObject({ s: 'skipped', uses: 'skipped', free: 'succeeded' })
    expect(end).toEqual({ outcome: 'completed', exitCode: 0 })
    const [skipped] = eventsOf(events, 'step-skipped')
    expect(Object.values(skipped?.when?.values ?? {})).toEqual(['"yes"'])
  })

  test('an empty answer is a failure', async () => {
    const { end } = await play(flow([run('a')]), { perform: (context) => say(context, '') })
    expect(end).toEqual({ outcome: 'failed', exitCode: 1 })
  })
})

const vote = (require: string, more: object = {}, top: object = {}): string =>
  flow(
    [
      {
        name: 'gate',
        consensus: {
          prompt: 'Ship? [YES/NO]',
          executions: ['a', 'b', 'c'].map((provider) => ({ provider, model: 'm' })),
          require,
          ...more,
        },
      },
    ],
    top,
  )
/** The voters in their order; a failure is one that cannot be reached. */
const voting = (...replies: readonly (string | undefined)[]) => {
  let asked = 0
  return {
    asked: () => asked,
    perform: (context: StepContext): StepOutcome => {
      const reply = replies[asked]
      asked += 1
      return reply === undefined ? fails() : say(context, reply)
    },
  }
}

describe('votes', () => {
  test.each([
    ['unanimous', {}, ['YES because', 'YES, as b says', 'Verdict: YES'], 0],
    ['unanimous', {}, ['YES', 'YES', 'NO'], 1],
    ['unanimous', {}, ['YES', undefined, 'YES'], 1],
    ['unanimous', { allow_partial: true }, ['YES', undefined, 'YES'], 0],
    ['majority', {}, ['YES', 'NO', 'YES'], 0],
    ['2/3', {}, ['YES', 'NO', 'YES'], 0],
    ['2/3', {}, ['YES', 'NO', 'maybe'], 1],
  ])('%s %j of %j ends with exit code %i', async (require, more, replies, exitCode) => {
    const { perform } = voting(...replies)
    const { end } = await play(vote(require, more), { perform })
    expect(end.exitCode).toBe(exitCode)
  })

  test('what can no longer be agreed on is not asked to the end', async () => {
    const { perform, asked } = voting('YES', 'NO', 'YES')
    const { end } = await play(vote('unanimous'), { perform })
    expect(end.exitCode).toBe(1)
    expect(asked()).toBe(2)
  })
})

const items =
  (list: string, tasks: string[]) =>
  (context: StepContext): StepOutcome => {
    if (context.planned.step.id === 'list') return say(context, list)
    tasks.push(context.task)
    return context.task.includes('bad') ? fails() : say(context, `saw ${context.task}`)
  }

describe('loops', () => {
  const draft = flow(
    [run('write', { run: 'Round {{loop.iteration}} after <{{loop.last.output}}>' })],
    {},
    'draft',
  )
  const refine = (max: number): string =>
    flow([
      {
        name: 's',
        loop: { workflow: 'draft', max_iterations: max, until: "{{loop.output}} contains 'GOOD'" },
      },
    ])

  test('a loop that never gets there asks as often as it may, and the run is partial', async () => {
    const tasks: string[] = []
    const { end } = await play(refine(3), {
      files: { draft },
      perform: (context) => {
        tasks.push(context.task)
        return say(context, `text ${tasks.length}`)
      },
    })
    expect(tasks).toEqual(['Round 1 after <>', 'Round 2 after <text 1>', 'Round 3 after <text 2>'])
    expect(end).toEqual({ outcome: 'partial', exitCode: 3 })
  })

  const each = (more: object): string =>
    flow([
      run('list'),
      {
        name: 's',
        needs: ['list'],
        loop: { workflow: 'each', mode: 'iterate', items: '{{list}}', max_iterations: 3, ...more },
      },
    ])

  test.each([
    ['a list in a fence', '```json\n["x", "y"]\n```', ['Look at x', 'Look at y']],
    ['lines', 'x\n\n  \ny\n', ['Look at x', 'Look at y']],
  ])('items come from %s', async (_, list, expected) => {
    const tasks: string[] = []
    const { end } = await play(each({}), scene({ perform: items(list, tasks) }))
    expect(end.exitCode).toBe(0)
    expect(tasks).toEqual(expected)
  })

  test.each([
    ['more items than allowed', 'a\nb\nc\nd'],
    ['a list that does not parse', '["a", '],
  ])('%s end the step before the first item', async (_, list) => {
    const tasks: string[] = []
    const { end } = await play(each({}), scene({ perform: items(list, tasks) }))
    expect(end).toEqual({ outcome: 'failed', exitCode: 1 })
    expect(tasks).toEqual([])
  })

  test.each([
    [0.9, { outcome: 'failed', exitCode: 1 }],
    [0.5, { outcome: 'partial', exitCode: 3 }],
  ])('a rate of success of %d is held', async (rate, expected) => {
    const text = each({ on_failure: 'continue', min_success_rate: rate })
    const { end } = await play(text, scene({ perform: items('a\nbad\nc', []) }))
    expect(end).toEqual(expected)
  })

  test('a loop at the end of the file waits for what it reads', async () => {
    const loops = [
      { name: 'l', workflow: 'each', mode: 'iterate', items: '{{list}}', max_iterations: 3 },
    ]
    const tasks: string[] = []
    const text = flow([run('list'), run('end', { needs: ['l'], run: 'All: {{l.succeeded}}' })], {
      loops,
    })
    const { end, statuses } = await play(text, scene({ perform: items('a\nb', tasks) }))
    expect(end.exitCode).toBe(0)
    expect(statuses).toMatchObject({ l: 'succeeded' })
    expect(tasks).toEqual(['Look at a', 'Look at b', 'All: 2'])
  })
})
