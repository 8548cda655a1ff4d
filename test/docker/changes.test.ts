import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { WorkspaceSpec } from '../../packages/core/src/index.ts'
import { createSnapshotSource } from '../../packages/workspace/src/snapshot.ts'
import { describeDocker } from '../support/docker.ts'
import { FILES, git, openSandbox, sh, type Sandbox, writeRepository } from '../support/sandbox.ts'

/** What a step does in a folder with all of `FILES`, and what is found of that. */
const SCRIPTS = new Map([
  ['a deleted file', { does: 'rm old/one.txt', expected: ['deleted old/one.txt'] }],
  [
    'a deleted folder',
    { does: 'rm -r src', expected: ['deleted src/deep/price.ts', 'deleted src/orders.ts'] },
  ],
  [
    'a folder that was replaced by another one',
    {
      does: 'rm -r old; mkdir old; echo 3 > old/three.txt',
      expected: ['deleted old/one.txt', 'added old/three.txt', 'deleted old/two.txt'],
    },
  ],
  [
    'a replaced folder with the same folder inside',
    {
      does: 'rm -r src; mkdir -p src/deep; echo 2 > src/deep/cost.ts',
      expected: ['added src/deep/cost.ts', 'deleted src/deep/price.ts', 'deleted src/orders.ts'],
    },
  ],
  [
    'a folder where a file was',
    {
      does: 'rm README.md; mkdir README.md; echo x > README.md/x',
      expected: ['deleted README.md', 'added README.md/x'],
    },
  ],
  [
    'a file where a folder was',
    {
      does: 'rm -r old; echo x > old',
      expected: ['added old', 'deleted old/one.txt', 'deleted old/two.txt'],
    },
  ],
  [
    'a renamed folder',
    {
      does: 'mv old older',
      expected: [
        'deleted old/one.txt',
        'deleted old/two.txt',
        'added older/one.txt',
        'added older/two.txt',
      ],
    },
  ],
  [
    'much that was deleted',
    {
      does: 'rm README.md old/two.txt; rm -r src',
      expected: [
        'deleted README.md',
        'deleted old/two.txt',
        'deleted src/deep/price.ts',
        'deleted src/orders.ts',
      ],
    },
  ],
  [
    'a file that cannot be read',
    { does: 'echo x > secret; chmod 0 secret', expected: ['added secret'] },
  ],
])

const folderOf = (what: string): string => what.replaceAll(' ', '-')

