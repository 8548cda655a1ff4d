import { mkdirSync, mkdtempDisposableSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { createSnapshotSource } from './snapshot.ts'

const SPEC = { include: [], history: 'full' } as const

/** A project without git, its first snapshot, and wave's git dir for it. */
async function scene(root: string) {
  const project = join(root, 'project')
  const data = join(root, 'data')
  mkdirSync(project)
  writeFileSync(join(project, 'file.txt'), 'one\n')
  const take = () => createSnapshotSource({ dataDir: data }).take(project, SPEC)
  const { tree } = await take()
  const name = readdirSync(join(data, 'git')).find((entry) => /^[0-9a-f]{32}$/.test(entry)) ?? ''
  return { project, take, tree, gitDir: join(data, 'git', name) }
}

test('DU-04 what a power cut may leave empty in a new git dir is written again', async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'wave-sync-'))
  const { take, tree, gitDir } = await scene(folder.path)
  for (const name of ['HEAD', 'config']) truncateSync(join(gitDir, name))

  expect((await take()).tree).toBe(tree)
})

test('the index of a project that did not change is not written again', async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'wave-sync-'))
  const { project, take, gitDir } = await scene(folder.path)
  const changed = () => statSync(join(gitDir, 'kept-index'), { bigint: true }).ctimeNs
  const first = changed()

  await take()
  expect(changed()).toBe(first)
  writeFileSync(join(project, 'other.txt'), 'two\n')
  await take()
  expect(changed()).not.toBe(first)
})
