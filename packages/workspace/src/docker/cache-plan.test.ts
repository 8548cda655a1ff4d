import { expect, test } from 'vitest'
import { planRemovals, type CachedVolume } from './cache-plan.ts'

/** `key:size@last-use`, `!` where in use, `>` before what it lies over. */
function volumes(text: string): readonly CachedVolume[] {
  return text.split(' ').map((word) => {
    const [, key = '', size, at, used, below = ''] =
      /^(\w):(\d+)@(\d+)(!?)(?:>(\w+))?$/.exec(word) ?? []
    return {
      key,
      sizeBytes: Number(size),
      lastUsedMs: Number(at),
      below: below.split('').filter((other) => other !== ''),
      isInUse: used === '!',
    }
  })
}

test.each([
  ['nothing within the limit', 'a:10@1 b:10@2', [20, 0], ''],
  ['the least recently used first', 'b:10@2 a:10@1 c:10@3', [20, 0], 'a'],
  ['as many as it takes', 'a:10@1 b:10@2 c:10@3', [9, 0], 'abc'],
  ['never what is in use', 'a:10@1! b:10@2', [10, 0], 'b'],
  ['what is old, within the limit too', 'a:10@1 b:10@5', [100, 3], 'a'],
  ['no base of what is in use', 'a:10@1 b:10@2!>a', [0, 0], ''],
  ['no base of what is kept, but others', 'a:10@1 b:1@9>a c:10@2', [12, 0], 'c'],
  ['a base after all that lie over it', 'a:10@9 b:1@2>a c:1@3>a', [0, 0], 'bca'],
  ['a base that nobody else used lately with the last over it', 'a:10@1 b:1@4>a', [0, 0], 'ba'],
  ['no base of the base of what is in use', 'a:1@1 b:1@2>a c:1@3!>ba', [0, 0], ''],
])('removed is %s', (_, text, [maxBytes = 0, keptSinceMs = 0], expected) => {
  const removed = planRemovals(volumes(text), { maxBytes, keptSinceMs })
  expect(removed.map(({ key }) => key).join('')).toBe(expected)
})
