import { expect, test } from 'vitest'
import { leftOutNotes } from './left-out.ts'

const secret = { path: '.env', reason: 'its name says that it holds secrets' }
const lost = ['a', 'b', 'c', 'd'].map((path) => ({ path, reason: 'link that leaves the project' }))

test('what is left out is told: secrets by name, of all else the count and the first', () => {
  expect(leftOutNotes([secret, ...lost])).toEqual([
    'Left out, because they may hold secrets: .env.',
    'Left out of the sandbox: 4 paths: a (link that leaves the project), b (link that leaves the project), c (link that leaves the project) and 1 more.',
  ])
})

test('one path is one, and what lies in .wave/ is no news', () => {
  const own = { path: '.wave/local', reason: 'link that leaves the project' }
  expect(leftOutNotes([own, { path: 'sub', reason: 'submodule' }])).toEqual([
    'Left out of the sandbox: 1 path: sub (submodule).',
  ])
  expect(leftOutNotes([own])).toEqual([])
})

test('a name cannot pass for text of ours', () => {
  const [note] = leftOutNotes([{ path: 'a\u{1b}[2J\nnote: all is well', reason: 'submodule' }])
  expect(note).toContain(String.raw`a\u{1b}[2J\u{a}note: all is well (submodule)`)
})
