import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtempSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { takeLock } from '@wave/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type JudgedRun, judgeRuns } from './old-runs.ts'
import { removeRun } from './remove-run.ts'

const RUN = '20200101-000000-000-aaaaaa'
let root: string
let directory: string
let judged: JudgedRun
const journal = (): string => join(directory, 'journal.jsonl')

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wave-remove-'))
  directory = join(root, 'runs', RUN)
  mkdirSync(directory, { recursive: true })
  writeFileSync(journal(), '{}\n')
  const limits = { keep: 0, olderThanMs: undefined, unfinished: true, nowMs: Date.now() }
  const [first] = judgeRuns(join(root, 'runs'), () => true, limits)
  if (first === undefined) throw new Error('Internal error: the run was not found')
  judged = first
})
afterEach(() => rmSync(root, { recursive: true }))

const remove = () => removeRun(join(root, 'data'), judged)

test('a run that is as it was judged goes, with its folder', async () => {
  expect(judged.kept).toBeUndefined()
  expect(await remove()).toEqual({ isRemoved: true })
  expect(readdirSync(join(root, 'runs'))).toEqual([])
})

test.each([
  ['longer', () => appendFileSync(journal(), '{}\n')],
  ['written again', () => utimesSync(journal(), new Date(), new Date(0))],
  ['gone', () => rmSync(journal())],
])('a run stays whose journal is %s since it was judged', async (_, change) => {
  change()
  expect(await remove()).toMatchObject({ isRemoved: false, isFailure: false })
  expect(readdirSync(join(root, 'runs'))).toEqual([RUN])
  expect(existsSync(join(directory, 'lock'))).toBe(false)
})

test('a run that a process works on stays, which is no failure', async () => {
  using _ = takeLock(directory)
  expect(await remove()).toMatchObject({ isRemoved: false, isFailure: false })
  expect(existsSync(journal())).toBe(true)
})

test('a run that somebody else removed is not told as removed here', async () => {
  rmSync(directory, { recursive: true })
  expect(await remove()).toMatchObject({ isRemoved: false, isFailure: false })
})

test('a run that cannot be removed stays whole, which is a failure', async () => {
  // Where it is to be moved stands something else.
  writeFileSync(join(root, 'runs', `.removing-${RUN}`), '')
  expect(await remove()).toMatchObject({
    isRemoved: false,
    isFailure: true,
    why: expect.stringContaining('ENOTDIR'),
  })
  expect(existsSync(journal())).toBe(true)
})

test('a run whose note stays is gone all the same, with its files, and that is told', async () => {
  // No note, and nothing that can be removed like one.
  mkdirSync(join(root, 'data/runs', RUN), { recursive: true })
  expect(await remove()).toEqual({
    isRemoved: true,
    left: { why: expect.stringMatching(/^the note on it stays: .*EISDIR/), takesRoom: false },
  })
  expect(readdirSync(join(root, 'runs'))).toEqual([])
})
