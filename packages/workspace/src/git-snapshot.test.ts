import { symlinkSync } from 'node:fs'
import { join } from 'node:path'

import type { Snapshot } from '@wave/core'
import { describe, expect, it } from 'vitest'

import { asGitSnapshot } from './git-snapshot.ts'
import { renderHistory } from './history-text.ts'
import type { Change } from './patch.ts'
import { computePatch } from './patch.ts'
import { createSnapshotSource } from './snapshot.ts'
import { contentsOf, createGitProject, fingerprint, stockGit } from './testing/git-project.ts'
import type { GitProject } from './testing/git-project.ts'

const take = async (project: GitProject, history: 'full' | 'none' = 'full') =>
  await createSnapshotSource(project).take(project.root, { include: [], history })

const write = (path: string, content: string): Change => ({
  kind: 'write',
  path,
  mode: 0o644,
  content: Buffer.from(content),
})

async function treeAfter(snapshot: Snapshot, ...changes: readonly Change[]): Promise<string> {
  async function* each() {
    yield* changes
  }
  const patch = await computePatch(snapshot, each())
  if (patch === undefined) throw new Error('nothing differs')
  return patch.tree
}

describe('a snapshot at another tree', () => {
  it('holds what the patch led to, and the history stays', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    project.write('src/b.txt', 'b\n')
    const head = project.commit('first')
    const base = await take(project)
    const tree = await treeAfter(base, write('a.txt', 'two\n'), { kind: 'delete', path: 'src' })
    const derived = await base.at(tree)
    expect(await contentsOf(derived!)).toEqual({ 'a.txt': 'two\n' })
    expect(derived).toMatchObject({ tree, head, branch: 'main', dirty: true })
    expect(await derived?.history.blame('a.txt', 1, 1)).toMatchObject([{ text: 'two' }])
    // Patches of the next step are against this tree, and one may go on from there.
    const next = await derived?.at(await treeAfter(derived, write('c.txt', 'c\n')))
    expect(await contentsOf(next!)).toEqual({ 'a.txt': 'two\n', 'c.txt': 'c\n' })
    expect(await next?.at(base.tree)).toBe(base)
    const all = await base.changesTo(next?.tree ?? '')
    expect(all?.files.map(({ path, status }) => `${status} ${path}`)).toEqual([
      'modified a.txt',
      'added c.txt',
      'deleted src/b.txt',
    ])
    expect(await base.changesTo(base.tree)).toBeUndefined()
  })

  it('is found by a later process, also after somebody has cleaned up', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    project.commit('first')
    const tree = await treeAfter(await take(project), write('a.txt', 'two\n'))
    const own = `--git-dir=${asGitSnapshot(await take(project)).host.gitDir}`
    const prune = () => stockGit(project.folder, [own, 'prune', '--expire=now'])
    expect(prune).toThrow('precious')
    stockGit(project.folder, [own, 'gc', '--quiet', '--prune=now'])
    expect(await contentsOf((await (await take(project)).at(tree))!)).toEqual({ 'a.txt': 'two\n' })
  })

  it.each(['', 'HEAD', '--all', '0'.repeat(40), 'x'.repeat(40)])(
    'does not exist for %j',
    async (tree) => {
      using project = createGitProject()
      project.write('a.txt', 'one\n')
      project.commit('first')
      expect(await (await take(project)).at(tree)).toBeUndefined()
    },
  )

  it('does not exist when the tree was never one of wave: a name that leads into .git, a submodule', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    const head = project.commit('first')
    const blob = project.git('hash-object', '-w', 'a.txt').trim()
    project.write('listing', `100644 blob ${blob}\tconfig\n`)
    const folder = project.git('-c', 'alias.m=!git mktree <listing', 'm').trim()
    project.write('listing', `040000 tree ${folder}\t.git\n`)
    const hostile = project.git('-c', 'alias.m=!git mktree <listing', 'm').trim()
    project.write('listing', `160000 commit ${head}\tmodule\n`)
    const module = project.git('-c', 'alias.m=!git mktree <listing', 'm').trim()
    const snapshot = await take(project)
    expect(await snapshot.at(hostile)).toBeUndefined()
    expect(await snapshot.at(module)).toBeUndefined()
    // The same tree in a commit: what may not be copied is left out, and told.
    const commit = project.git('commit-tree', hostile, '-m', 'odd').trim()
    const odd = await snapshot.atRef(commit)
    expect(odd?.files).toEqual([])
    expect(odd?.dropped).toEqual([{ path: '.git/config', reason: 'git does not take its name' }])
  })
})

