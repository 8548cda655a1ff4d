import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Snapshot } from '@wave/core'
import { expect, test } from 'vitest'
import { createSnapshotSource } from './snapshot.ts'
import { createGitProject, fingerprint } from './testing/git-project.ts'
import type { GitProject } from './testing/git-project.ts'

/** Another process has nothing but the folders. */
function reopen(project: GitProject, recorded: Snapshot, tree = recorded.tree) {
  const { head, dirty, dropped } = recorded
  const source = createSnapshotSource({ dataDir: project.dataDir })
  return source.reopen(project.root, { tree, head, dirty, dropped, history: 'full' })
}

async function text(snapshot: Snapshot | undefined, path: string): Promise<string | undefined> {
  const content = await snapshot?.read(path)
  return content && Buffer.from(content).toString()
}

async function startRun(project: GitProject) {
  project.write('a.txt', 'one\n')
  project.write('gone.txt', 'kept\n')
  project.commit('first')
  project.write('a.txt', 'edited\n')
  const source = createSnapshotSource({ dataDir: project.dataDir })
  return source.take(project.root, { include: [], history: 'full' })
}

test('a snapshot of an earlier process is the same, whatever has become of the project', async () => {
  using project = createGitProject()
  const start = await startRun(project)
  project.write('a.txt', 'later\n')
  rmSync(join(project.root, 'gone.txt'))
  project.write('new.txt', 'new\n')
  project.commit('second')
  project.git('switch', '--quiet', '--create', 'other')
  const before = fingerprint(project.root)
  const again = await reopen(project, start)
  const { tree, head, dirty, files, root } = start
  expect(again).toMatchObject({ tree, head, dirty, files, root, branch: undefined })
  expect(await text(again, 'a.txt')).toBe('edited\n')
  expect(await text(again, 'gone.txt')).toBe('kept\n')
  const subjects = (await again?.history.log({ max: 10 }))?.map(({ subject }) => subject)
  expect(subjects).toEqual(['first'])
  expect(fingerprint(project.root)).toEqual(before)
})

test('trees that patches of the run led to are there as well, also after the user’s git has cleaned up', async () => {
  using project = createGitProject()
  const start = await startRun(project)
  project.write('a.txt', 'fixed\n')
  const source = createSnapshotSource({ dataDir: project.dataDir })
  const fixed = await source.take(project.root, { include: [], history: 'full' })
  const patch = await start.changesTo(fixed.tree)
  project.write('a.txt', 'later\n')
  const merged = await start.merge(patch === undefined ? [] : [patch])
  if (!merged.ok) throw new Error(JSON.stringify(merged.conflicts))
  project.git('gc', '--quiet', '--prune=now')
  const again = await reopen(project, start)
  expect(await text(await again?.at(merged.tree), 'a.txt')).toBe('fixed\n')
  expect((await again?.changesTo(merged.tree))?.files).toMatchObject([{ path: 'a.txt' }])
})

test('what is gone is told', async () => {
  using project = createGitProject()
  const start = await startRun(project)
  expect(await reopen(project, start, '0'.repeat(40))).toBeUndefined()
  expect(await reopen(project, { ...start, head: '1'.repeat(40) })).toBeUndefined()
  expect(await reopen(project, start, '--help')).toBeUndefined()
  project.git('checkout', '--quiet', '--orphan', 'empty')
  project.git('branch', '--delete', '--force', '--quiet', 'main')
  project.git('reflog', 'expire', '--expire=now', '--all')
  project.git('gc', '--quiet', '--prune=now')
  project.git('rm', '--quiet', '--force', '-r', '--cached', '.')
  project.git('gc', '--quiet', '--prune=now')
  expect(await reopen(project, start)).toBeUndefined()
})

test('a project without git is reopened too', async () => {
  using project = createGitProject({ git: false })
  project.write('a.txt', 'one\n')
  const source = createSnapshotSource({ dataDir: project.dataDir })
  const start = await source.take(project.root, { include: [], history: 'full' })
  project.write('a.txt', 'two\n')
  expect(await text(await reopen(project, start), 'a.txt')).toBe('one\n')
})
