import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

import type { Snapshot } from '@wave/core'
import { describe, expect, it } from 'vitest'

import { createSnapshotSource } from './snapshot.ts'
import { contentsOf, createGitProject, fingerprint, stockGit } from './testing/git-project.ts'
import type { GitProject } from './testing/git-project.ts'

async function take(
  project: GitProject,
  include: readonly string[] = [],
  root = project.root,
): Promise<Snapshot> {
  return await createSnapshotSource(project).take(root, { include, history: 'full' })
}

const paths = (snapshot: Snapshot) => snapshot.files.map((file) => file.path)

describe('what a snapshot holds', () => {
  it('is the working copy as it is now: edits, new files, deletions, but nothing ignored', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    project.write('gone.txt', 'x')
    project.write('.gitignore', 'node_modules/\n*.log\n')
    project.commit('first')
    project.write('a.txt', 'edited\n')
    project.write('new/b.sh', '#!/bin/sh\n')
    chmodSync(join(project.root, 'new/b.sh'), 0o755)
    project.write('debug.log', 'noise')
    project.write('node_modules/m/index.js', 'x')
    rmSync(join(project.root, 'gone.txt'))
    const snapshot = await take(project)
    expect(await contentsOf(snapshot)).toEqual({
      '.gitignore': 'node_modules/\n*.log\n',
      'a.txt': 'edited\n',
      'new/b.sh': '#!/bin/sh\n',
    })
    expect(snapshot.files.map((file) => [file.path, file.mode, file.sizeBytes])).toEqual([
      ['.gitignore', '100644', 20],
      ['a.txt', '100644', 7],
      ['new/b.sh', '100755', 10],
    ])
    expect(snapshot.dirty).toBe(true)
    expect(snapshot.branch).toBe('main')
    expect(snapshot.head).toBe(project.git('rev-parse', 'HEAD').trim())
  })

  it('has the tree of HEAD when the working copy is clean', async () => {
    using project = createGitProject()
    project.write('a/b.txt', 'one\n')
    project.commit('first')
    const snapshot = await take(project)
    expect(snapshot.dirty).toBe(false)
    expect(snapshot.tree).toBe(project.git('rev-parse', 'HEAD^{tree}').trim())
  })

  it('holds ignored paths that are listed, except secrets', async () => {
    using project = createGitProject()
    project.write('.gitignore', 'node_modules/\n')
    project.write('node_modules/m/index.js', 'x')
    project.write('node_modules/m/.env', 'KEY=1')
    const snapshot = await take(project, ['node_modules'])
    expect(paths(snapshot)).toEqual(['.gitignore', 'node_modules/m/index.js'])
    await expect(take(project, ['../elsewhere'])).rejects.toMatchObject({ code: 'config-invalid' })
  })

  it('SC-04 leaves secrets behind and says so', async () => {
    using project = createGitProject()
    const key = '-----BEGIN RSA PRIVATE KEY-----\n'
    for (const name of ['.env', 'api/.env.production', 'id_ed25519', 'certs/server.pem', '.npmrc'])
      project.write(name, name === '.npmrc' ? '//r/:_authToken=x' : key)
    project.write('.env.example', 'KEY=')
    project.write('certs/ca.pem', '-----BEGIN CERTIFICATE-----\n')
    project.git('config', 'http.extraHeader', 'token')
    project.commit('with secrets')
    const snapshot = await take(project)
    expect(paths(snapshot)).toEqual(['.env.example', 'certs/ca.pem'])
    expect(snapshot.dropped.map((entry) => entry.path)).toEqual([
      '.env',
      '.npmrc',
      'api/.env.production',
      'certs/server.pem',
      'id_ed25519',
    ])
    expect(snapshot.dirty).toBe(false)
  })

  it('never holds the records of runs', async () => {
    using project = createGitProject()
    project.write('.wave/config.yaml', 'x')
    project.write('.wave/runs/r1/journal', 'x')
    project.write('output/report.md', 'x')
    expect(paths(await take(project))).toEqual(['.wave/config.yaml', 'output/report.md'])
  })

  it('GH-24 keeps links inside the tree as links and leaves out those that leave it', async () => {
    using project = createGitProject()
    project.write('docs/a.md', 'x')
    symlinkSync('a.md', join(project.root, 'docs/inside'))
    symlinkSync('/etc/hostname', join(project.root, 'absolute'))
    symlinkSync('../../../etc/hostname', join(project.root, 'docs/up'))
    const snapshot = await take(project)
    expect(snapshot.files.map((file) => [file.path, file.mode])).toEqual([
      ['docs/a.md', '100644'],
      ['docs/inside', '120000'],
    ])
    expect(Buffer.from((await snapshot.read('docs/inside')) ?? []).toString()).toBe('a.md')
    expect(snapshot.dropped.map((entry) => entry.path)).toEqual(['absolute', 'docs/up'])
  })

  it('leaves out pipes and sockets, and files that are now behind a link', async () => {
    using project = createGitProject()
    project.write('a/x', 'tracked')
    project.write('p', 'tracked')
    project.write('elsewhere/x', 'other')
    project.commit('first')
    rmSync(join(project.root, 'p'))
    execFileSync('mkfifo', [join(project.root, 'p')])
    rmSync(join(project.root, 'a'), { recursive: true })
    symlinkSync('elsewhere', join(project.root, 'a'))
    const server = createServer().listen(join(project.root, 'sock'))
    const snapshot = await take(project)
    server.close()
    expect(paths(snapshot)).toEqual(['a', 'elsewhere/x'])
    expect(snapshot.dropped.map((entry) => entry.path)).toEqual(['p', 'sock'])
  })

  it('takes names with spaces, newlines, quotes and leading dashes, and leaves out what is not UTF-8', async () => {
    using project = createGitProject()
    const names = [
      '-rf',
      'a b',
      'new\nline',
      '"quoted"',
      'tab\there',
      'größe',
      ':(glob)x',
      'back\\slash',
    ]
    for (const name of names) project.write(name, `content of ${name}`)
    writeFileSync(
      Buffer.concat([Buffer.from(`${project.root}/bad-`), Buffer.from([0xff, 0xfe])]),
      'x',
    )
    const snapshot = await take(project)
    expect(new Set(paths(snapshot))).toEqual(new Set(names))
    expect(Buffer.from((await snapshot.read('new\nline')) ?? []).toString()).toBe(
      'content of new\nline',
    )
    expect(snapshot.dropped).toEqual([{ path: 'bad-\\xff\\xfe', reason: 'its name is not UTF-8' }])
    project.commit('all of it')
    expect((await take(project)).dirty).toBe(false)
  })

  it('leaves out names that git does not take', async () => {
    using project = createGitProject()
    project.write('a', 'x')
    project.write('git~1', 'x')
    project.write('deep/.git /config', 'x')
    symlinkSync('a', join(project.root, '.gitmodules'))
    const snapshot = await take(project)
    expect(paths(snapshot)).toEqual(['a'])
    const reason = 'git does not take its name'
    expect(new Set(snapshot.dropped)).toEqual(
      new Set(['.gitmodules', 'deep/.git /config', 'git~1'].map((path) => ({ path, reason }))),
    )
  })

  it.skipIf(process.getuid?.() === 0)('leaves out files that it may not read', async () => {
    using project = createGitProject()
    project.write('a', 'x')
    project.write('locked', 'x')
    project.write('folder/x', 'x')
    project.commit('first')
    chmodSync(join(project.root, 'locked'), 0)
    chmodSync(join(project.root, 'folder'), 0)
    project.write('b', 'x')
    const snapshot = await take(project)
    expect(paths(snapshot)).toEqual(['a', 'b'])
    chmodSync(join(project.root, 'folder'), 0o755)
    expect(snapshot.dropped.map((entry) => entry.path)).toEqual(['folder', 'locked'])
  })

  it('AR-25 is byte-exact whatever the attributes say', async () => {
    using project = createGitProject()
    const utf16 = Buffer.from('\uFEFFhello\r\n', 'utf16le')
    project.write(
      '.gitattributes',
      [
        '*.crlf text eol=crlf',
        '*.old crlf',
        '*.id ident',
        '*.u16 text working-tree-encoding=UTF-16',
        '* text=auto',
        '*.f filter=evil',
        '',
      ].join('\n'),
    )
    project.write('a.crlf', 'x\r\ny\r\n')
    project.write('a.old', 'x\r\n')
    project.write('a.id', '$Id: 123 $\n')
    project.write('a.u16', utf16)
    project.write('a.auto', 'x\r\n')
    project.write('a.f', 'plain')
    project.git('config', 'core.autocrlf', 'true')
    project.git('config', 'filter.evil.clean', `touch ${project.folder}/ran; cat`)
    project.git('config', 'filter.evil.required', 'true')
    const snapshot = await take(project)
    expect(lstatSync(join(project.folder, 'ran'), { throwIfNoEntry: false })).toBeUndefined()
    expect(await contentsOf(snapshot)).toMatchObject({
      'a.crlf': 'x\r\ny\r\n',
      'a.old': 'x\r\n',
      'a.id': '$Id: 123 $\n',
      'a.u16': utf16.toString('latin1'),
      'a.auto': 'x\r\n',
      'a.f': 'plain',
    })
    // Also when the user's own index says that the converted bytes are up to date.
    project.commit('converted by stock git')
    expect(await contentsOf(await take(project))).toMatchObject({
      'a.crlf': 'x\r\ny\r\n',
      'a.u16': utf16.toString('latin1'),
    })
  })

  it('sees a change that leaves size and time as they were to the second', async () => {
    using project = createGitProject()
    project.write('a.txt', 'aaaa')
    await take(project)
    project.write('a.txt', 'bbbb')
    expect(await contentsOf(await take(project))).toEqual({ 'a.txt': 'bbbb' })
  })

  it('sees changes of kind between two runs', async () => {
    using project = createGitProject()
    project.write('a', 'file')
    project.write('b/c', 'in a folder')
    await take(project)
    rmSync(join(project.root, 'a'))
    rmSync(join(project.root, 'b'), { recursive: true })
    project.write('a/deep/x', 'now a folder')
    project.write('b', 'now a file')
    expect(await contentsOf(await take(project))).toEqual({
      'a/deep/x': 'now a folder',
      b: 'now a file',
    })
  })

  it('does not believe flags of the user’s index', async () => {
    using project = createGitProject()
    project.write('assumed', 'one')
    project.write('skipped', 'one')
    project.commit('first')
    project.git('update-index', '--assume-unchanged', 'assumed')
    project.git('update-index', '--skip-worktree', 'skipped')
    project.write('assumed', 'two')
    project.write('skipped', 'two')
    expect(await contentsOf(await take(project))).toEqual({ assumed: 'two', skipped: 'two' })
  })
})

