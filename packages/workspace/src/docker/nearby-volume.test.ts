import { expect, test } from 'vitest'
import { nearest } from './nearby-volume.ts'

const MIB = 2 ** 20
const whole = { files: 1000, bytes: 100 * MIB }

function base(name: string, changedFiles: number, changedMib: number, sharesHistory = true) {
  return { name, changedFiles, changedBytes: changedMib * MIB, sharesHistory }
}

test.each([
  ['the one with the fewest differences', [base('far', 100, 9), base('near', 1, 1)], 'near'],
  ['none with too many files', [base('a', 201, 1)], undefined],
  ['none with too many bytes', [base('a', 1, 21)], undefined],
  ['the most recently used of equals', [base('first', 1, 1), base('second', 1, 1)], 'first'],
  [
    'one with the same history rather than the same files',
    [base('other', 0, 0, false), base('same', 100, 10)],
    'same',
  ],
  ['one of another branch if there is no better', [base('other', 5, 1, false)], 'other'],
  ['none of none', [], undefined],
])('near is %s', (_, candidates, expected) => {
  expect(nearest(candidates, whole)?.name).toBe(expected)
})

test('a large file does not put a small project out of reach', () => {
  expect(nearest([base('a', 1, 3)], { files: 400, bytes: MIB })).toBeDefined()
})
