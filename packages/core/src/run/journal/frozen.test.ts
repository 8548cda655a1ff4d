import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileArtifactStore } from '../../artifact/store.ts'
import { freezeFiles, readFrozen } from './frozen.ts'

let run: string
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), 'wave-frozen-'))
})
afterEach(() => rmSync(run, { recursive: true }))

const FILES = [
  { path: '.wave/pipelines/audit.yaml', content: Buffer.from('kind: WavePipeline\n') },
  { path: '.wave/personas/../../odd name.md', content: Buffer.from([0, 255]) },
]
const inFrozen = (): string[] =>
  readdirSync(join(run, 'frozen'), { recursive: true, encoding: 'utf8' })

test('what is frozen comes back byte for byte, also after freezing it again', () => {
  const ref = freezeFiles(run, FILES)
  expect(freezeFiles(run, FILES)).toEqual(ref)
  const read = readFrozen(run, ref)
  expect([...read.keys()]).toEqual(FILES.map(({ path }) => path))
  expect(FILES.map(({ path, content }) => content.equals(read.get(path) ?? Buffer.of()))).toEqual([
    true,
    true,
  ])
  // Paths of the project name nothing here.
  for (const name of inFrozen()) expect(name).toMatch(/^[0-9a-f]{2}(\/[0-9a-f]{64})?$/u)
})

test('no files are fine', () => {
  expect(readFrozen(run, freezeFiles(run, [])).size).toBe(0)
})

test('a frozen file that was changed or removed is refused', () => {
  const ref = freezeFiles(run, FILES)
  const blobs = inFrozen().filter((name) => name.includes('/'))
  expect(blobs).toHaveLength(3)
  for (const blob of blobs) {
    writeFileSync(join(run, 'frozen', blob), 'other')
    expect(() => readFrozen(run, ref)).toThrow(/was changed/)
    freezeFiles(run, FILES)
    expect(readFrozen(run, ref).size).toBe(2)
  }
  rmSync(join(run, 'frozen'), { recursive: true })
  expect(() => readFrozen(run, ref)).toThrow(
    expect.objectContaining({ code: 'journal-refused', exitCode: 4 }),
  )
})

test('a list that names no digests leads nowhere', () => {
  freezeFiles(run, [])
  const list = Buffer.from(JSON.stringify({ a: { digest: '../../etc', sizeBytes: 1 } }))
  const ref = new FileArtifactStore(join(run, 'frozen')).put(list)
  expect(() => readFrozen(run, ref)).toThrow(/cannot be read/)
})