describe('paths that a pipeline includes', () => {
  it('are copied though git ignores them, except secrets; what is not there is told', async () => {
    using project = createGitProject()
    project.write('.gitignore', 'node_modules/\n.env\ndist/\n')
    project.write('app/node_modules/m/index.js', 'x')
    project.write('app/node_modules/m/.env', 'TOKEN=x')
    project.write('app/dist/out.js', 'x')
    project.write('.env', 'TOKEN=x')
    project.commit('first')
    symlinkSync('/etc', join(project.root, 'link'))
    const included = ['app/node_modules', '.env', 'vendor/lib', 'link/hosts', 'app/../.gitignore']
    const snapshot = await take(project, included)
    expect(paths(snapshot)).toEqual(['.gitignore', 'app/node_modules/m/index.js'])
    expect(snapshot.dropped).toEqual([
      { path: '.env', reason: 'its name says that it holds secrets' },
      { path: 'app/node_modules/m/.env', reason: 'its name says that it holds secrets' },
      { path: 'link', reason: 'link that leaves the project' },
      { path: 'link/hosts', reason: 'named in snapshot.include, and not there' },
      { path: 'vendor/lib', reason: 'named in snapshot.include, and not there' },
    ])
    // Another time without them: nothing of the last time is left.
    expect(paths(await take(project))).toEqual(['.gitignore'])
  })

  it('are relative to the project, also when it is a folder of a repository', async () => {
    using project = createGitProject()
    project.write('.gitignore', 'out/\n')
    project.write('app/a.txt', 'a')
    project.write('app/out/b.txt', 'b')
    project.write('out/c.txt', 'c')
    project.commit('first')
    const snapshot = await take(project, ['out'], join(project.root, 'app'))
    expect(paths(snapshot)).toEqual(['.gitignore', 'app/a.txt', 'app/out/b.txt'])
    for (const outside of ['..', '../..', '/etc', 'x/../../y'])
      await expect(take(project, [outside], join(project.root, 'app'))).rejects.toMatchObject({
        code: 'config-invalid',
      })
  })
})

