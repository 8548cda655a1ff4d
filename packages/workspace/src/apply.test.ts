import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

import { type Snapshot, WaveError } from '@wave/core'
import { describe, expect, it } from 'vitest'

import { applyPatches, planApply } from './apply.ts'
import type { Change } from './patch.ts'
import { computePatch } from './patch.ts'
import { createSnapshotSource } from './snapshot.ts'
import { createGitProject, fingerprint, stockGit } from './testing/git-project.ts'
import type { GitProject } from './testing/git-project.ts'

async function patchFor(project: GitProject, changes: readonly Change[]): Promise<Uint8Array> {
  const snapshot = await createSnapshotSource(project).take(project.root, {
    include: [],
    history: 'full',
  })
  async function* each() {
    yield* changes
  }
  const patch = await computePatch(snapshot, each())
  if (patch === undefined) throw new Error('nothing differs')
  return patch.text
}

const write = (path: string, content: string, mode: 0o644 | 0o755 = 0o644): Change => ({
  kind: 'write',
  path,
  mode,
  content: Buffer.from(content),
})

async function apply(
  project: GitProject,
  patches: readonly Uint8Array[],
  accept: readonly string[] = [],
) {
  return await applyPatches({
    root: project.root,
    dataDir: project.dataDir,
    run: 'run-1',
    patches: patches.map((text) => ({ text })),
    accept,
  })
}

const read = (project: GitProject, path: string) => readFileSync(join(project.root, path), 'utf8')

/** Kind, mode and bytes of every file: what was put back has new times. */
const untimed = (folder: string) =>
  Array.from(fingerprint(folder), ([name, state]) => [name, state.replace(/ \d+ /, ' ')])

