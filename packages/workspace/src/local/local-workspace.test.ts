import { symlinkSync } from 'node:fs'
import { join } from 'node:path'

import type { Workspace, WorkspaceSpec } from '@wave/core'
import { describe, expect, it } from 'vitest'

import { createSnapshotSource } from '../snapshot.ts'
import { createGitProject } from '../testing/git-project.ts'
import type { GitProject } from '../testing/git-project.ts'
import { LocalWorkspaceProvider } from './local-provider.ts'

function createProject(): GitProject {
  const project = createGitProject()
  project.write('src/orders.ts', 'line one\nthrow new Error("boom")\r\nöäü boom boom\n')
  project.write('src/deep/a.ts', 'nothing\n')
  project.write('README.md', 'boom\n')
  project.write('logo.png', Buffer.from([0x89, 0, 0x62, 0x6f, 0x6f, 0x6d]))
  symlinkSync('src/orders.ts', join(project.root, 'link'))
  symlinkSync('src', join(project.root, 'folder-link'))
  symlinkSync('loop', join(project.root, 'loop'))
  project.commit('first')
  return project
}

async function open(
  project: GitProject,
  mount: Partial<WorkspaceSpec['mount']> = {},
): Promise<Workspace> {
  const snapshot = await createSnapshotSource(project).take(project.root, {
    include: [],
    history: 'full',
  })
  return await new LocalWorkspaceProvider().open({
    run: 'r',
    step: 's',
    attempt: 1,
    mount: { snapshot, source: '.', target: '/src', mode: 'readonly', ...mount },
    inputs: [{ as: 'triage', content: Buffer.from('{"boom":1}') }],
  })
}

const text = async (workspace: Workspace, path: string) => {
  const result = await workspace.read(path)
  return result.ok ? Buffer.from(result.value).toString() : result.problem
}

