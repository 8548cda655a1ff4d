import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeDocker } from '../support/docker.ts'
import { FILES, git, openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

describeDocker('changes in a sandbox', () => {
  let sandbox: Sandbox

  beforeAll(async () => {
    sandbox = await openSandbox()
  })
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]()
  })

  async function changesOf(script: string) {
    await using workspace = await sandbox.open('readwrite')
    const { exitCode, text } = await sh(workspace, `set -e; { ${script}; } 2>&1`)
    expect([exitCode, exitCode === 0 ? '' : text]).toEqual([0, ''])
    // Not without await: the workspace is closed on the way out.
    return await workspace.diff()
  }

  async function summary(script: string): Promise<string[]> {
    const patch = await changesOf(script)
    return (patch?.files ?? []).map(({ path, status }) => `${status} ${path}`)
  }

  test('without changes there is no patch', async () => {
    expect(await changesOf('git status; cat README.md')).toBeUndefined()
    expect(
      await changesOf('touch README.md; rm old/one.txt; git checkout -q old/one.txt'),
    ).toBeUndefined()
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

  test.each([
    ['a deleted file', 'rm old/one.txt', ['deleted old/one.txt']],
    ['a deleted folder', 'rm -r src', ['deleted src/deep/price.ts', 'deleted src/orders.ts']],
    [
      'a folder that was replaced by another one',
      'rm -r old; mkdir old; echo 3 > old/three.txt',
      ['deleted old/one.txt', 'added old/three.txt', 'deleted old/two.txt'],
    ],
    [
      'a replaced folder with the same folder inside',
      'rm -r src; mkdir -p src/deep; echo 2 > src/deep/cost.ts',
      ['added src/deep/cost.ts', 'deleted src/deep/price.ts', 'deleted src/orders.ts'],
    ],
    [
      'a folder where a file was',
      'rm README.md; mkdir README.md; echo x > README.md/x',
      ['deleted README.md', 'added README.md/x'],
    ],
    [
      'a file where a folder was',
      'rm -r old; echo x > old',
      ['added old', 'deleted old/one.txt', 'deleted old/two.txt'],
    ],
    [
      'a renamed folder',
      'mv old older',
      ['deleted old/one.txt', 'deleted old/two.txt', 'added older/one.txt', 'added older/two.txt'],
    ],
    ['a file that cannot be read', 'echo x > secret; chmod 0 secret', ['added secret']],
  ])('%s is found', async (_what, script, expected) => {
    expect(await summary(script)).toEqual(expected)
  })

  test('what the container does to its git folder is no change', async () => {
    const script =
      'echo y > y; git add -A; git -c user.name=a -c user.email=a@b commit -qm y; echo "#!/bin/sh" > .git/hooks-x'
    expect(await summary(script)).toEqual(['added y'])
  })

  test('a link is proposed as rejected, and its target not read', async () => {
    const patch = await changesOf('ln -s /etc/shadow report')
    expect(patch?.files).toMatchObject([{ path: 'report', verdict: 'rejected' }])
    expect(Buffer.from(patch?.text ?? []).toString()).not.toContain('root:')
  })

  test('a new named pipe is left out; in the place of a file it is refused by name', async () => {
    const patch = await changesOf('mkfifo src/pipe')
    expect(patch).toMatchObject({ files: [{ path: 'src/pipe', verdict: 'rejected' }] })
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
