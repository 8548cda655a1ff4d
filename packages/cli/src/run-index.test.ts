import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkOwnRun, completeEntry, expectRun, indexedRuns, indexRun } from './run-index.ts'
import { isOwnRun } from './run-index.ts'
import { judgeRuns } from './runs/old-runs.ts'
import { RunRecords } from './runs/stale-records.ts'

const RUN = '20261122-192220-235-4feedb'
let root: string
let dataDir: string
let directory: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wave-index-'))
  dataDir = join(root, 'data')
  directory = join(root, '.wave/runs', RUN)
  mkdirSync(directory, { recursive: true })
})
afterEach(() => rmSync(root, { recursive: true }))

const writeJournal = (text: string): void => writeFileSync(join(directory, 'journal.jsonl'), text)
const isOwn = (): boolean => isOwnRun(dataDir, directory, root)
const entry = (): string => join(dataDir, 'runs', RUN)

test("a run is one's own from before its folder is made, in the project where it was started", () => {
  expect(isOwn()).toBe(false)
  expectRun(dataDir, directory, root)
  expect(isOwn()).toBe(true)
  writeJournal('first\nsecond\n')
  expect(isOwn()).toBe(true)
  expect(indexedRuns(dataDir)).toEqual([{ run: RUN, root, file: entry() }])
  expect(() => checkOwnRun(dataDir, directory, join(root, 'other'))).toThrow(
    expect.objectContaining({ code: 'run-unknown', message: expect.stringContaining('not here') }),
  )
})

test.each([
  ['indexed', indexRun],
  ['completed after a kill', completeEntry],
])(
  "once its entry is %s, a run whose journal begins in another way is not one's own",
  (_, note) => {
    expectRun(dataDir, directory, root)
    writeJournal('first\n')
    note(dataDir, directory, root)
    writeJournal('first\nsecond\n')
    expect(isOwn()).toBe(true)
    writeJournal('another\n')
    expect(isOwn()).toBe(false)
    // What is complete stays, and what is not one's own does not become so.
    completeEntry(dataDir, directory, root)
    expect(isOwn()).toBe(false)
    rmSync(entry())
    completeEntry(dataDir, directory, root)
    expect(isOwn()).toBe(false)
  },
)

test('of a journal no more is read than its first record', () => {
  const long = 'x'.repeat(200_000)
  writeJournal(`${long}\nsecond\n`)
  indexRun(dataDir, directory, root)
  const kept = readFileSync(entry(), 'utf8')
  writeJournal(long)
  indexRun(dataDir, directory, root)
  expect(readFileSync(entry(), 'utf8')).toBe(kept)
  writeJournal(`${long}\n`)
  // More than can be read at once.
  truncateSync(join(directory, 'journal.jsonl'), 3 * 2 ** 30)
  expect(isOwn()).toBe(true)
})

test("an entry that cannot be read is told as that: the run stays, and is not called another's", () => {
  writeJournal('first\n')
  mkdirSync(join(dataDir, 'runs'), { recursive: true })
  symlinkSync(RUN, entry())
  const unreadable = { code: 'path-unwritable', message: expect.stringContaining('ELOOP') }
  expect(isOwn).toThrow(expect.objectContaining(unreadable))
  const records = new RunRecords({ dataDir, nowMs: Date.now(), patienceMs: 0 })
  const limits = { keep: 0, olderThanMs: undefined, unfinished: true, nowMs: Date.now() }
  const judged = judgeRuns(join(root, '.wave/runs'), () => records.isOwn(directory, root), limits)
  expect(judged).toMatchObject([{ kept: 'unknown', problem: expect.stringContaining('ELOOP') }])
})
