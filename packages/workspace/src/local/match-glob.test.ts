import { expect, it } from 'vitest'

import { compileGlob } from './match-glob.ts'

it.each([
  ['*.ts', 'a.ts'],
  ['*.ts', 'deep/down/a.ts'],
  ['src/*.ts', 'src/a.ts'],
  ['src/**/*.ts', 'src/a.ts'],
  ['src/**/*.ts', 'src/b/c/a.ts'],
  ['**/test/**', 'a/test/b/c'],
  ['**', 'a/b'],
  ['./src/a.ts', 'src/a.ts'],
  ['src/', 'src/a/b'],
  ['*.{ts,js}', 'x/a.js'],
  ['{src,test}/*', 'test/a'],
  ['file[0-9].txt', 'file7.txt'],
  ['[!a]b', 'cb'],
  ['a?c', 'aöc'],
  ['\\*', '*'],
  ['.*', '.env'],
  ['a.b', 'a.b'],
])('%s matches %s', (pattern, path) => {
  expect(compileGlob(pattern)(path)).toBe(true)
})

it.each([
  ['*.ts', 'a.tsx'],
  ['src/*.ts', 'src/b/a.ts'],
  ['src/*.ts', 'x/src/a.ts'],
  ['src/**/*.ts', 'lib/a.ts'],
  ['a?c', 'ac'],
  ['[!a]b', 'ab'],
  ['a.b', 'axb'],
  ['', 'a'],
])('%s does not match %s', (pattern, path) => {
  expect(compileGlob(pattern)(path)).toBe(false)
})

it('YT-14 takes a hostile pattern without losing time', () => {
  const start = performance.now()
  expect(compileGlob(`${'*a'.repeat(500)}b`)('a'.repeat(4_000))).toBe(false)
  expect(compileGlob(`${'**/'.repeat(200)}x`)('a/'.repeat(1_000))).toBe(false)
  expect(compileGlob('{a,b}'.repeat(40))('ab'.repeat(20))).toBe(false)
  expect(performance.now() - start).toBeLessThan(5_000)
})
