import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ArtifactRef } from '../events.ts'
import { takeLock } from '../run/journal/lock.ts'
import { MemoryArtifactStore } from '../testing/memory-storage.ts'
import { checkDeliverable, deliver } from './deliver.ts'
import type { Deliverable, Delivery } from './deliver.ts'

let root: string
let store: MemoryArtifactStore
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wave-deliver-'))
  store = new MemoryArtifactStore()
})
afterEach(() => rmSync(root, { recursive: true }))

function artifact(path: string, content: string, more: Partial<Deliverable> = {}): Deliverable {
  return {
    step: 's',
    name: 'report',
    path,
    leaf: true,
    ...store.put(Buffer.from(content)),
    ...more,
  }
}

function run(runId: string, ...artifacts: readonly Deliverable[]): Delivery {
  const runs = join(root, '.wave', 'runs')
  return deliver({ projectRoot: root, runs, runId, store }, artifacts)
}

/** What it throws. */
function attempt(action: () => unknown): unknown {
  try {
    return action()
  } catch (error) {
    return error
  }
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const paths = (delivery: Delivery): readonly string[] => delivery.delivered.map(({ path }) => path)

test('only artifacts below output/ are delivered, leaves first', () => {
  const delivery = run(
    'r1',
    artifact('output/triage.json', '{}', { step: 'triage', leaf: false }),
    artifact('notes/scratch.md', 'no'),
    artifact('output/deep/report.md', '# Report', { step: 'report' }),
  )
  expect(delivery.problems).toEqual([])
  expect(delivery.delivered).toEqual([
    { step: 'report', name: 'report', path: 'output/deep/report.md', leaf: true },
    { step: 'triage', name: 'report', path: 'output/triage.json', leaf: false },
  ])
  expect(read('output/deep/report.md')).toBe('# Report')
  expect(readdirSync(root).toSorted()).toEqual(['.wave', 'output'])
})

test('a file that holds it already is not written again', () => {
  run('r1', artifact('output/report.md', 'same'))
  const { ino } = statSync(join(root, 'output/report.md'))
  expect(paths(run('r2', artifact('output/report.md', 'same')))).toEqual(['output/report.md'])
  expect(statSync(join(root, 'output/report.md')).ino).toBe(ino)
})

test('what was delivered and recorded before is not even read from the store again', () => {
  const report = artifact('output/report.md', 'same')
  run('r1', report)
  store = new MemoryArtifactStore()
  expect(run('r1', report)).toMatchObject({
    delivered: [{ path: 'output/report.md' }],
    problems: [],
  })
})

test('a file that holds it already, but is in no record, is made durable and recorded', () => {
  mkdirSync(join(root, 'output'))
  writeFileSync(join(root, 'output/report.md'), 'same')
  run('r1', artifact('output/report.md', 'same'))
  expect(paths(run('r2', artifact('output/report.md', 'new')))).toEqual(['output/report.md'])
})

test('the next run replaces what wave delivered itself', () => {
  run('r1', artifact('output/report.md', 'one'))
  expect(paths(run('r2', artifact('output/report.md', 'two')))).toEqual(['output/report.md'])
  expect(read('output/report.md')).toBe('two')
  expect(readdirSync(join(root, 'output'))).toEqual(['report.md'])
})

test('one run at a time delivers: what another one writes meanwhile would look like a person’s', () => {
  const runs = join(root, '.wave', 'runs')
  const tries: unknown[] = []
  class WatchedStore extends MemoryArtifactStore {
    override get(ref: ArtifactRef): Uint8Array {
      tries.push(attempt(() => takeLock(runs)))
      return super.get(ref)
    }
  }
  store = new WatchedStore()
  const stored = artifact('output/report.md', 'x')
  expect(paths(run('r1', stored))).toEqual(['output/report.md'])
  expect(tries).toEqual([expect.objectContaining({ code: 'run-locked' })])
  expect(readdirSync(runs)).toEqual(['delivered.json'])
})

test('a folder of runs that takes no lock does not keep results from being delivered', () => {
  mkdirSync(join(root, '.wave'))
  writeFileSync(join(root, '.wave/runs'), 'a file where the folder should be')
  expect(paths(run('r1', artifact('output/report.md', 'x')))).toEqual(['output/report.md'])
})

test('a file that a person wrote or changed is kept, and the new one goes beside it', () => {
  run('r1', artifact('output/changed.md', 'wave'))
  writeFileSync(join(root, 'output/changed.md'), 'mine')
  writeFileSync(join(root, 'output/own.tar.gz'), 'mine')
  const delivery = run('r2', artifact('output/changed.md', 'x'), artifact('output/own.tar.gz', 'y'))
  expect(paths(delivery)).toEqual(['output/changed.r2.md', 'output/own.tar.r2.gz'])
  expect([read('output/changed.md'), read('output/own.tar.gz')]).toEqual(['mine', 'mine'])
  expect([read('output/changed.r2.md'), read('output/own.tar.r2.gz')]).toEqual(['x', 'y'])
})

test('a person’s file that already says the same is left alone', () => {
  mkdirSync(join(root, 'output'))
  writeFileSync(join(root, 'output/report.md'), 'same')
  expect(paths(run('r1', artifact('output/report.md', 'same')))).toEqual(['output/report.md'])
})

test('without its record wave keeps every file it finds', () => {
  run('r1', artifact('output/report.md', 'one'))
  writeFileSync(join(root, '.wave/runs/delivered.json'), '{"output/report.md": 7, broken')
  expect(paths(run('r2', artifact('output/report.md', 'two')))).toEqual(['output/report.r2.md'])
})

test('two steps with one path: the later one takes it, neither is lost', () => {
  const delivery = run(
    'r1',
    artifact('output/Report.md', 'draft', { step: 'draft', leaf: false }),
    artifact('output/report.md', 'final', { step: 'final' }),
  )
  expect(paths(delivery)).toEqual(['output/report.md', 'output/Report.draft.md'])
  expect([read('output/report.md'), read('output/Report.draft.md')]).toEqual(['final', 'draft'])
})

test('links, folders and odd paths in the way are refused, told, and nothing is written through them', () => {
  const outside = mkdtempSync(join(tmpdir(), 'wave-outside-'))
  writeFileSync(join(outside, 'victim'), 'untouched')
  mkdirSync(join(root, 'output/folder.md'), { recursive: true })
  symlinkSync(join(outside, 'victim'), join(root, 'output/link.md'))
  symlinkSync(outside, join(root, 'output/dir'))
  const delivery = run(
    'r1',
    artifact('output/link.md', 'x', { step: 'a' }),
    artifact('output/dir/new.md', 'x', { step: 'b' }),
    artifact('output/folder.md', 'x', { step: 'c' }),
    artifact('output/../escape.md', 'x', { step: 'd' }),
    artifact('output/fine.md', 'x', { step: 'e' }),
  )
  expect(paths(delivery)).toEqual(['output/fine.md'])
  expect(delivery.problems.map(({ step }) => step)).toEqual(['a', 'b', 'c', 'd'])
  expect(delivery.problems[0]?.message).toMatch(/link\.md was not written.*symbolic link.*kept in/)
  expect(readdirSync(outside)).toEqual(['victim'])
  expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched')
  expect(existsSync(join(root, 'escape.md'))).toBe(false)
  rmSync(outside, { recursive: true })
})

test('an output/ that takes no files is a told problem, before and after the run', () => {
  writeFileSync(join(root, 'output'), 'a file where the folder should be')
  const delivery = run('r1', artifact('output/report.md', 'x'))
  expect(delivery.delivered).toEqual([])
  expect(delivery.problems[0]?.message).toContain(join('.wave', 'runs', 'r1', 'store'))
  expect(() => checkDeliverable(root)).toThrow(
    expect.objectContaining({ code: 'path-unwritable', exitCode: 4 }),
  )
})

test.skipIf(process.getuid?.() === 0)('a read-only output/ is found before the run', () => {
  mkdirSync(join(root, 'output'))
  chmodSync(join(root, 'output'), 0o500)
  expect(() => checkDeliverable(root)).toThrow('cannot be written')
  expect(run('r1', artifact('output/report.md', 'x')).problems).toHaveLength(1)
  chmodSync(join(root, 'output'), 0o700)
})

test('a name made for a step does not take the place of a file of another one', () => {
  const delivery = run(
    'r1',
    artifact('output/report.md', 'one', { step: 's1' }),
    artifact('output/report.md', 'two', { step: 's2' }),
    artifact('output/report.s1.md', 'three', { step: 's3' }),
  )
  const contents = delivery.delivered.map(({ path }) => readFileSync(join(root, path), 'utf8'))
  expect(contents).toEqual(['one', 'two', 'three'])
})

test('checking leaves nothing behind, and takes away what a killed run left of it', () => {
  const { pid: dead } = spawnSync(process.execPath, ['--version'])
  writeFileSync(join(root, `.wave-tmp-probe-${dead}`), '')
  checkDeliverable(root)
  expect(readdirSync(root)).toEqual([])
})

test.each([
  ['assess/triage', 'output/note.assess.triage.txt'],
  ['review[3]', 'output/note.review.3.txt'],
  ['draft#2', 'output/note.draft.2.txt'],
  ['each#2[1]/write', 'output/note.each.2.1.write.txt'],
])('the earlier step of two with one path marks its file, as %s in %s', (step, marked) => {
  const delivery = run(
    'r1',
    artifact('output/note.txt', 'one', { step }),
    artifact('output/note.txt', 'two', { step: 'later' }),
  )
  expect(paths(delivery)).toEqual([marked, 'output/note.txt'])
  expect(readdirSync(join(root, 'output'))).toHaveLength(2)
})
