import { symlinkSync } from 'node:fs'
import { join } from 'node:path'

import type { Snapshot } from '@wave/core'
import { describe, expect, it } from 'vitest'

import { patchedFiles } from './patch-diff.ts'
import { parsePatchText } from './patch-text.ts'
import { computePatch } from './patch.ts'
import type { Change } from './patch.ts'
import { createSnapshotSource } from './snapshot.ts'
import { createGitProject, fingerprint } from './testing/git-project.ts'
import type { GitProject } from './testing/git-project.ts'

async function take(project: GitProject): Promise<Snapshot> {
  return await createSnapshotSource(project).take(project.root, { include: [], history: 'full' })
}

const write = (
  path: string,
  content: string | Buffer,
  mode: 0o644 | 0o755 | 'link' = 0o644,
): Change => ({
  kind: 'write',
  path,
  mode,
  content: Buffer.from(content),
})

async function* each(changes: readonly Change[]): AsyncGenerator<Change> {
  yield* changes
}

const text = (patch: { readonly text: Uint8Array } | undefined) =>
  Buffer.from(patch?.text ?? []).toString('latin1')

describe('computePatch', () => {
  it('is the difference to the snapshot, uncommitted and dropped files left alone', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\ntwo\n')
    project.write('.env', 'SECRET=1')
    project.write('gone/x', 'x\n')
    project.commit('first')
    project.write('a.txt', 'one\r\ntwo\r\n')
    const snapshot = await take(project)
    const before = fingerprint(project.root)
    const patch = await computePatch(
      snapshot,
      each([
        write('a.txt', 'one\r\nTWO\r\n'),
        write('new.txt', 'no newline'),
        { kind: 'delete', path: 'gone' },
      ]),
    )
    expect(patch?.baseTree).toBe(snapshot.tree)
    expect(patch?.files).toEqual([
      { path: 'a.txt', status: 'modified', added: 1, deleted: 1, verdict: 'plain' },
      { path: 'gone/x', status: 'deleted', added: 0, deleted: 1, verdict: 'plain' },
      { path: 'new.txt', status: 'added', added: 1, deleted: 0, verdict: 'plain' },
    ])
    expect(text(patch)).toContain(' one\r\n-two\r\n+TWO\r\n')
    expect(text(patch)).not.toContain('SECRET')
    expect(fingerprint(project.root)).toEqual(before)
  })

  it('is undefined when nothing differs', async () => {
    using project = createGitProject()
    project.write('a.txt', 'x')
    const snapshot = await take(project)
    expect(await computePatch(snapshot, each([write('a.txt', 'x')]))).toBeUndefined()
    expect(await computePatch(snapshot, each([]))).toBeUndefined()
  })

  it('AR-25 is byte-exact for binary files, odd names and attributes', async () => {
    using project = createGitProject()
    project.write('.gitattributes', '* text eol=crlf ident -diff\n')
    const bytes = Buffer.from(Array.from({ length: 3_000 }, (_, at) => (at * 31) % 256))
    const names = ['a "b"\n', 'größe', ' lead', 'a b/c d', 'back"slash', 'tab\t']
    const patch = await computePatch(
      await take(project),
      each([
        write('bin', bytes),
        write('id', '$Id$\n'),
        ...names.map((name) => write(name, 'x\n')),
      ]),
    )
    expect(patch?.files.map((file) => file.path).toSorted()).toEqual(
      ['bin', 'id', ...names].toSorted(),
    )
    expect(text(patch)).toContain('+$Id$\n')
    expect(text(patch)).toContain('GIT binary patch')
  })

  it('GH-18 GH-20 GH-22 lists what is never applied, and keeps it out of text and tree', async () => {
    using project = createGitProject()
    project.write('dir/a.txt', 'x')
    symlinkSync('dir', join(project.root, 'link'))
    const snapshot = await take(project)
    const patch = await computePatch(
      snapshot,
      each([
        write('../x', 'x'),
        write('.git/hooks/pre-commit', 'x', 0o755),
        write('.GIT/config', 'x'),
        write('/etc/passwd', 'x'),
        write('sub/.git/config', 'x'),
        write('.gitmodules', 'x'),
        write('link/a.txt', 'x'),
        write('new-link', '/etc/passwd', 'link'),
        write('link', '/etc', 'link'),
        write('ok.txt', 'x'),
        write('.vscode/tasks.json', '{}'),
        write('run.sh', 'x', 0o755),
      ]),
    )
    const verdicts = Object.fromEntries(patch?.files.map((file) => [file.path, file.verdict]) ?? [])
    expect(verdicts).toEqual({
      '.vscode/tasks.json': 'flagged',
      'ok.txt': 'plain',
      'run.sh': 'flagged',
      '../x': 'rejected',
      '.git/hooks/pre-commit': 'rejected',
      '.GIT/config': 'rejected',
      '/etc/passwd': 'rejected',
      'sub/.git/config': 'rejected',
      '.gitmodules': 'rejected',
      'link/a.txt': 'rejected',
      'new-link': 'rejected',
      link: 'rejected',
    })
    expect(parsePatchText(patch?.text ?? new Uint8Array()).map((entry) => entry.path)).toEqual([
      '.vscode/tasks.json',
      'ok.txt',
      'run.sh',
    ])
  })

  it('takes a link as it was, and files where a folder was', async () => {
    using project = createGitProject()
    project.write('dir/a.txt', 'x')
    symlinkSync('dir', join(project.root, 'link'))
    const snapshot = await take(project)
    expect(await computePatch(snapshot, each([write('link', 'dir', 'link')]))).toBeUndefined()
    const patch = await computePatch(
      snapshot,
      each([{ kind: 'delete', path: 'dir' }, write('dir', 'now a file')]),
    )
    expect(patch?.files.map((file) => [file.path, file.status])).toEqual([
      ['dir', 'added'],
      ['dir/a.txt', 'deleted'],
    ])
  })
})

