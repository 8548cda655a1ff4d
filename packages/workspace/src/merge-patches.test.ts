import type { MergeResult, Snapshot } from '@wave/core'
import { describe, expect, it } from 'vitest'

import type { Change } from './patch.ts'
import { computePatch } from './patch.ts'
import { createSnapshotSource } from './snapshot.ts'
import { contentsOf, createGitProject, fingerprint } from './testing/git-project.ts'

const LINES = Array.from({ length: 20 }, (_, index) => `line ${index}\n`)
const withLine = (at: number, text: string) => LINES.with(at, `${text}\n`).join('')

async function createBase(files: Readonly<Record<string, string | Buffer>>) {
  const project = createGitProject()
  for (const [path, content] of Object.entries(files)) project.write(path, content)
  project.commit('first')
  const snapshot = await createSnapshotSource(project).take(project.root, {
    include: [],
    history: 'full',
  })
  return { project, snapshot, [Symbol.dispose]: () => project[Symbol.dispose]() }
}

const write = (path: string, content: string, mode: 0o644 | 0o755 = 0o644): Change => ({
  kind: 'write',
  path,
  mode,
  content: Buffer.from(content, 'latin1'),
})
const remove = (path: string): Change => ({ kind: 'delete', path })

async function patch(base: Snapshot, ...changes: readonly Change[]) {
  async function* each() {
    yield* changes
  }
  const made = await computePatch(base, each())
  if (made === undefined) throw new Error('nothing differs')
  return made
}

async function filesOf(snapshot: Snapshot, merged: MergeResult) {
  if (!merged.ok) throw new Error(JSON.stringify(merged.conflicts))
  expect(merged.patch).toMatchObject({ baseTree: snapshot.tree, tree: merged.tree })
  return await contentsOf((await snapshot.at(merged.tree))!)
}

describe('merge', () => {
  it('joins what parallel steps made of one tree, also in one file', async () => {
    using base = await createBase({
      'a.txt': LINES.join(''),
      'gone.txt': 'x',
      bin: Buffer.from([0]),
    })
    const { snapshot, project } = base
    const before = fingerprint(project.root)
    const merged = await snapshot.merge([
      await patch(snapshot, write('a.txt', withLine(2, 'two')), remove('gone.txt')),
      await patch(snapshot, write('a.txt', withLine(15, 'fifteen'), 0o755), remove('gone.txt')),
      await patch(snapshot, write('new/b.txt', 'b\n'), write('bin', '\0\x01')),
      await patch(snapshot, write('new/b.txt', 'b\n')),
    ])
    expect(await filesOf(snapshot, merged)).toEqual({
      'a.txt': LINES.with(2, 'two\n').with(15, 'fifteen\n').join(''),
      bin: '\0\x01',
      'new/b.txt': 'b\n',
    })
    expect(merged.ok && merged.patch.files.map(({ path, verdict }) => [path, verdict])).toEqual([
      ['a.txt', 'flagged'],
      ['bin', 'plain'],
      ['gone.txt', 'plain'],
      ['new/b.txt', 'plain'],
    ])
    expect(fingerprint(project.root)).toEqual(before)
  })

  it('follows patches that build on each other, and puts a parallel one on top', async () => {
    using base = await createBase({ 'a.txt': LINES.join('') })
    const { snapshot } = base
    const first = await patch(snapshot, write('a.txt', `top\n${LINES.join('')}`))
    const after = (await snapshot.at(first.tree))!
    const second = await patch(
      after,
      write('a.txt', `top\n${withLine(10, 'ten')}`),
      write('b', 'b'),
    )
    const parallel = await patch(snapshot, write('a.txt', withLine(19, 'nineteen')))
    const merged = await snapshot.merge([first, second, parallel])
    expect(await filesOf(snapshot, merged)).toEqual({
      'a.txt': `top\n${LINES.with(10, 'ten\n').with(19, 'nineteen\n').join('')}`,
      b: 'b',
    })
  })

  it('reports every conflict with the patch it came with, and makes no tree', async () => {
    using base = await createBase({
      'a.txt': LINES.join(''),
      'b.txt': 'b\n',
      bin: Buffer.from([0]),
      'd/e': 'e',
    })
    const { snapshot } = base
    const merged = await snapshot.merge([
      await patch(snapshot, write('a.txt', withLine(3, 'x')), remove('b.txt'), write('n', '1')),
      await patch(snapshot, write('a.txt', withLine(3, 'y')), write('b.txt', 'B\n')),
      await patch(snapshot, write('n', '2'), write('bin', '\0\x01')),
      await patch(snapshot, write('bin', '\0\x02'), write('fine', 'f')),
      await patch(snapshot, write('bin', '\0\x03')),
      await patch(snapshot, remove('d'), write('d', 'a file now')),
      await patch(snapshot, write('d/f', 'f')),
    ])
    expect(merged).toEqual({
      ok: false,
      conflicts: [
        { index: 1, path: 'a.txt', message: 'has lines that two change differently' },
        { index: 1, path: 'b.txt', message: 'is changed by one and deleted by another' },
        { index: 2, path: 'n', message: 'is added twice, with different content' },
        { index: 4, path: 'bin', message: 'is not text, and two change it' },
        expect.objectContaining({ index: 6 }),
      ],
    })
  })

  it('does not guess where a patch of another tree might go', async () => {
    using base = await createBase({ 'a.txt': LINES.join('') })
    const { snapshot } = base
    const elsewhere = (await snapshot.at(
      (await patch(snapshot, write('a.txt', withLine(0, 'other')))).tree,
    ))!
    const foreign = await patch(elsewhere, write('a.txt', withLine(15, 'x')))
    expect(await snapshot.merge([foreign])).toEqual({
      ok: false,
      conflicts: [{ index: 0, path: 'a.txt', message: 'was made for another tree' }],
    })
    await expect(snapshot.merge([{ text: Buffer.from('--- a\n+++ b\n') }])).rejects.toMatchObject({
      code: 'patch-invalid',
    })
  })

  it('makes nothing of nothing, and works without git', async () => {
    using project = createGitProject({ git: false })
    project.write('a.txt', LINES.join(''))
    const source = createSnapshotSource(project)
    const snapshot = await source.take(project.root, { include: [], history: 'full' })
    expect(await snapshot.merge([])).toMatchObject({ ok: true, tree: snapshot.tree })
    const merged = await snapshot.merge([
      await patch(snapshot, write('a.txt', withLine(2, 'x'))),
      await patch(snapshot, write('a.txt', withLine(12, 'y'))),
    ])
    expect(await filesOf(snapshot, merged)).toEqual({
      'a.txt': LINES.with(2, 'x\n').with(12, 'y\n').join(''),
    })
  })
})