describeDocker('changes in a sandbox', () => {
  let sandbox: Sandbox

  beforeAll(async () => {
    sandbox = await openSandbox()
  })
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]()
  })

  async function changesOf(script: string, spec: Partial<WorkspaceSpec> = {}) {
    await using workspace = await sandbox.open('readwrite', spec)
    const { exitCode, text } = await sh(workspace, `set -e; { ${script}; } 2>&1`)
    expect([exitCode, exitCode === 0 ? '' : text]).toEqual([0, ''])
    // Not without await: the workspace is closed on the way out.
    return await workspace.diff()
  }

  test('without changes there is no patch', async () => {
    await using writer = await sandbox.open('readwrite')
    await sh(writer, 'git status; cat README.md')
    expect(await writer.diff()).toBeUndefined()
    await sh(writer, 'touch README.md; rm old/one.txt; git checkout -q old/one.txt')
    expect(await writer.diff()).toBeUndefined()
    await using reader = await sandbox.open('readonly')
    expect(await reader.diff()).toBeUndefined()
  })

  test('the patch applies to the repository and gives the same files', async () => {
    const patch = await changesOf(
      'sed -i s/10/20/ src/orders.ts; mkdir new; printf "a\\r\\nb" > "new/we ird"; rm old/two.txt; printf "\\0\\1" > bin',
    )
    const clone = join(sandbox.repository, '..', 'clone')
    git(sandbox.repository, 'clone', '-q', '.', clone)
    execFileSync('git', ['-C', clone, 'apply', '--whitespace=nowarn'], { input: patch?.text })
    expect(readFileSync(join(clone, 'src/orders.ts'), 'utf8')).toContain('limit = 20')
    expect(readFileSync(join(clone, 'new/we ird'), 'utf8')).toBe('a\r\nb')
    expect(readFileSync(join(clone, 'bin'))).toEqual(Buffer.from([0, 1]))
    expect(existsSync(join(clone, 'old/two.txt'))).toBe(false)
  })

  describe('of one step in many folders', () => {
    /** `status path`, by folder. */
    const found = new Map<string, string[]>()

    beforeAll(async () => {
      const script = [...SCRIPTS].map(([what, { does }]) => `(cd ${folderOf(what)}; ${does})`)
      const patch = await changesOf(script.join('; '), await mountCopies(sandbox))
      for (const { path, status } of patch?.files ?? []) {
        const [folder = '', ...rest] = path.split('/')
        found.set(folder, [...(found.get(folder) ?? []), `${status} ${rest.join('/')}`])
      }
    })

    test.each([...SCRIPTS])('%s is found', (what, { expected }) => {
      expect(found.get(folderOf(what))).toEqual(expected)
    })

    test('nothing else is found', () => {
      expect(new Set(found.keys())).toEqual(new Set([...SCRIPTS.keys()].map(folderOf)))
    })
  })

  test('what the container does to its git folder is no change', async () => {
    const script =
      'echo y > y; git add -A; git -c user.name=a -c user.email=a@b commit -qm y; echo "#!/bin/sh" > .git/hooks-x'
    const patch = await changesOf(script)
    expect(patch?.files).toMatchObject([{ path: 'y', status: 'added' }])
  })

  test('a link and a new named pipe are left out, and the target of the link is not read', async () => {
    const patch = await changesOf('ln -s /etc/shadow report; mkfifo src/pipe')
    expect(patch?.files).toMatchObject([
      { path: 'report', verdict: 'rejected' },
      { path: 'src/pipe', verdict: 'rejected' },
    ])
    expect(Buffer.from(patch?.text ?? []).toString()).not.toContain('root:')
  })

  test('a named pipe in the place of a file is refused by name', async () => {
    await using workspace = await sandbox.open('readwrite')
    await sh(workspace, 'rm README.md; mkfifo README.md')
    await expect(workspace.diff()).rejects.toMatchObject({
      name: 'ChangesRefused',
      message: expect.stringContaining('README.md'),
    })
  })

  test('changes of processes that still run are not raced', async () => {
    await using workspace = await sandbox.open('readwrite')
    await sh(workspace, '(while :; do date +%N > busy; done) >/dev/null 2>&1 &')
    const first = await workspace.diff()
    expect((await workspace.diff())?.tree).toBe(first?.tree)
  })

  test('SB-35 steps on one snapshot see only their own changes, and it stays as it is', async () => {
    await using left = await sandbox.open('readwrite', { step: 'left' })
    await using right = await sandbox.open('readwrite', { step: 'right' })
    await using reader = await sandbox.open('readonly', { step: 'reader' })
    const whole = `find . -printf '%p %y %m %U %s %T@ %l\\n' | sort | cksum; find . -type f -print0 | sort -z | xargs -0 cksum | cksum`
    const before = (await sh(reader, whole)).text
    await sh(left, 'echo left > README.md; rm old/one.txt')
    await sh(right, 'echo right > README.md')
    expect((await sh(left, 'cat README.md; ls old')).text).toBe('left\ntwo.txt\n')
    expect((await sh(right, 'cat README.md; ls old')).text).toBe('right\none.txt\ntwo.txt\n')
    expect((await sh(reader, 'cat README.md; ls old')).text).toBe('# Orders\none.txt\ntwo.txt\n')
    await sh(
      left,
      'rm -rf .git/objects; echo x > .git/HEAD; chmod -R 777 .; ln -sf /etc/passwd README.md',
    )
    await using later = await sandbox.open('readonly', { step: 'later' })
    expect((await sh(later, whole)).text).toBe(before)
    expect((await sh(later, 'git status --short; git fsck --strict 2>&1')).text).toBe('')
  })

  test('nothing of all this reached the project', () => {
    expect(git(sandbox.repository, 'status', '--short')).toBe('')
    for (const [path, content] of Object.entries(FILES)) {
      expect(readFileSync(join(sandbox.repository, path), 'utf8')).toBe(content)
    }
  })
})

/** A repository with all of `FILES` in a folder for each script. */
async function mountCopies(sandbox: Sandbox): Promise<Partial<WorkspaceSpec>> {
  const files = [...SCRIPTS.keys()].flatMap((what) =>
    Object.entries(FILES).map(([path, content]) => [`${folderOf(what)}/${path}`, content]),
  )
  const repository = join(sandbox.repository, '../copies')
  writeRepository(repository, Object.fromEntries(files), `Copy to ${repository}`)
  const source = createSnapshotSource({ dataDir: join(sandbox.repository, '../data') })
  const snapshot = await source.take(repository, { include: [], history: 'full' })
  return { mount: { snapshot, source: '.', target: '/src', mode: 'readwrite' } }
}
