import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileArtifactStore } from '../../artifact/store.ts'
import { FileStepCache } from './file-step-cache.ts'
import type { KeptStep } from './step-cache.ts'

const KEY = 'ab'.repeat(32)
let root: string
let store: FileArtifactStore
let cache: FileStepCache

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wave-steps-'))
  store = new FileArtifactStore(join(root, 'runs/r1/store'))
  cache = new FileStepCache(join(root, 'steps'), join(root, 'runs'))
})

afterEach(() => rmSync(root, { recursive: true }))

function keep(): KeptStep {
  const ref = store.put(Buffer.from('found it'))
  const artifact = { name: 'note', path: 'out/note.txt', type: 'text' as const, ...ref }
  const step: KeptStep = { run: 'r1', step: 'a', artifacts: [artifact], message: 'Done' }
  cache.keep(KEY, step)
  return step
}

function entryPath(): string {
  return join(root, 'steps', 'ab', KEY)
}

test('what was kept is found again with its contents, in a file for its owner alone', () => {
  keep()
  const found = new FileStepCache(join(root, 'steps'), '/elsewhere').find(KEY)
  expect(found).toMatchObject({ run: 'r1', step: 'a', message: 'Done' })
  expect(Buffer.from(found?.artifacts.get('note') ?? []).toString()).toBe('found it')
  expect(statSync(entryPath()).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(root, 'steps/ab'))).toEqual([KEY])
  expect(cache.find('cd'.repeat(32))).toBeUndefined()
})

test('an entry whose run is gone, or whose contents were changed, is none', () => {
  const { artifacts } = keep()
  const [artifact] = artifacts
  writeFileSync(store.pathOf(artifact ?? { digest: '', sizeBytes: 0 }), 'found IT')
  expect(cache.find(KEY)).toBeUndefined()
  rmSync(join(root, 'runs'), { recursive: true })
  expect(cache.find(KEY)).toBeUndefined()
})

test.each(['', '{', '{"v":2}', '{"v":1,"folder":"runs/r1","run":"r1"}', 'null', '[]'])(
  'an entry that holds %j is none, and a success takes its place',
  (content) => {
    keep()
    writeFileSync(entryPath(), content)
    expect(cache.find(KEY)).toBeUndefined()
    keep()
    expect(cache.find(KEY)).toBeDefined()
  },
)