describe('applyPatches', () => {
  it('puts the changes on the working copy, stages nothing, commits nothing', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\ntwo\n')
    project.write('gone.txt', 'x')
    const head = project.commit('first')
    project.write('a.txt', 'one\ntwo\nuncommitted\n')
    const patch = await patchFor(project, [
      write('a.txt', 'ONE\ntwo\nuncommitted\n'),
      write('new dir/b.txt', 'b'),
      { kind: 'delete', path: 'gone.txt' },
    ])
    project.write('unrelated.txt', 'changed in the meantime')
    const git = fingerprint(join(project.root, '.git'))
    const planned = await apply(project, [patch])
    expect(planned.files.map((file) => file.status)).toEqual(['modified', 'deleted', 'added'])
    expect(read(project, 'a.txt')).toBe('ONE\ntwo\nuncommitted\n')
    expect(read(project, 'new dir/b.txt')).toBe('b')
    expect(existsSync(join(project.root, 'gone.txt'))).toBe(false)
    expect(fingerprint(join(project.root, '.git'))).toEqual(git)
    expect(project.git('rev-parse', 'HEAD').trim()).toBe(head)
    expect(project.git('diff', '--cached', '--name-only')).toBe('')
  })

  it('tells a change of mode and of bytes that are no text from one of lines', async () => {
    using project = createGitProject()
    project.write('run.sh', 'x')
    project.write('image', Buffer.from([0, 1, 2]))
    chmodSync(join(project.root, 'run.sh'), 0o755)
    const image = { ...write('image', ''), content: Buffer.from([0, 3, 2]) }
    const patch = await patchFor(project, [write('run.sh', 'x'), image])
    expect((await apply(project, [patch])).files).toMatchObject([
      { path: 'image', isBinary: true },
      { path: 'run.sh', modes: { from: '100755', to: '100644' } },
    ])
  })

  it('GH-26 keeps CRLF bytes and runs no filter, hook or fsmonitor of the repository', async () => {
    using project = createGitProject()
    const ran = join(project.folder, 'ran')
    project.write('.gitattributes', '*.txt text eol=lf filter=evil\n')
    project.write('a.txt', 'one\r\ntwo\r\n')
    project.commit('first')
    project.git('config', 'filter.evil.clean', `touch ${ran}; tr a-z A-Z`)
    project.git('config', 'filter.evil.smudge', `touch ${ran}; tr a-z A-Z`)
    project.git('config', 'core.fsmonitor', `touch ${ran}; false`)
    project.git('config', 'core.autocrlf', 'input')
    for (const hook of ['post-applypatch', 'applypatch-msg', 'post-index-change'])
      project.write(`.git/hooks/${hook}`, `#!/bin/sh\ntouch ${ran}\n`)
    const patch = await patchFor(project, [write('a.txt', 'one\r\nTWO\r\nthree \r\n')])
    await apply(project, [patch])
    expect(read(project, 'a.txt')).toBe('one\r\nTWO\r\nthree \r\n')
    expect(existsSync(ran)).toBe(false)
    stockGit(project.root, ['status'])
    expect(existsSync(ran)).toBe(true)
  })

  it('refuses all of it when one touched file has changed, and names it', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n'.repeat(20))
    project.write('b.txt', 'x\n')
    const patch = await patchFor(project, [
      write('a.txt', `${'one\n'.repeat(19)}two\n`),
      write('b.txt', 'y\n'),
      write('c.txt', 'new\n'),
    ])
    // Far from the change: git alone would apply it.
    project.write('a.txt', `zero\n${'one\n'.repeat(20)}`)
    project.write('c.txt', 'mine\n')
    const before = fingerprint(project.root)
    const planned = await planApply({
      root: project.root,
      dataDir: project.dataDir,
      run: 'run-1',
      patches: [{ text: patch }],
      accept: [],
    })
    expect(planned.drifted).toEqual([
      { path: 'a.txt', problem: 'has changed' },
      { path: 'c.txt', problem: 'exists already' },
    ])
    await expect(apply(project, [patch])).rejects.toMatchObject({
      code: 'patch-drifted',
      exitCode: 6,
    })
    expect(fingerprint(project.root)).toEqual(before)
  })

  it('refuses files that are gone, of another kind, or behind a link now', async () => {
    using project = createGitProject()
    project.write('gone', 'x')
    project.write('kind', 'x')
    project.write('dir/deep', 'x')
    project.write('elsewhere/deep', 'x')
    const patch = await patchFor(project, [
      write('gone', 'y'),
      write('kind', 'y'),
      write('dir/deep', 'y'),
    ])
    rmSync(join(project.root, 'gone'))
    rmSync(join(project.root, 'kind'))
    symlinkSync('elsewhere/deep', join(project.root, 'kind'))
    rmSync(join(project.root, 'dir'), { recursive: true })
    symlinkSync('elsewhere', join(project.root, 'dir'))
    const request = {
      root: project.root,
      dataDir: project.dataDir,
      run: 'run-1',
      patches: [{ text: patch }],
      accept: [],
    }
    expect((await planApply(request)).drifted).toEqual([
      { path: 'dir/deep', problem: 'lies behind the link dir' },
      { path: 'gone', problem: 'is gone' },
      { path: 'kind', problem: 'is of another kind' },
    ])
  })

  it('GH-23 applies flagged files only after a yes for each', async () => {
    using project = createGitProject()
    project.write('package.json', '{}\n')
    const patch = await patchFor(project, [
      write('package.json', '{"scripts":{}}\n'),
      write('run.sh', '#!/bin/sh\n', 0o755),
      write('src.ts', 'x\n'),
    ])
    await expect(apply(project, [patch], ['run.sh'])).rejects.toMatchObject({
      code: 'approval-needed',
      message: expect.stringContaining('package.json'),
    })
    expect(existsSync(join(project.root, 'src.ts'))).toBe(false)
    await apply(project, [patch], ['run.sh', './package.json'])
    expect(statSync(join(project.root, 'run.sh')).mode & 0o111).not.toBe(0)
    expect(read(project, 'package.json')).toBe('{"scripts":{}}\n')
  })

  it.each(['../x', '.git/hooks/pre-commit', '.GIT/config', '/tmp/x', '.gitmodules'])(
    'GH-20 never applies a text that writes %s, whatever was recorded about it',
    async (path) => {
      using project = createGitProject()
      const text = [
        `diff --git a/${path} b/${path}`,
        'new file mode 100644',
        `index ${'0'.repeat(40)}..587be6b4c3f93f93c489c0111bba5596147a26cb`,
        '--- /dev/null',
        `+++ b/${path}`,
        '@@ -0,0 +1 @@',
        '+x',
        '',
      ].join('\n')
      const before = fingerprint(project.folder)
      await expect(apply(project, [Buffer.from(text)], [path])).rejects.toMatchObject({
        code: 'patch-invalid',
      })
      const after = new Map(
        [...fingerprint(project.folder)].filter(([name]) => !name.startsWith('data')),
      )
      expect(after).toEqual(before)
    },
  )

  it('GH-20 never applies a link, nor a file through it', async () => {
    using project = createGitProject()
    const id = '0'.repeat(40)
    const link = `diff --git a/l b/l\nnew file mode 120000\nindex ${id}..${'1'.repeat(40)}\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n\\ No newline at end of file\n`
    await expect(apply(project, [Buffer.from(link)])).rejects.toMatchObject({
      code: 'patch-invalid',
    })
    expect(lstatSync(join(project.root, 'l'), { throwIfNoEntry: false })).toBeUndefined()
  })

  it('applies patches that build on each other, and refuses ones that contradict', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    const first = await patchFor(project, [write('a.txt', 'two\n'), write('b.txt', 'b\n')])
    const rival = await patchFor(project, [write('a.txt', 'other\n')])
    project.write('a.txt', 'two\n')
    const second = await patchFor(project, [write('a.txt', 'three\n')])
    project.write('a.txt', 'one\n')
    await expect(apply(project, [first, rival])).rejects.toMatchObject({ code: 'patch-drifted' })
    await apply(project, [first, second])
    expect([read(project, 'a.txt'), read(project, 'b.txt')]).toEqual(['three\n', 'b\n'])
  })

  it('follows a file that is added, changed, deleted or replaced along the way', async () => {
    using project = createGitProject()
    project.write('changed.txt', 'one\n')
    project.write('folder/b.txt', 'b\n')
    const root = await createSnapshotSource(project).take(project.root, {
      include: [],
      history: 'full',
    })
    const patches: Uint8Array[] = []
    let state: Snapshot = root
    async function step(...changes: readonly Change[]) {
      async function* each() {
        yield* changes
      }
      const patch = await computePatch(state, each())
      patches.push(patch?.text ?? Buffer.alloc(0))
      state = (await state.at(patch?.tree ?? '')) ?? state
    }
    await step(write('new.txt', 'n\n'), write('changed.txt', 'two\n'), write('kept.txt', 'k\n'))
    await step({ kind: 'delete', path: 'new.txt' }, { kind: 'delete', path: 'changed.txt' })
    await step({ kind: 'delete', path: 'folder' }, write('folder', 'a file now\n'))
    await step({ kind: 'delete', path: 'kept.txt' }, write('kept.txt/deep', 'd\n'))
    await step(write('changed.txt', 'three\n'))
    await apply(project, patches)
    expect(
      untimed(project.root)
        .map(([path]) => path)
        .filter((path) => !path?.startsWith('.git')),
    ).toEqual(['changed.txt', 'folder', 'kept.txt', 'kept.txt/deep'])
    expect(read(project, 'changed.txt')).toBe('three\n')
    await expect(apply(project, patches)).rejects.toMatchObject({ code: 'patch-drifted' })
  })

  it('takes back the first patch when the second one cannot be written', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    const first = await patchFor(project, [write('a.txt', 'two\n'), write('b.txt', 'b\n')])
    project.write('a.txt', 'two\n')
    const second = await patchFor(project, [write('a.txt', 'three\n')])
    project.write('a.txt', 'one\n')
    const before = untimed(project.root)
    // The objects fit, the lines do not: nobody computed this text.
    const lying = Buffer.from(Buffer.from(second).toString().replace('-two', '-owt'))
    await expect(apply(project, [first, lying])).rejects.toMatchObject({ code: 'patch-drifted' })
    expect(untimed(project.root)).toEqual(before)
  })

  it('puts everything back when git is stopped half way', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    project.write('b.txt', 'x\n')
    project.write('gone.txt', 'uncommitted\n')
    const patch = await patchFor(project, [
      write('a.txt', 'two\n', 0o755),
      { kind: 'delete', path: 'gone.txt' },
      write('b.txt', 'y\n'.repeat(100_000)),
      write('new/c.txt', 'z\n'),
    ])
    chmodSync(join(project.root, 'gone.txt'), 0o600)
    const before = untimed(project.root)
    writeFileSync(join(project.folder, 'patch'), patch)
    const script = `
      import { readFileSync } from 'node:fs'
      import { applyPatches } from ${JSON.stringify(new URL('apply.ts', import.meta.url).href)}
      const [root, dataDir, patch] = process.argv.slice(1)
      const request = { root, dataDir, run: 'run-1', patches: [{ text: readFileSync(patch) }], accept: ['a.txt'] }
      await applyPatches(request).catch((cause) => console.log(cause.code))`
    // Like a full disk: no file may grow beyond 64 KiB.
    const limited = 'ulimit -f 64; exec "$0" --input-type=module -e "$@"'
    const places = [project.root, project.dataDir, join(project.folder, 'patch')]
    const argv = ['-c', limited, process.execPath, script, ...places]
    expect(execFileSync('bash', argv, { encoding: 'utf8' })).toBe('git-failed\n')
    expect(untimed(project.root)).toEqual(before)
  })

  it('applies a change of mode and then a change of the same file', async () => {
    using project = createGitProject()
    project.write('run.sh', 'one\n')
    const first = await patchFor(project, [write('run.sh', 'one\n', 0o755)])
    chmodSync(join(project.root, 'run.sh'), 0o755)
    const second = await patchFor(project, [write('run.sh', 'two\n', 0o755)])
    chmodSync(join(project.root, 'run.sh'), 0o644)
    await apply(project, [first, second], ['run.sh'])
    expect(read(project, 'run.sh')).toBe('two\n')
    expect(statSync(join(project.root, 'run.sh')).mode & 0o111).not.toBe(0)
  })

  it('changes modes and binary files in a project without git', async () => {
    using project = createGitProject({ git: false })
    project.write('tool', 'x')
    project.write('bin', Buffer.from([0, 1, 2]))
    const patch = await patchFor(project, [write('tool', 'x', 0o755), write('bin', '\0\x03')])
    await apply(project, [patch], ['tool'])
    expect(statSync(join(project.root, 'tool')).mode & 0o111).not.toBe(0)
    expect(read(project, 'bin')).toBe('\0\x03')
    chmodSync(join(project.root, 'tool'), 0o644)
  })
})

it('GH-23 what to paste for a flagged path runs nothing in a shell, whatever the path holds', async () => {
  using project = createGitProject()
  const path = ".github/it's $(touch pwned);`touch pwned`.yml"
  const patch = await patchFor(project, [write(path, 'x\n')])

  const hint = await apply(project, [patch]).then(
    () => '',
    (error: unknown) => (error instanceof WaveError ? (error.hint ?? '') : ''),
  )
  const pasted = hint.slice(hint.indexOf('--accept'))
  const words = execFileSync('sh', ['-c', `printf '%s\\n' ${pasted}`], { cwd: project.root })

  expect(String(words)).toBe(`--accept\n${path}\n`)
  expect(existsSync(join(project.root, 'pwned'))).toBe(false)
})

it('names some of many files that are not as they were, and counts the others', async () => {
  const names = Array.from({ length: 60 }, (_, index) => `${index}.txt`)
  using project = createGitProject()
  const patch = await patchFor(
    project,
    names.map((name) => write(name, 'b\n')),
  )
  for (const name of names) writeFileSync(join(project.root, name), 'mine\n')

  const refused = apply(project, [patch])

  await expect(refused).rejects.toThrow(/\.txt exists already and 40 more\.$/)
})
