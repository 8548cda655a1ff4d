/** Some points of the suites `system-calls` and `wave-calls` of `npm run crash`, evenly spread: that tries all. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWith } from '../support/tools.ts'
import { EIO_ON, EIO_ONCE, ENOSPC_ON, ENOSPC_ONCE, KILL } from './crash/points.ts'
import type { Fault, Point, Target } from './crash/points.ts'
import { openReferenceTarget } from './crash/reference-target.ts'
import type { ReferenceTarget } from './crash/reference-target.ts'
import { inParallel } from './crash/suite.ts'
import { tryPoint } from './crash/system-calls.ts'
import { openWaveTarget } from './crash/wave-target.ts'

describeWith('strace')('a run on real storage', () => {
  let target: ReferenceTarget
  beforeAll(async () => {
    target = await openReferenceTarget()
  })
  afterAll(() => target[Symbol.dispose]())

  test('DU-01 tells of nothing that it has not synced, and syncs a file before it takes its place', () => {
    expect(target.unsynced).toEqual([])
  })

  test.each([
    ['DU-01 killed at a write', KILL, { write: 5 }],
    [
      'DU-02 killed at another call that makes something durable',
      KILL,
      { fsync: 3, rename: 1, link: 1, unlink: 1, mkdir: 1, openat: 1, close: 1 },
    ],
    [
      'DU-03 that gets an I/O error once',
      EIO_ONCE,
      { write: 2, fsync: 2, rename: 1, openat: 1, close: 1 },
    ],
    ['DU-03 that gets nothing but I/O errors from some moment on', EIO_ON, { write: 1, fsync: 2 }],
    ['DF-01 that finds no room once', ENOSPC_ONCE, { write: 2, fsync: 1, rename: 1, close: 1 }],
    ['DF-01 that finds no room from some moment on', ENOSPC_ON, { write: 2, mkdir: 1 }],
  ] as const)(
    '%s loses nothing that it told of, goes on to the same end, and repeats at most one call of the model',
    async (_, fault, counts) => {
      const spread = Object.entries(counts).flatMap(([call, count]) =>
        spreadOver(target, call, count),
      )
      const tried = await inParallel(spread, 2, (points) => tryOneOf(target, points, fault))
      expect(tried.filter((one) => one === undefined || one.problems.length > 0)).toEqual([])
    },
    120_000,
  )
})

describeWith('strace')('wave', () => {
  test('DU-01 DU-02 killed while it makes something durable goes on with wave resume, and repeats at most one call of the model', async () => {
    await using target = await openWaveTarget()
    const spread = Object.entries({ write: 1, rename: 1 }).flatMap(([call, count]) =>
      spreadOver(target, call, count),
    )
    const tried = await inParallel(spread, 2, (points) => tryOneOf(target, points, KILL))
    expect(tried.filter((one) => one === undefined || one.problems.length > 0)).toEqual([])
  }, 120_000)
})

/** The calls of one name, in as many ranges: one call of each is tried. */
function spreadOver({ clean }: Target, call: string, count: number): readonly (readonly Point[])[] {
  const all = clean.filter((point) => point.call === call)
  return Array.from({ length: count }, (_, at) =>
    all.slice((at * all.length) / count, ((at + 1) * all.length) / count),
  )
}

function tryOneOf(target: Target, points: readonly Point[], fault: Fault) {
  const middle = points[Math.floor(points.length / 2)]
  if (middle === undefined) throw new Error('The run makes no such call.')
  return tryPoint(target, middle, { fault, wanted: new Set(points.map(({ point }) => point)) })
}