function createBranches(project: GitProject) {
  project.write('a.txt', 'one\n')
  project.write('.env', 'TOKEN=x\n')
  symlinkSync('/etc/passwd', join(project.root, 'out'))
  const first = project.commit('first')
  project.git('tag', '-a', 'v1', '-m', 'tag')
  project.git('checkout', '--quiet', '-b', 'topic/x')
  project.write('a.txt', 'two\n')
  const second = project.commit('second')
  project.git('checkout', '--quiet', 'main')
  project.write('a.txt', 'edited\n')
  return { first, second }
}

describe('a snapshot of a commit', () => {
  it('holds the commit, not the working copy; its secrets and ways out stay behind', async () => {
    using project = createGitProject()
    const { first, second } = createBranches(project)
    const snapshot = await take(project)
    const before = fingerprint(project.root)
    const topic = await snapshot.atRef('topic/x')
    expect(topic).toMatchObject({ head: second, branch: 'topic/x', dirty: false })
    expect(await contentsOf(topic!)).toEqual({ 'a.txt': 'two\n' })
    expect(topic?.dropped.map(({ path }) => path)).toEqual(['.env', 'out'])
    expect((await topic?.history.log({ max: 5 }))?.map(({ id }) => id)).toEqual([second, first])
    for (const name of ['HEAD', '@', 'main', 'v1', 'topic/x~1', first, first.slice(0, 8)])
      expect([name, (await snapshot.atRef(name))?.head]).toEqual([name, first])
    expect(await contentsOf((await snapshot.atRef('main'))!)).toEqual({ 'a.txt': 'one\n' })
    expect(fingerprint(project.root)).toEqual(before)
    // A step starts from it, and its patch is against it.
    expect(await topic?.at(await treeAfter(topic, write('b.txt', 'b\n')))).toBeDefined()
  })

  it.each([
    'missing',
    '--all',
    '-n1',
    'HEAD@{1}',
    'main@{upstream}',
    ':/first',
    'HEAD^{/first}',
    'HEAD:a.txt',
    'main..topic/x',
    'ma*',
    '../main',
    'main\nHEAD',
    '',
    'HEAD~9',
  ])('does not exist for %j', async (ref) => {
    using project = createGitProject()
    createBranches(project)
    expect(await (await take(project)).atRef(ref)).toBeUndefined()
  })

  it('is the same for the whole run, wherever the branch goes meanwhile', async () => {
    using project = createGitProject()
    const { first, second } = createBranches(project)
    const snapshot = await take(project)
    expect((await snapshot.atRef('topic/x'))?.head).toBe(second)
    project.git('branch', '--force', 'topic/x', first)
    project.git('update-ref', 'refs/heads/main', second)
    expect((await snapshot.atRef('topic/x'))?.head).toBe(second)
    expect((await snapshot.atRef('main'))?.head).toBe(first)
  })

  it('does not exist without git', async () => {
    using project = createGitProject({ git: false })
    project.write('a.txt', 'one\n')
    expect(await (await take(project)).atRef('HEAD')).toBeUndefined()
  })
})

describe('a snapshot without history', () => {
  it('tells none, whoever asks', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    const head = project.commit('first')
    const snapshot = await take(project, 'none')
    expect(snapshot).toMatchObject({ head: undefined, dirty: false })
    expect(await snapshot.history.log({ max: 5 })).toEqual([])
    expect(await snapshot.history.people()).toEqual([])
    expect(await snapshot.history.diff(head)).toBeUndefined()
    expect(await snapshot.history.read(head, 'a.txt')).toBeUndefined()
    expect(await renderHistory(snapshot, { kind: 'log', max: 5 })).toEqual({
      ok: false,
      problem: 'there is no history here',
    })
    expect(await snapshot.atRef('main')).toMatchObject({ head: undefined })
  })
})