describe('SB-36 a workspace without Docker', () => {
  it('reads files, parts of files, links inside the tree and injected artifacts', async () => {
    using project = createProject()
    await using workspace = await open(project)
    expect(await text(workspace, 'README.md')).toBe('boom\n')
    expect(await text(workspace, '/src/README.md')).toBe('boom\n')
    expect(await text(workspace, 'src/../README.md')).toBe('boom\n')
    expect(await text(workspace, 'link')).toContain('line one')
    expect(await text(workspace, 'folder-link/deep/a.ts')).toBe('nothing\n')
    expect(await text(workspace, '/work/artifacts/triage')).toBe('{"boom":1}')
    const part = await workspace.read('README.md', { offset: 1, maxBytes: 2 })
    expect(part).toMatchObject({ ok: true, value: Buffer.from('oo') })
  })

  it('refuses paths that leave it', async () => {
    using project = createProject()
    symlinkSync('../src', join(project.root, 'src/up'))
    await using workspace = await open(project)
    await using narrow = await open(project, { source: 'src' })
    const paths = [
      '/etc/passwd',
      '../etc/passwd',
      '/src/../etc/passwd',
      '/work',
      '/',
      '/srcery',
      'loop',
      'missing',
      'src',
    ]
    const read = await Promise.all(paths.map((path) => workspace.read(path)))
    expect(read.filter((result) => result.ok)).toEqual([])
    expect(await text(narrow, 'orders.ts')).toContain('line one')
    const outside = ['../README.md', 'up/orders.ts', '/README.md']
    const refused = await Promise.all(outside.map((path) => narrow.read(path)))
    expect(refused.filter((result) => result.ok)).toEqual([])
  })

  it('lists folders by name', async () => {
    using project = createProject()
    await using workspace = await open(project)
    expect(await workspace.list('.')).toEqual({
      ok: true,
      value: [
        { path: '/src/README.md', kind: 'file', sizeBytes: 5 },
        { path: '/src/folder-link', kind: 'link', sizeBytes: 3 },
        { path: '/src/link', kind: 'link', sizeBytes: 13 },
        { path: '/src/logo.png', kind: 'file', sizeBytes: 6 },
        { path: '/src/loop', kind: 'link', sizeBytes: 4 },
        { path: '/src/src', kind: 'directory', sizeBytes: 0 },
      ],
    })
    expect(await workspace.list('folder-link/deep')).toMatchObject({
      value: [{ path: '/src/folder-link/deep/a.ts' }],
    })
    expect(await workspace.list('/work/artifacts')).toMatchObject({
      value: [{ path: '/work/artifacts/triage' }],
    })
    expect(await workspace.list('README.md')).toMatchObject({ ok: false })
  })

  it('finds files by glob', async () => {
    using project = createProject()
    await using workspace = await open(project)
    const glob = async (pattern: string, path: string, max = 10) => {
      const found = await workspace.glob(pattern, path, max)
      return found.ok ? found.value : found.problem
    }
    expect(await glob('**/*.ts', '.')).toEqual(['/src/src/deep/a.ts', '/src/src/orders.ts'])
    expect(await glob('*.ts', 'src', 1)).toEqual(['/src/src/deep/a.ts'])
    expect(await glob('*', '/etc')).toContain('outside')
  })

  it('YT-14 greps for literal text', async () => {
    using project = createProject()
    await using workspace = await open(project)
    const grep = async (pattern: string, path = '.', include?: string, maxMatches = 10) => {
      const query = { pattern, path, maxMatches }
      const found = await workspace.grep(include === undefined ? query : { ...query, include })
      if (!found.ok) return found.problem
      const lines = found.value.matches.map((match) => `${match.path}:${match.line}:${match.text}`)
      return found.value.truncated ? [...lines, 'more'] : lines
    }
    expect(await grep('boom')).toEqual([
      '/src/README.md:1:boom',
      '/src/src/orders.ts:2:throw new Error("boom")',
      '/src/src/orders.ts:3:öäü boom boom',
    ])
    expect(await grep('boom', '.', '*.md')).toEqual(['/src/README.md:1:boom'])
    expect(await grep('boom', 'src/orders.ts', undefined, 1)).toEqual([
      '/src/src/orders.ts:2:throw new Error("boom")',
      'more',
    ])
    expect(await grep('b.om')).toEqual([])
    expect(await grep('(a+)+$')).toEqual([])
    expect(await grep('boom', '/work/artifacts')).toEqual(['/work/artifacts/triage:1:{"boom":1}'])
  })

  it('reads the history of the mounted folder', async () => {
    using project = createProject()
    await using workspace = await open(project, { source: 'src' })
    const log = await workspace.history({ kind: 'log', max: 5, path: '/src/orders.ts' })
    expect(log).toMatchObject({ ok: true, value: expect.stringContaining(' orders.ts |') })
    // Nothing of the other folders, in a commit that changes them as well.
    const show = await workspace.history({ kind: 'show', ref: 'HEAD' })
    expect(show).toMatchObject({ ok: true, value: expect.stringContaining('+++ b/orders.ts') })
    expect(show).toMatchObject({ ok: true, value: expect.not.stringContaining('README') })
    project.write('README.md', 'changed\n')
    const other = project.commit('elsewhere')
    await using later = await open(project, { source: './src/' })
    const elsewhere = await later.history({ kind: 'show', ref: other })
    expect(elsewhere).toMatchObject({ ok: false, problem: expect.stringContaining(other) })
    const blame = await workspace.history({ kind: 'blame', path: 'orders.ts', from: 1, to: 1 })
    expect(blame).toMatchObject({ ok: true, value: expect.stringContaining('1) line one') })
    expect(await workspace.history({ kind: 'log', max: 1, path: '/etc' })).toMatchObject({
      ok: false,
    })
  })

  it.each(['missing', 'README.md', '../src', '/src'])(
    'does not open for a mount of %j, which is no folder of the project',
    async (source) => {
      using project = createProject()
      await expect(open(project, { source })).rejects.toMatchObject({
        code: 'pipeline-invalid',
        message: expect.stringContaining(source),
      })
    },
  )

  it('executes and writes nothing', async () => {
    using project = createProject()
    await using workspace = await open(project)
    expect(workspace.canExecute).toBe(false)
    const result = await workspace.exec(['touch', 'x'], { timeoutMs: 1, maxOutputBytes: 1 })
    expect(result.exitCode).toBe(126)
    expect(Buffer.from(result.output).toString()).toContain('nothing executes')
    expect(await workspace.write('x', Buffer.from('x'))).toMatchObject({ ok: false })
    expect(await workspace.collect('/work/output/x')).toMatchObject({
      found: false,
      problem: 'missing',
    })
    expect(await workspace.diff()).toBeUndefined()
    await expect(open(project, { mode: 'readwrite' })).rejects.toMatchObject({
      code: 'docker-unreachable',
    })
  })
})
