import { mkdirSync, mkdtempDisposableSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { expect, test } from 'vitest'

import { findGitDirs } from './stale-files.ts'

const DAY_MS = 24 * 60 * 60_000
const NAME = 'a'.repeat(32)
const RECORD = 'applies/000000001/record.json'
const record = (phase: string) => JSON.stringify({ version: 1, run: 'r', phase, files: [] })

/** Whether the git dir of a repository that is gone for long may go when this file is in the data directory. */
async function isStaleWith(path: string, content: string): Promise<boolean | undefined> {
  using root = mkdtempDisposableSync(join(tmpdir(), 'wave-stale-'))
  const gitDir = join(root.path, 'git', NAME)
  mkdirSync(join(gitDir, 'tmp'), { recursive: true })
  writeFileSync(join(gitDir, 'work-tree'), join(root.path, 'unplugged'))
  const file = join(root.path, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  const when = { nowMs: Date.now() + 30 * DAY_MS, patienceMs: 7 * DAY_MS }
  return (await findGitDirs(root.path, when))[0]?.isStale
}

test.each([
  ['a mark', `applying/${NAME}`, '/unplugged'],
  ['an apply under way', `git/${NAME}/${RECORD}`, record('applying')],
  ['an undo under way', `git/${NAME}/${RECORD}`, record('undoing')],
  ['a record that is damaged', `git/${NAME}/${RECORD}`, '{'],
  ['bytes that were not put back', `git/${NAME}/applies/left-12345678/before/0`, 'mine\n'],
])('%s keeps what wave has of a repository that is away', async (_, path, content) => {
  expect(await isStaleWith(path, content)).toBe(false)
})

test.each([
  ['a complete apply', `git/${NAME}/${RECORD}`, record('applied')],
  ['an apply that never began', `git/${NAME}/applies/000000001/before/0`, 'x'],
  ['a mark of another repository', `applying/${'b'.repeat(32)}`, '/elsewhere'],
])('%s does not', async (_, path, content) => {
  expect(await isStaleWith(path, content)).toBe(true)
})