describe('reading a patch text', () => {
  const header = 'diff --git a/x b/x\n'
  const ids = `index ${'1'.repeat(40)}..${'2'.repeat(40)} 100644\n`
  const hunk = '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n'

  it('takes what git prints', () => {
    expect(patchedFiles(Buffer.from(header + ids + hunk))).toMatchObject([
      { path: 'x', added: 1, deleted: 1 },
    ])
  })

  it.each([
    ['+token = ghp_abcdefghijklmnopqrst1234\n', 'holds what looks like a secret'],
    ['+-----BEGIN PRIVATE KEY-----\n+MIIEpAIBAAKCAQEA0Z3VS5JJ\n', 'holds what looks like a secret'],
    ['+key = [redacted]\n', 'holds "[redacted]", where a secret may have stood'],
  ])('flags what a file gains with %j, and leaves the patch as it is', (lines, because) => {
    const added = lines.split('\n').length - 1
    const body = `--- a/x\n+++ b/x\n@@ -1 +1,${added} @@\n-a\n${lines}`
    expect(patchedFiles(Buffer.from(header + ids + body))).toMatchObject([
      { path: 'x', added, verdict: 'flagged', because },
    ])
  })

  it('does not flag a secret that a file loses, or held before', () => {
    const body = `--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-ghp_abcdefghijklmnopqrst1234\n+b\n sk-abcdefghijklmnopqrst\n`
    expect(patchedFiles(Buffer.from(header + ids + body))).toMatchObject([{ verdict: 'plain' }])
  })

  it.each([
    ['another name below', header + ids + hunk.replace('+++ b/x', '+++ b/y')],
    ['two names', `diff --git a/x b/y\n${ids}${hunk}`],
    ['a rename', `${header}similarity index 90%\nrename from x\nrename to y\n`],
    ['text before it', `hello\n${header}${ids}${hunk}`],
    ['a longer hunk', header + ids + hunk.replace('+b\n', '+b\n+c\n')],
    ['a shorter hunk', header + ids + hunk.replace('+b\n', '')],
    ['short ids', `${header}index 1111111..2222222 100644\n${hunk}`],
    ['no ids', header + hunk],
    ['the same file twice', (header + ids + hunk).repeat(2)],
    ['a plain unified diff', hunk],
    ['no final line break', (header + ids + hunk).trimEnd()],
  ])('refuses %s', (_, patch) => {
    expect(() => parsePatchText(Buffer.from(patch))).toThrow(
      expect.objectContaining({ code: 'patch-invalid' }),
    )
  })

  it('cannot be misled by lines inside a hunk', () => {
    const body =
      '--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a/evil\n-- b\n+++ b/evil\n+diff --git a/y b/y\n'
    expect(parsePatchText(Buffer.from(header + ids + body)).map((entry) => entry.path)).toEqual([
      'x',
    ])
  })
})