describe('what a snapshot leaves alone', () => {
  it('changes no byte and no time in the project, its index and its .git', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    project.write('b/c.txt', 'two\n')
    project.write('staged.txt', 'staged\n')
    const commit = project.commit('first')
    project.write('a.txt', 'three\n')
    project.commit('second')
    project.git('gc', '--quiet')
    project.write('staged.txt', 'staged again\n')
    project.git('add', 'staged.txt')
    project.write('a.txt', 'dirty\n')
    project.write('untracked.txt', 'x')
    for (const path of fingerprint(project.root).keys())
      if (path.startsWith('.git/')) utimesSync(join(project.root, path), 1_000_000, 1_000_000)
    const before = fingerprint(project.root)
    const snapshot = await take(project)
    await snapshot.history.log({ max: 10 })
    await snapshot.history.diff(commit)
    await snapshot.history.blame('a.txt', 1, 1)
    await snapshot.history.revert(commit)
    await contentsOf(snapshot)
    expect(fingerprint(project.root)).toEqual(before)
  })
})

describe('kinds of projects', () => {
  it('takes a folder without git, again and changed', async () => {
    using project = createGitProject({ git: false })
    project.write('a.txt', 'x')
    project.write('.gitignore', 'build/\n')
    project.write('build/out', 'x')
    const snapshot = await take(project)
    expect(snapshot).toMatchObject({ head: undefined, branch: undefined, dirty: false })
    expect(paths(snapshot)).toEqual(['.gitignore', 'a.txt'])
    expect(await snapshot.history.log({ max: 5 })).toEqual([])
    project.write('a.txt', 'y')
    expect(await contentsOf(await take(project))).toMatchObject({ 'a.txt': 'y' })
  })

  it('takes an empty folder, an empty repository and one without commits', async () => {
    using bare = createGitProject({ git: false })
    expect(await take(bare)).toMatchObject({ files: [], head: undefined })
    using project = createGitProject()
    expect(await take(project)).toMatchObject({ files: [], head: undefined, dirty: false })
    project.write('a', 'x')
    expect(await take(project)).toMatchObject({ head: undefined, branch: undefined, dirty: true })
  })

  it('says so when the folder does not exist', async () => {
    using project = createGitProject()
    const missing = join(project.root, 'missing')
    await expect(take(project, [], missing)).rejects.toMatchObject({ code: 'not-a-repository' })
  })

  it('covers the whole repository when the project is a folder in it', async () => {
    using project = createGitProject()
    project.write('packages/api/index.ts', 'x')
    project.write('root.ts', 'x')
    project.commit('first')
    const snapshot = await take(project, [], join(project.root, 'packages/api'))
    expect(snapshot.root).toBe(project.root)
    expect(paths(snapshot)).toEqual(['packages/api/index.ts', 'root.ts'])
  })

  it('treats a folder that an outer repository ignores as a project of its own', async () => {
    using project = createGitProject()
    project.write('.gitignore', 'sandbox/\n')
    project.write('sandbox/app/a.txt', 'x')
    project.commit('first')
    const snapshot = await take(project, [], join(project.root, 'sandbox/app'))
    expect(snapshot).toMatchObject({ root: join(project.root, 'sandbox/app'), head: undefined })
    expect(paths(snapshot)).toEqual(['a.txt'])
  })

  it('GH-15 takes a linked worktree with its own state', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    project.commit('first')
    const linked = join(project.folder, 'linked')
    project.git('worktree', 'add', '--quiet', '-b', 'side', linked)
    writeFileSync(join(linked, 'a.txt'), 'other\n')
    const snapshot = await take(project, [], linked)
    expect(snapshot).toMatchObject({ root: linked, branch: 'side', dirty: true })
    expect(await contentsOf(snapshot)).toEqual({ 'a.txt': 'other\n' })
  })

  it('GH-25 copies nothing of a submodule or an embedded repository and runs nothing in them', async () => {
    using library = createGitProject()
    library.write('lib.c', 'x')
    library.commit('lib')
    using project = createGitProject()
    project.git(
      '-c',
      'protocol.file.allow=always',
      'submodule',
      '--quiet',
      'add',
      library.root,
      'sub',
    )
    project.write('own.c', 'x')
    project.commit('with submodule')
    const inner = join(project.root, 'sub')
    const ran = join(project.folder, 'ran')
    stockGit(inner, ['config', 'core.fsmonitor', `touch ${ran}; false`])
    stockGit(inner, ['config', 'filter.evil.clean', `touch ${ran}; cat`])
    writeFileSync(join(inner, '.gitattributes'), '* filter=evil\n')
    writeFileSync(join(inner, 'lib.c'), 'y')
    mkdirSync(join(project.root, 'embedded'))
    stockGit(join(project.root, 'embedded'), ['init', '--quiet'])
    writeFileSync(join(project.root, 'embedded/x'), 'x')
    const snapshot = await take(project)
    expect(paths(snapshot)).toEqual(['.gitmodules', 'own.c'])
    expect(snapshot.dropped).toEqual([
      { path: 'embedded', reason: 'repository inside the repository' },
      { path: 'sub', reason: 'submodule' },
    ])
    expect(snapshot.dirty).toBe(false)
    expect(lstatSync(ran, { throwIfNoEntry: false })).toBeUndefined()
    stockGit(project.root, ['status'])
    expect(lstatSync(ran, { throwIfNoEntry: false })).toBeDefined()
  })

  it.skipIf(process.getuid?.() !== 0)('GH-19 takes a repository of another user', async () => {
    using project = createGitProject()
    project.write('a.txt', 'x')
    project.commit('first')
    for (const name of ['', '.git', 'a.txt']) chownSync(join(project.root, name), 1234, 1234)
    expect(() => project.git('status')).toThrow(/dubious ownership/)
    expect(await take(project)).toMatchObject({ dirty: false, branch: 'main' })
  })

  it('takes shallow clones, with the history they have', async () => {
    using origin = createGitProject()
    for (const text of ['one', 'two', 'three']) {
      origin.write('a.txt', text)
      origin.commit(text)
    }
    const clone = join(origin.folder, 'clone')
    origin.git('clone', '--quiet', '--depth=2', `file://${origin.root}`, clone)
    const snapshot = await take(origin, [], clone)
    const log = await snapshot.history.log({ max: 10 })
    expect(log.map((commit) => commit.subject)).toEqual(['three', 'two'])
  })

  it('takes partial clones; what was never fetched is a typed error', async () => {
    using origin = createGitProject()
    origin.git('config', 'uploadpack.allowFilter', 'true')
    for (const text of ['one\n', 'two\n']) {
      origin.write('a.txt', text)
      origin.commit(text)
    }
    const clone = join(origin.folder, 'clone')
    origin.git('clone', '--quiet', '--filter=blob:none', `file://${origin.root}`, clone)
    renameSync(origin.root, `${origin.root}-gone`)
    const snapshot = await take(origin, [], clone)
    expect(await contentsOf(snapshot)).toEqual({ 'a.txt': 'two\n' })
    const diff = snapshot.history.diff('HEAD')
    await expect(diff).rejects.toMatchObject({ code: 'git-failed' })
  })

  it('names folders that a sparse checkout left out, and is not dirty for it', async () => {
    using project = createGitProject()
    project.write('app/a.txt', 'x')
    project.write('docs/deep/b.txt', 'x')
    project.write('docs/c.txt', 'x')
    project.commit('first')
    project.git('sparse-checkout', 'set', 'app')
    const snapshot = await take(project)
    expect(paths(snapshot)).toEqual(['app/a.txt'])
    expect(snapshot.dropped).toEqual([
      { path: 'docs', reason: 'not checked out (sparse checkout)' },
    ])
    expect(snapshot.dirty).toBe(false)
  })

  it('takes repositories with SHA-256 ids, a split index and odd paths', async () => {
    using project = createGitProject({ git: false })
    const root = join(project.root, 'a:b "c"\n\\d')
    mkdirSync(root)
    stockGit(root, ['init', '--quiet', '--object-format=sha256'])
    writeFileSync(join(root, 'a.txt'), 'x')
    stockGit(root, ['add', '--all'])
    stockGit(root, ['commit', '--quiet', '--message', 'first'])
    stockGit(root, ['update-index', '--split-index'])
    rmSync(join(root, 'a.txt'))
    const snapshot = await take(project, [], root)
    expect(snapshot.tree).toHaveLength(64)
    expect(paths(snapshot)).toEqual([])
    const [commit] = await snapshot.history.log({ max: 1 })
    expect(commit).toMatchObject({ subject: 'first', files: [{ path: 'a.txt', added: 1 }] })
  })

  it('survives the loss of objects that it had borrowed', async () => {
    using project = createGitProject()
    project.write('kept.txt', 'x')
    project.commit('first')
    project.write('staged.txt', 'only staged')
    project.git('add', 'staged.txt')
    await take(project)
    project.git('reset', '--quiet')
    project.git('gc', '--quiet', '--prune=now')
    expect(await contentsOf(await take(project))).toMatchObject({ 'staged.txt': 'only staged' })
  })

  it('takes the same project twice at once', async () => {
    using project = createGitProject()
    for (let at = 0; at < 200; at++) project.write(`d${at % 7}/f${at}`, `${at}`)
    const snapshots = await Promise.all([take(project), take(project), take(project)])
    expect(new Set(snapshots.map((snapshot) => snapshot.tree)).size).toBe(1)
  })
})

describe('what can go wrong', () => {
  it('says that git is missing', async () => {
    using project = createGitProject()
    const path = process.env['PATH']
    process.env['PATH'] = project.folder
    try {
      await expect(take(project)).rejects.toMatchObject({ code: 'git-missing' })
    } finally {
      process.env['PATH'] = path
    }
  })

  it('says that the repository is broken', async () => {
    using project = createGitProject()
    project.write('a', 'x')
    project.commit('first')
    writeFileSync(join(project.root, '.git/config'), '[core]\nrepositoryformatversion = 99\n')
    await expect(take(project)).rejects.toMatchObject({ code: 'git-failed' })
  })
})
