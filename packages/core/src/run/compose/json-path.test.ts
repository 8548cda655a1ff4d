import { expect, test } from 'vitest'
import { readPath, readPaths } from './json-path.ts'

const VALUE = {
  a: { b: [1, { c: 'x' }, { c: 'y' }] },
  'with-hyphen': null,
  '*': 'star',
  matrix: [
    [1, 2],
    [3, 4],
  ],
}

test.each<[string, unknown]>([
  ['a.b[0]', 1],
  ['a.b[1].c', 'x'],
  ['a.b[*].c', ['x', 'y']],
  ['a.b[9]', undefined],
  ['a.none', undefined],
  ['a.b.length', undefined],
  ['a.constructor', undefined],
  ['__proto__', undefined],
  ['with-hyphen', null],
  ['*', 'star'],
  ['matrix[*][1]', [2, 4]],
  ['none[*]', []],
  ['a..b', undefined],
  ['', undefined],
  ['a.b[-1]', undefined],
  ['a.b[x]', undefined],
  ['a.b[1', undefined],
])('At %s there is %j', (path, expected) => {
  expect(readPath(VALUE, path)).toEqual(expected)
})

test('A list can be the root', () => {
  expect(readPath([{ a: 1 }], '[0].a')).toBe(1)
  expect(readPaths([{ a: 1 }, {}, { a: 2 }], '[*].a')).toEqual([1, 2])
})

test('Lists of lists do not multiply without end', () => {
  const row: unknown[] = Array.from({ length: 1000 }, () => 0)
  const cube = Array.from({ length: 1000 }, () => Array.from({ length: 1000 }, () => row))
  expect(readPaths(cube, '[*][*][*]')).toHaveLength(1000)
})
