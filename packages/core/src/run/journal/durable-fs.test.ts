import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFile, makeDirectory, replaceFile } from './durable-fs.ts'
import { storageError } from './storage-error.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wave-fs-'))
})
afterEach(() => rmSync(root, { recursive: true }))

test('directories are created with their parents, and an existing one is fine', () => {
  makeDirectory(join(root, 'a/b/c'))
  makeDirectory(join(root, 'a/b/c'))
  expect(statSync(join(root, 'a/b')).mode & 0o777).toBe(0o700)
})

test('a file is created once, and replaced as a whole', () => {
  const path = join(root, 'file')
  createFile(path, Buffer.from('one'))
  expect(() => createFile(path, Buffer.from('two'))).toThrow('EEXIST')
  replaceFile(path, Buffer.from('three'), 0o644)
  expect(readFileSync(path, 'utf8')).toBe('three')
  expect(statSync(path).mode & 0o777).toBe(0o644)
  expect(readdirSync(root)).toEqual(['file'])
})

test('a file that the disk does not take to its end is not left behind', () => {
  const tooLong = Object.defineProperty(Buffer.from('half'), 'length', { value: 8 })
  expect(() => createFile(join(root, 'file'), tooLong)).toThrow('short write')
  expect(() => replaceFile(join(root, 'file'), tooLong)).toThrow('short write')
  expect(readdirSync(root)).toEqual([])
})

test('a replacement that fails leaves no temporary file', () => {
  mkdirSync(join(root, 'target/inside'), { recursive: true })
  expect(() => replaceFile(join(root, 'target'), Buffer.from('x'))).toThrow(/EISDIR|ENOTEMPTY/)
  expect(readdirSync(root)).toEqual(['target'])
})

test('a replacement clears away what dead processes left of theirs, and nothing else', () => {
  const { pid: dead } = spawnSync(process.execPath, ['--version'])
  const kept = [`.wave-tmp-file-${process.ppid}`, `.wave-tmp-other-${dead}`, '.wave-tmp-file-x']
  for (const name of [...kept, `.wave-tmp-file-${dead}`]) writeFileSync(join(root, name), 'half')
  replaceFile(join(root, 'file'), Buffer.from('whole'))
  expect(readdirSync(root).toSorted()).toEqual([...kept, 'file'].toSorted())
})

test.runIf(process.platform === 'linux')(
  'what a process in another container is writing stays for a day, since nobody sees from here whether it runs',
  () => {
    const { pid: dead } = spawnSync(process.execPath, ['--version'])
    const [fresh, old] = ['1', '2'].map((namespace) => `.wave-tmp-file-${dead}@${namespace}`)
    for (const name of [fresh, old]) writeFileSync(join(root, String(name)), 'half')
    const before = Date.now() / 1000 - 25 * 60 * 60
    utimesSync(join(root, String(old)), before, before)
    replaceFile(join(root, 'file'), Buffer.from('whole'))
    expect(readdirSync(root).toSorted()).toEqual([fresh, 'file'])
  },
)

test('a replacement does not fail by what cannot be cleared away', () => {
  const { pid: dead } = spawnSync(process.execPath, ['--version'])
  mkdirSync(join(root, `.wave-tmp-file-${dead}`))
  replaceFile(join(root, 'file'), Buffer.from('whole'))
  expect(readFileSync(join(root, 'file'), 'utf8')).toBe('whole')
})

test.each<readonly string[]>([
  ['ENOSPC', 'disk-full'],
  ...[
    'EROFS',
    'EBUSY',
    'ENOTEMPTY',
    'EISDIR',
    'EFBIG',
    'ELOOP',
    'ENAMETOOLONG',
    'ESTALE',
    'ENOTSUP',
  ].map((code) => [code, 'path-unwritable']),
])('DF-04 %s is an error that the user can fix', (code, expected) => {
  const cause = Object.assign(new Error(code), { code })
  expect(storageError(cause, '/x')).toMatchObject({ code: expected, exitCode: 4 })
})

test('a bug stays a bug', () => {
  const bug = new TypeError('oops')
  expect(storageError(bug, '/x')).toBe(bug)
})
