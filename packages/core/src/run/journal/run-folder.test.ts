import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../testing/manual-clock.ts'
import { systemIds } from '../ids.ts'
import { findRun, openRunFolder, runsFolder } from './run-folder.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wave-runs-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const openFiles = () => readdirSync('/proc/self/fd').length
const open = (id: string) => openRunFolder(runsFolder(root), id, new ManualClock())

test('SC-08 the run folder is private, locked while open, and ignored by git', () => {
  const folder = open('r1')
  folder.store.put(Buffer.from('x'))
  expect(statSync(folder.directory).mode & 0o777).toBe(0o700)
  expect(readFileSync(join(runsFolder(root), '.gitignore'), 'utf8')).toBe('*\n')
  expect(() => open('r1')).toThrow(expect.objectContaining({ code: 'run-locked' }))
  folder[Symbol.dispose]()
  open('r1')[Symbol.dispose]()
})

test('DU-11 opening a run clears away what killed processes left half-written in its folder', () => {
  open('r1')[Symbol.dispose]()
  const { pid: dead } = spawnSync(process.execPath, ['--version'])
  const left = [dead, process.ppid].map((pid) =>
    join(runsFolder(root), 'r1', `.wave-tmp-audit.md-${pid}`),
  )
  for (const path of left) writeFileSync(path, 'half')
  open('r1')[Symbol.dispose]()
  expect(left.map((path) => existsSync(path))).toEqual([false, true])
})

test('a damaged journal is refused and the lock is given back', () => {
  open('r1')[Symbol.dispose]()
  writeFileSync(join(runsFolder(root), 'r1', 'journal.jsonl'), 'x\ny\n')
  for (let tries = 0; tries < 2; tries += 1) {
    expect(() => open('r1')).toThrow(expect.objectContaining({ code: 'journal-refused' }))
  }
})

test.runIf(process.platform === 'linux')(
  'a store that cannot be opened leaves no file open',
  () => {
    mkdirSync(join(runsFolder(root), 'r1'), { recursive: true })
    writeFileSync(join(runsFolder(root), 'r1', 'store'), 'a file')
    const before = openFiles()
    expect(() => open('r1')).toThrow(expect.objectContaining({ code: 'path-unwritable' }))
    expect(openFiles()).toBe(before)
  },
)

test('a place that cannot be written is told with the path', () => {
  writeFileSync(join(root, '.wave'), 'a file')
  expect(() => open('r1')).toThrow(
    expect.objectContaining({ code: 'path-unwritable', exitCode: 4 }),
  )
})

test('runs are found by any unique prefix, and the newest as last', () => {
  for (const id of ['20261122-a', '20261122-b', '20261123-c', '20261123-cc']) {
    open(id)[Symbol.dispose]()
  }
  mkdirSync(join(runsFolder(root), 'not-a-run'))
  const find = (prefix: string) => findRun(runsFolder(root), prefix).split('/').at(-1)
  expect(find('20261122-a')).toBe('20261122-a')
  expect(find('20261123-c')).toBe('20261123-c')
  expect(find('last')).toBe('20261123-cc')
  expect(() => find('20261122')).toThrow(/Several runs.*20261122-a, 20261122-b/)
  expect(() => find('x')).toThrow(expect.objectContaining({ code: 'run-unknown', exitCode: 2 }))
  expect(() => findRun(join(root, 'nowhere'), 'last')).toThrow('There are no runs')
})

test('run ids sort by time and are safe as names', () => {
  const ids = Array.from({ length: 50 }, () => systemIds.runId())
  expect(new Set(ids).size).toBe(50)
  for (const id of ids) expect(id).toMatch(/^\d{8}-\d{6}-\d{3}-[0-9a-f]{6}$/)
  expect(ids.map((id) => id.slice(0, 19))).toEqual(ids.map((id) => id.slice(0, 19)).toSorted())
})
