import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import type { Snapshot } from '@wave/core'
import { describe, expect, it } from 'vitest'

import { gitDirEntries, snapshotEntries } from './snapshot-volume-source.ts'
import { createSnapshotSource } from './snapshot.ts'
import { createGitProject, stockGit } from './testing/git-project.ts'
import type { GitProject } from './testing/git-project.ts'

async function take(project: GitProject, history: 'full' | 'none' = 'full', root = project.root) {
  return await createSnapshotSource(project).take(root, { include: [], history })
}

/** What a volume would hold, written to disk. */
async function unpack(project: GitProject, snapshot: Snapshot): Promise<string> {
  const copy = join(project.folder, 'copy')
  const place = (path: string) => {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    return join(copy, path)
  }
  for await (const { path, mode, content } of snapshotEntries(snapshot)) {
    if (mode === 'link') symlinkSync(Buffer.from(content).toString(), place(path))
    else writeFileSync(place(path), content, { mode })
  }
  for await (const { path, content } of gitDirEntries(snapshot))
    writeFileSync(place(`.git/${path}`), content)
  return copy
}

function createProject(): GitProject {
  const project = createGitProject()
  project.write('src/a.ts', 'one\n')
  project.write('run.sh', '#!/bin/sh\n')
  project.commit('first')
  project.write('src/a.ts', 'two\n')
  chmodSync(join(project.root, 'run.sh'), 0o755)
  symlinkSync('src/a.ts', join(project.root, 'link'))
  project.commit('second')
  return project
}

describe('the .git of a copy', () => {
  it('answers log, blame, status and fsck like the original, without its settings', async () => {
    using project = createProject()
    project.git('config', 'user.name', 'canary')
    project.git('remote', 'add', 'origin', 'https://token@example.org/')
    project.git('branch', 'other', 'HEAD~1')
    const copy = await unpack(project, await take(project))
    const same = (...args: string[]) => expect(stockGit(copy, args)).toBe(project.git(...args))
    same('log', '--stat')
    same('blame', 'src/a.ts')
    same('status', '--porcelain', '--branch')
    same('rev-parse', 'HEAD')
    stockGit(copy, ['fsck', '--full', '--strict'])
    expect(stockGit(copy, ['for-each-ref', '--format=%(refname)'])).toBe('refs/heads/main\n')
    expect(stockGit(copy, ['config', '--list'])).not.toMatch(/canary|token/)
  })

  it('shows uncommitted work as staged', async () => {
    using project = createProject()
    project.write('src/a.ts', 'three\n')
    project.write('new.ts', 'x\n')
    const copy = await unpack(project, await take(project))
    expect(stockGit(copy, ['status', '--porcelain'])).toBe('A  new.ts\nM  src/a.ts\n')
  })

  it('works without commits, without git, with history left out and with a detached HEAD', async () => {
    using unborn = createGitProject()
    unborn.write('a', 'x')
    expect(stockGit(await unpack(unborn, await take(unborn)), ['status', '--porcelain'])).toBe(
      'A  a\n',
    )
    using plain = createGitProject({ git: false })
    expect(stockGit(await unpack(plain, await take(plain)), ['status', '--porcelain'])).toBe('')
    using hidden = createProject()
    const copy = await unpack(hidden, await take(hidden, 'none'))
    expect(() => stockGit(copy, ['log'])).toThrow(/not a git repository/)
    using detached = createProject()
    detached.git('checkout', '--quiet', 'HEAD~1')
    expect(stockGit(await unpack(detached, await take(detached)), ['log', '--format=%s'])).toBe(
      'first\n',
    )
  })

  it('works for shallow and partial clones', async () => {
    using project = createProject()
    project.git('config', 'uploadpack.allowFilter', 'true')
    const origin = `file://${project.root}`
    const shallow = join(project.folder, 'shallow')
    stockGit(project.folder, ['clone', '--quiet', '--depth=1', origin, shallow])
    using first = createGitProject()
    const copy = await unpack(first, await take(first, 'full', shallow))
    expect(stockGit(copy, ['log', '--format=%s'])).toBe('second\n')
    stockGit(copy, ['fsck'])
    const partial = join(project.folder, 'partial')
    stockGit(project.folder, ['clone', '--quiet', '--filter=blob:none', origin, partial])
    using second = createGitProject()
    const other = await unpack(second, await take(second, 'full', partial))
    expect(stockGit(other, ['log', '--format=%s'])).toBe('second\nfirst\n')
    expect(stockGit(other, ['status', '--porcelain'])).toBe('')
  })

  it('gives an odd branch a plain name', async () => {
    using project = createProject()
    project.git('checkout', '--quiet', '-b', 'fix/größe')
    const copy = await unpack(project, await take(project))
    expect(stockGit(copy, ['rev-parse', '--abbrev-ref', 'HEAD'])).toBe('main\n')
  })
})
