import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Schedule } from './schedule.ts'
import type { Departure, Schedulable, Skip } from './schedule.ts'

/** Steps by id, each with its dependencies, in file order. */
function graph(edges: Readonly<Record<string, readonly string[]>>): readonly Schedulable[] {
  const entries = Object.entries(edges)
  return entries.map(([id, dependencies]) => ({
    id,
    dependencies,
    dependents: entries.flatMap(([other, list]) => (list.includes(id) ? [other] : [])),
  }))
}

const bNeedsA = (id: string): string | undefined => (id === 'b' ? 'needs x of a' : undefined)
const met = (): undefined => undefined

function takeAll(schedule: Schedule): readonly string[] {
  const taken: string[] = []
  for (let id = schedule.take(); id !== undefined; id = schedule.take()) taken.push(id)
  return taken
}

const ids = (skips: readonly Skip[]): readonly string[] => skips.map(({ id }) => id)

describe('order', () => {
  test('a step is ready the moment its own dependencies have left, whatever else runs', () => {
    const schedule = new Schedule(graph({ a: [], b: [], c: ['b'], d: ['a', 'c'] }), met)
    expect(takeAll(schedule)).toEqual(['a', 'b'])
    schedule.leave('b', 'done')
    expect(takeAll(schedule)).toEqual(['c'])
    schedule.leave('c', 'done')
    expect(takeAll(schedule)).toEqual([])
    schedule.leave('a', 'done')
    expect(takeAll(schedule)).toEqual(['d'])
  })

  test('steps that are ready together start in file order', () => {
    const edges = { z: [], y: ['z'], x: ['z'], w: ['z'] }
    const schedule = new Schedule(graph(edges), met)
    takeAll(schedule)
    schedule.leave('z', 'done')
    expect(takeAll(schedule)).toEqual(['y', 'x', 'w'])
  })
})

describe('steps that do not complete', () => {
  const edges = { a: [], b: ['a'], c: ['b'], other: [] }

  test('nothing behind a blocked step runs', () => {
    const schedule = new Schedule(graph(edges), met)
    takeAll(schedule)
    expect(schedule.leave('a', 'blocked')).toEqual([
      { id: 'b', because: 'a did not complete' },
      { id: 'c', because: 'b did not complete' },
    ])
    schedule.leave('other', 'done')
    expect(takeAll(schedule)).toEqual([])
  })

  test('a missing step skips those that need it, and so on down the graph', () => {
    const schedule = new Schedule(graph(edges), bNeedsA)
    takeAll(schedule)
    expect(schedule.leave('a', 'missing')).toEqual([{ id: 'b', because: 'needs x of a' }])
    expect(takeAll(schedule)).toEqual(['c'])
  })

  test('stopping gives every step that never started, once', () => {
    const schedule = new Schedule(graph(edges), met)
    expect(schedule.take()).toBe('a')
    expect(schedule.stop()).toEqual(['b', 'c', 'other'])
    expect(schedule.stop()).toEqual([])
    expect(ids(schedule.leave('a', 'done'))).toEqual([])
    expect(takeAll(schedule)).toEqual([])
  })
})

test('over random graphs no step starts early, twice or never, and ties go in file order', () => {
  fc.assert(
    fc.property(randomGraph(), fc.infiniteStream(fc.nat()), fc.integer({ min: 1, max: 5 }), walk),
    { numRuns: 300 },
  )
})

/** Ends random running steps in random ways and checks every rule on the way. */
function walk(
  steps: readonly Schedulable[],
  choices: IterableIterator<number>,
  concurrency: number,
): void {
  const schedule = new Schedule(steps, met)
  const running: string[] = []
  const left = new Map<string, Departure | 'skipped'>()
  const draw = (below: number): number => Number(choices.next().value) % below
  const isDue = (step: Schedulable): boolean =>
    !left.has(step.id) &&
    !running.includes(step.id) &&
    step.dependencies.every((id) => left.get(id) === 'done' || left.get(id) === 'missing')
  for (;;) {
    while (running.length < concurrency) {
      const due = steps.find(isDue)
      const id = schedule.take()
      expect(id).toBe(due?.id)
      if (id === undefined) break
      running.push(id)
    }
    const [ending] = running.splice(draw(Math.max(1, running.length)), 1)
    if (ending === undefined) break
    const departure = (['done', 'done', 'done', 'missing', 'blocked'] as const)[draw(5)] ?? 'done'
    left.set(ending, departure)
    for (const { id } of schedule.leave(ending, departure)) {
      expect(left.has(id) || running.includes(id)).toBe(false)
      left.set(id, 'skipped')
    }
  }
  expect(left.size).toBe(steps.length)
  for (const step of steps) {
    const isBehind = step.dependencies.some((id) =>
      ['blocked', 'skipped'].includes(left.get(id) ?? ''),
    )
    expect(left.get(step.id) === 'skipped').toBe(isBehind)
  }
}

function randomGraph(): fc.Arbitrary<readonly Schedulable[]> {
  return fc
    .integer({ min: 1, max: 25 })
    .chain((size) =>
      fc.tuple(
        fc.shuffledSubarray([...Array(size).keys()], { minLength: size }),
        fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: size * 2 }),
      ),
    )
    .map(([fileOrder, pairs]) => {
      // An edge leads from the smaller to the larger number; the file order is another one.
      const edges = fileOrder.map((step): [string, string[]] => {
        const before = pairs.flatMap(([a, b]) =>
          a !== b && Math.max(a, b) === step ? [Math.min(a, b)] : [],
        )
        return [`s${step}`, [...new Set(before)].map((id) => `s${id}`)]
      })
      return graph(Object.fromEntries(edges))
    })
}
