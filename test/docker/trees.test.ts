import type { Workspace, WorkspaceMount } from '../../packages/core/src/index.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectDocker } from '../../packages/workspace/src/docker/docker-provider.ts'
import { DEFAULT_IMAGE } from '../../packages/workspace/src/docker/image.ts'
import { createSnapshotSource } from '../../packages/workspace/src/snapshot.ts'
import { describeDocker } from '../support/docker.ts'
import { FILES, openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

const FIRST =
  'sed -i s/10/20/ src/orders.ts; rm -r old; mkdir new; echo n > new/n; chmod +x README.md; echo d > src/deep/d'
const files = (folder = '.') =>
  `cd ${folder}; find . -path ./.git -prune -o -type f -printf '%P %m\\n' | sort`

describeDocker('trees that steps start from', () => {
  let sandbox: Sandbox
  let first: Awaited<ReturnType<typeof after>>

  beforeAll(async () => {
    sandbox = await openSandbox()
    first = await after(sandbox.snapshot, FIRST)
  })
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]()
  })

  function open(mount: Partial<WorkspaceMount>): Promise<Workspace> {
    const whole = { snapshot: sandbox.snapshot, source: '.', target: '/src' } as const
    return sandbox.open('readonly', { mount: { ...whole, mode: 'readonly', ...mount } })
  }

  /** The snapshot after a step that ran this. */
  async function after(snapshot: WorkspaceMount['snapshot'], script: string) {
    await using workspace = await open({ snapshot, mode: 'readwrite' })
    expect(await sh(workspace, `set -e; ${script}`)).toMatchObject({ exitCode: 0 })
    const patch = await workspace.diff()
    const derived = patch && (await snapshot.at(patch.tree))
    if (patch === undefined || derived === undefined) throw new Error('nothing changed')
    return { patch, derived }
  }

  test('a step goes on from what another one left, read-only and read-write', async () => {
    const { patch, derived } = first
    await using reader = await open({ snapshot: derived })
    expect((await sh(reader, files())).text.split('\n')).toEqual([
      'README.md 755',
      'new/n 644',
      'src/deep/d 644',
      'src/deep/price.ts 644',
      'src/orders.ts 644',
      '',
    ])
    // Two commands: the order of standard output and standard error is not promised.
    expect((await sh(reader, 'cat src/orders.ts')).text).toContain('limit = 20')
    expect((await sh(reader, 'echo x > x')).text).toContain('x: Read-only')
    const status = (await sh(reader, 'git fsck && git status --short && git log --oneline')).text
    expect(status.split('\n').slice(0, -2)).toEqual([
      'M  README.md',
      'A  new/n',
      'D  old/one.txt',
      'D  old/two.txt',
      'A  src/deep/d',
      'M  src/orders.ts',
    ])
    // The old folder is back with other files: nothing of the base shines through.
    const next = await after(derived, 'rm src/orders.ts; mkdir old; echo 3 > old/three.txt')
    expect(next.patch.baseTree).toBe(derived.tree)
    expect(next.patch.files.map(({ path, status: how }) => `${how} ${path}`)).toEqual([
      'added old/three.txt',
      'deleted src/orders.ts',
    ])
    await using last = await open({ snapshot: next.derived })
    expect((await sh(last, files('old'))).text).toBe('three.txt 644\n')
    const merged = await sandbox.snapshot.merge([patch, next.patch])
    expect(merged).toMatchObject({ ok: true, tree: next.derived.tree })
  })

  test('a derived tree shares the volume of the tree it came from', async () => {
    const { derived } = await after(sandbox.snapshot, 'echo shared > shared')
    const volumes = async () =>
      (await sandbox.leftovers()).filter((name) => name.startsWith('wave-src-'))
    const before = await volumes()
    for (const mode of ['readonly', 'readwrite'] as const) {
      await using workspace = await open({ snapshot: derived, mode })
      expect(await workspace.read('shared')).toMatchObject({ ok: true })
      expect(await workspace.read('README.md')).toMatchObject({ ok: true })
    }
    expect(await volumes()).toHaveLength(before.length + 1)
    // Lost while nobody looked: made again, both of them.
    await sandbox.provider[Symbol.asyncDispose]()
    for (const name of await volumes()) await sandbox.docker.getVolume(name).remove()
    await using again = await open({ snapshot: derived })
    expect(await again.read('shared')).toMatchObject({ ok: true })
    expect(await again.read('README.md')).toMatchObject({ ok: true })
  })

  test('a mount of a folder shows that folder alone, and patches name it as the project does', async () => {
    const { derived } = first
    const check = async (snapshot: WorkspaceMount['snapshot']): Promise<void> => {
      await using reader = await open({ snapshot, source: './src/deep/', target: '/code' })
      const found = await reader.glob('**', '/code', 10)
      const own = snapshot === derived ? ['/code/d', '/code/price.ts'] : ['/code/price.ts']
      expect(found).toEqual({ ok: true, value: own })
      expect(await reader.read('price.ts')).toMatchObject({ ok: true })
      const matches = await reader.grep({ pattern: 'price', path: '.', maxMatches: 5 })
      expect(matches).toMatchObject({ ok: true, value: { matches: [{ path: '/code/price.ts' }] } })
      expect((await sh(reader, 'ls -A /code/..')).text).not.toContain('README')
      const log = await reader.history({ kind: 'log', path: '/code/price.ts', max: 3 })
      expect(log).toMatchObject({ ok: true, value: expect.stringContaining(' price.ts |') })
      const outside = await reader.history({ kind: 'log', path: '../orders.ts', max: 3 })
      expect(outside).toMatchObject({ ok: false })
      await using writer = await open({ snapshot, source: 'src/deep', mode: 'readwrite' })
      await sh(writer, 'rm price.ts; echo e > e')
      const patch = await writer.diff()
      expect(patch?.files.map(({ path }) => path)).toEqual(['src/deep/e', 'src/deep/price.ts'])
      expect(patch?.baseTree).toBe(snapshot.tree)
    }
    await Promise.all([check(sandbox.snapshot), check(derived)])
    // Only one of the two volumes has these.
    await using fresh = await open({ snapshot: derived, source: 'new' })
    expect(await fresh.read('n')).toMatchObject({ ok: true })
    await expect(open({ snapshot: derived, source: 'old' })).rejects.toMatchObject({
      code: 'pipeline-invalid',
      message: expect.stringContaining('"old"'),
    })
  })

  test('a commit of the project takes the place of the working copy', async () => {
    const main = await sandbox.snapshot.atRef('main')
    await using reader = await open({ snapshot: main! })
    expect((await sh(reader, 'git status --short; git log --format=%H')).text.trim()).toBe(
      main?.head,
    )
  })

  test('without history there is no repository in the sandbox, in a volume of its own', async () => {
    const source = createSnapshotSource({ dataDir: `${sandbox.repository}/../data` })
    const spec = { include: [], history: 'none' } as const
    const snapshot = await source.take(sandbox.repository, spec)
    expect(snapshot.tree).toBe(sandbox.snapshot.tree)
    await using reader = await open({ snapshot })
    expect((await sh(reader, 'git log')).text).toContain('not a git repository')
    expect((await sh(reader, 'ls -A .git')).text).toBe('wave-sealed\n')
    expect(await reader.history({ kind: 'log', max: 1 })).toEqual({
      ok: false,
      problem: 'there is no history here',
    })
    expect(await reader.read('README.md')).toMatchObject({ ok: true })
    const { derived } = await after(snapshot, 'rm -r old')
    await using next = await open({ snapshot: derived })
    expect((await sh(next, files('src'))).text).toContain('orders.ts')
    expect(Object.keys(FILES)).toHaveLength(5)
  })

  test('a step runs in an image of the allow-list, and in no other', async () => {
    const images = { plain: DEFAULT_IMAGE, gone: 'wave-none:1' }
    await using provider = await connectDocker({ installId: sandbox.installId, images })
    expect(provider.images).toBeUndefined()
    await provider.checkImages(['plain'])
    expect(provider.images).toEqual({ plain: provider.image })
    const spec = { run: 'run1', step: 's', attempt: 1, mount: undefined, inputs: [] }
    const { signal } = new AbortController()
    await using workspace = await provider.open({ ...spec, image: 'plain' }, signal)
    expect((await sh(workspace, 'echo here')).text).toBe('here\n')
    await expect(provider.open({ ...spec, image: 'node-24' }, signal)).rejects.toMatchObject({
      code: 'config-invalid',
      hint: expect.stringContaining('plain, gone'),
    })
    await expect(provider.open({ ...spec, image: 'gone' }, signal)).rejects.toMatchObject({
      code: 'image-missing',
    })
  })
})
