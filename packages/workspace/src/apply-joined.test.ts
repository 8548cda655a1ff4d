import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { applyPatches, planApply } from './apply.ts'
import { computePatch } from './patch.ts'
import { createSnapshotSource } from './snapshot.ts'
import { createGitProject, fingerprint } from './testing/git-project.ts'

const LINES = Array.from({ length: 20 }, (_, index) => `line ${index}\n`)

/** A project, and the patches of steps that each wrote this to `a.txt`, side by side. */
async function sideBySide(...contents: readonly string[]) {
  const project = createGitProject()
  project.write('a.txt', LINES.join(''))
  project.commit('first')
  const options = { include: [], history: 'full' } as const
  const snapshot = await createSnapshotSource(project).take(project.root, options)
  const patches: Uint8Array[] = []
  for (const content of contents) {
    async function* each() {
      yield { kind: 'write', path: 'a.txt', mode: 0o644, content: Buffer.from(content) } as const
    }
    patches.push((await computePatch(snapshot, each()))?.text ?? Buffer.alloc(0))
  }
  const { root, dataDir } = project
  const request = { root, dataDir, patches, base: snapshot.tree, accept: [] }
  return {
    request,
    read: () => readFileSync(join(root, 'a.txt'), 'utf8'),
    write: (content: string) => project.write('a.txt', content),
    state: () => fingerprint(root),
    [Symbol.dispose]: () => project[Symbol.dispose](),
  }
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
        'The changes of the run do not go together, nothing was applied: a.txt has lines that two change differently.',
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
        message: expect.stringContaining('a.txt is changed differently by two patches'),
      })
    }
  })
})
