import { expect, test } from 'vitest'
import { deletedPaths } from './snapshot-content.ts'

const files = (paths: string) => paths.split(' ').map((path) => ({ path }))

test.each([
  ['a b', 'a', ['b']],
  ['a d/x d/y', 'a', ['d']],
  ['a d/x d/e/y d/e/z', 'a d/x', ['d/e']],
  // What took its place hides it already.
  ['a d/x d/y', 'a d', []],
  ['a d', 'a d/x', []],
  ['a d/e/x', 'a d/e', []],
])('between %j and %j the topmost of what is gone is %j', (before, after, expected) => {
  expect(deletedPaths(files(before), files(after))).toEqual(expected)
})
