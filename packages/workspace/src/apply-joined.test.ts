import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { applyPatches, planApply } from './apply.ts'
import type { RunPatch } from './settle-patches.ts'
import { computePatch } from './patch.ts'
import { createSnapshotSource } from './snapshot.ts'
import { createGitProject, fingerprint } from './testing/git-project.ts'

const LINES = Array.from({ length: 20 }, (_, index) => `line ${index}\n`)

/** A project, and patches of steps of a run of it. */
async function startRun() {
  const project = createGitProject()
  project.write('a.txt', LINES.join(''))
  project.commit('first')
  const options = { include: [], history: 'full' } as const
  const snapshot = await createSnapshotSource(project).take(project.root, options)
  const patches: RunPatch[] = []
  const { root, dataDir } = project
  return {
    request: { root, dataDir, run: 'run-1', patches, base: snapshot.tree, accept: [] },
    /** A step that starts from this tree and writes this to `a.txt`. Gives the tree that it leaves. */
    step: async (step: string, from: string | undefined, content: string) => {
      const start = (await snapshot.at(from ?? snapshot.tree))!
      async function* each() {
        yield { kind: 'write', path: 'a.txt', mode: 0o644, content: Buffer.from(content) } as const
      }
      const patch = (await computePatch(start, each()))!
      patches.push({ text: patch.text, step, baseTree: patch.baseTree })
      return patch.tree
    },
    read: () => readFileSync(join(root, 'a.txt'), 'utf8'),
    write: (content: string) => project.write('a.txt', content),
    state: () => fingerprint(root),
    [Symbol.dispose]: () => project[Symbol.dispose](),
  }
}

/** Steps that each wrote this to `a.txt`, side by side. */
async function sideBySide(...contents: readonly string[]) {
  const run = await startRun()
  for (const [at, content] of contents.entries())
    await run.step(`each[${at + 1}]`, undefined, content)
  return run
}

const withLine = (at: number, text: string) => LINES.with(at, `${text}\n`).join('')

describe('applyPatches of steps side by side', () => {
  it('joins what they changed in different lines of one file, and counts the file once', async () => {
    using project = await sideBySide(withLine(2, 'two'), withLine(15, 'fifteen'))
    const { files } = await planApply(project.request)
    expect(files).toMatchObject([{ path: 'a.txt', status: 'modified', added: 2, deleted: 2 }])
    await applyPatches(project.request)
    expect(project.read()).toBe(LINES.with(2, 'two\n').with(15, 'fifteen\n').join(''))
  })

  it('refuses what they changed differently, says so once, and does not blame the project', async () => {
    using project = await sideBySide(withLine(2, 'a'), withLine(2, 'b'), withLine(2, 'c'))
    const before = project.state()
    await expect(applyPatches(project.request)).rejects.toMatchObject({
      code: 'patch-drifted',
      message:
        'The changes of the run do not go together, nothing was applied: a.txt has lines that two change differently (each[1], each[2], each[3]).',
      hint: expect.stringContaining('one after the other'),
    })
    expect(project.state()).toEqual(before)
  })

  it('refuses them when the file has changed since', async () => {
    using project = await sideBySide(withLine(2, 'two'), withLine(15, 'fifteen'))
    project.write(withLine(9, 'mine'))
    await expect(applyPatches(project.request)).rejects.toMatchObject({
      code: 'patch-drifted',
      message: 'The project has changed since the run, nothing was applied: a.txt has changed.',
    })
  })

  it('refuses them when nothing is known any more of what they started from', async () => {
    using project = await sideBySide(withLine(2, 'two'), withLine(15, 'fifteen'))
    for (const base of [undefined, '0'.repeat(40)]) {
      await expect(applyPatches({ ...project.request, base })).rejects.toMatchObject({
        code: 'patch-drifted',
        message: expect.stringContaining(
          'a.txt is changed differently by two patches (each[1], each[2])',
        ),
      })
    }
  })

  it('joins chains of steps side by side, each against the tree that it started from', async () => {
    using run = await startRun()
    const one = await run.step('each[1]/first', undefined, withLine(2, 'two'))
    await run.step('each[1]/then', one, LINES.with(2, 'two\n').with(3, 'three\n').join(''))
    const two = await run.step('each[2]/first', undefined, withLine(15, 'fifteen'))
    await run.step('each[2]/then', two, LINES.with(15, 'fifteen\n').with(16, '16\n').join(''))
    await applyPatches(run.request)
    expect(run.read()).toBe(
      LINES.with(2, 'two\n').with(3, 'three\n').with(15, 'fifteen\n').with(16, '16\n').join(''),
    )
  })

  it('joins them when wave has lost what it knew of the project', async () => {
    using run = await sideBySide(withLine(2, 'two'), withLine(15, 'fifteen'))
    rmSync(run.request.dataDir, { recursive: true })
    await applyPatches(run.request)
    expect(run.read()).toBe(LINES.with(2, 'two\n').with(15, 'fifteen\n').join(''))
  })

  it('shows a file that two steps changed one after the other once, as they leave it', async () => {
    using run = await startRun()
    const tree = await run.step('one', undefined, withLine(2, 'two'))
    await run.step('two', tree, withLine(2, 'three'))
    const once = [{ path: 'a.txt', status: 'modified', added: 1, deleted: 1 }]
    expect((await planApply(run.request)).files).toMatchObject(once)
    const { base: _, ...unknown } = run.request
    const added = [{ path: 'a.txt', status: 'modified', added: 2, deleted: 2 }]
    expect((await planApply(unknown)).files).toMatchObject(added)
    expect((await applyPatches(run.request)).files).toMatchObject(once)
    expect(run.read()).toBe(withLine(2, 'three'))
  })

  it('applies what follows each other when nothing is known any more of what it started from', async () => {
    using run = await startRun()
    const tree = await run.step('one', undefined, withLine(2, 'two'))
    await run.step('two', tree, LINES.with(2, 'two\n').with(3, 'three\n').join(''))
    rmSync(run.request.dataDir, { recursive: true })
    await applyPatches({ ...run.request, base: '0'.repeat(40) })
    expect(run.read()).toBe(LINES.with(2, 'two\n').with(3, 'three\n').join(''))
  })
})
