import {
  existsSync,
  mkdirSync,
  mkdtempDisposableSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { finishInterrupted } from './apply-change.ts'
import { changingTrees, listRecords, markChanging, tidyRecords } from './apply-record.ts'

const RECORD = { version: 1, run: 'run-1', apply: 'a', files: [], goneFolders: [], newFolders: [] }

/** Wave's git dir of a repository with an apply under way, whose record holds this; null: it is a folder. */
function scene(root: string, record: string | null) {
  const gitDir = join(root, 'data/git', 'a'.repeat(32))
  const workTree = join(root, 'project')
  const folder = join(gitDir, 'applies/000000001')
  mkdirSync(join(folder, 'before'), { recursive: true })
  mkdirSync(workTree)
  const saved = join(folder, 'before/0')
  writeFileSync(saved, 'the only copy\n')
  if (record === null) mkdirSync(join(folder, 'record.json'))
  else writeFileSync(join(folder, 'record.json'), record)
  const host = {
    gitDir,
    workTree,
    borrowedObjects: undefined,
    home: root,
    excludesFile: '/dev/null',
  }
  markChanging(host)
  return { host, folder, saved, marker: join(root, 'data/applying', 'a'.repeat(32)) }
}

test.each([
  ['is no JSON', '{"version": 1, "run"'],
  ['is nothing', 'null'],
  ['is of a later version', JSON.stringify({ ...RECORD, version: 2, phase: 'applying' })],
  ['cannot be read', null],
])('DU-04 a record that %s keeps its saved bytes and the mark, and is told', async (_, record) => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'wave-record-'))
  const { host, folder, saved, marker } = scene(root.path, record)
  const told = {
    code: 'workspace-failed',
    message: expect.stringContaining(folder),
    hint: expect.stringContaining('the only copy'),
  }
  expect(() => tidyRecords(host)).toThrow(expect.objectContaining(told))
  expect(() => listRecords(host)).toThrow(expect.objectContaining(told))
  await expect(finishInterrupted(host)).rejects.toMatchObject(told)
  expect(readFileSync(saved, 'utf8')).toBe('the only copy\n')
  expect(existsSync(marker)).toBe(true)
})

test('what was laid ready without a record is cleared away', () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'wave-record-'))
  const { host, folder } = scene(root.path, JSON.stringify({ ...RECORD, phase: 'applied' }))
  const begun = join(folder, '../000000002')
  mkdirSync(begun)

  tidyRecords(host)
  expect([existsSync(folder), existsSync(begun)]).toEqual([true, false])
})

test('the mark of a repository counts for the projects in it, and for no other', () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'wave-record-'))
  const { host } = scene(root.path, JSON.stringify({ ...RECORD, phase: 'applying' }))
  const data = join(root.path, 'data')
  const [inside, beside, link] = ['project/deep', 'project-2', 'link'].map((name) =>
    join(root.path, name),
  )
  for (const folder of [inside, beside]) mkdirSync(folder ?? '')
  symlinkSync(inside ?? '', link ?? '')
  const found = [{ workTree: host.workTree, pid: undefined }]

  expect(changingTrees(data)).toEqual(found)
  for (const project of [host.workTree, inside, link])
    expect(changingTrees(data, project)).toEqual(found)
  for (const project of [beside, root.path]) expect(changingTrees(data, project)).toEqual([])
})

test('a mark that goes while the marks are read is none', () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'wave-record-'))
  mkdirSync(join(root.path, 'applying'))
  symlinkSync('gone', join(root.path, 'applying', 'b'.repeat(32)))
  expect(changingTrees(root.path)).toEqual([])
})
