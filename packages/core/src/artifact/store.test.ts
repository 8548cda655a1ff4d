import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileArtifactStore } from './store.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wave-store-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const bytes = Buffer.from('content')

test('AR-24 equal bytes are stored once, by digest, readable by the owner only', () => {
  const store = new FileArtifactStore(directory)
  const ref = store.put(bytes)
  expect(store.put(Buffer.from('content'))).toEqual(ref)
  expect(ref).toEqual({
    digest: 'ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73',
    sizeBytes: 7,
  })
  expect(readdirSync(directory, { recursive: true })).toEqual(['ed', `ed/${ref.digest}`])
  expect(statSync(store.pathOf(ref)).mode & 0o777).toBe(0o600)
  expect(Buffer.from(store.get(ref)).toString()).toBe('content')
})

test('AR-22 a stored artifact that was changed or removed is noticed on read', () => {
  const store = new FileArtifactStore(directory)
  const ref = store.put(bytes)
  writeFileSync(store.pathOf(ref), 'changed')
  expect(() => store.get(ref)).toThrow(expect.objectContaining({ code: 'journal-refused' }))
  rmSync(store.pathOf(ref))
  expect(() => store.get(ref)).toThrow('is missing')
})

test('a damaged blob is replaced when the same bytes are stored by a later process', () => {
  const ref = new FileArtifactStore(directory).put(bytes)
  const store = new FileArtifactStore(directory)
  writeFileSync(store.pathOf(ref), 'damaged')
  store.put(bytes)
  expect(Buffer.from(store.get(ref)).toString()).toBe('content')
})

test('DU-11 what a crash left half-written is removed on open', () => {
  const ref = new FileArtifactStore(directory).put(bytes)
  writeFileSync(join(directory, 'ed', '.wave-tmp-x-1'), 'half')
  const store = new FileArtifactStore(directory)
  expect(readdirSync(join(directory, 'ed'))).toEqual([ref.digest])
  store.get(ref)
})

test("what else lies in its folder is in nobody's way, and stays", () => {
  const ref = new FileArtifactStore(directory).put(bytes)
  // Not its own, whatever it is called.
  mkdirSync(join(directory, 'other'))
  const kept = ['.DS_Store', 'ee', 'other/.wave-tmp-x-1']
  for (const name of kept) writeFileSync(join(directory, name), '')
  mkdirSync(join(directory, 'ed', '.wave-tmp-folder-1'))
  const store = new FileArtifactStore(directory)
  expect(Buffer.from(store.get(ref)).toString()).toBe('content')
  expect(readdirSync(directory, { recursive: true })).toEqual(expect.arrayContaining(kept))
})

test.each(['../../../etc/passwd', '', 'A'.repeat(64), `${'a'.repeat(64)}/x`])(
  'the digest %j leads nowhere',
  (digest) => {
    const store = new FileArtifactStore(directory)
    const refusal = expect.objectContaining({ code: 'journal-refused' })
    expect(() => store.pathOf({ digest, sizeBytes: 1 })).toThrow(refusal)
    expect(() => store.get({ digest, sizeBytes: 1 })).toThrow(refusal)
  },
)

test('a disk that takes nothing is told, with the path', () => {
  writeFileSync(join(directory, 'file'), '')
  for (const place of ['file', 'file/store']) {
    expect(() => new FileArtifactStore(join(directory, place)).put(bytes)).toThrow(
      expect.objectContaining({ code: 'path-unwritable' }),
    )
  }
})

test('DU-17 a store that is moved away takes nothing more, and does not begin anew', () => {
  const folder = join(directory, 'run/store')
  mkdirSync(folder, { recursive: true })
  const store = new FileArtifactStore(folder)
  store.put(Buffer.from('one'))
  renameSync(join(directory, 'run'), join(directory, 'aside'))
  expect(() => store.put(Buffer.from('two'))).toThrow(
    expect.objectContaining({ code: 'path-unwritable' }),
  )
  expect(existsSync(folder)).toBe(false)
})
