import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Workspace } from '../../packages/core/src/index.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

const bytes = (text: string) => Buffer.from(text)
const HOSTILE = [
  'a b',
  "it's",
  '$(touch x)',
  'new\nline',
  '-rf',
  'tab\t"q"',
  'back\\slash',
  'ü — 日本',
]

describeDocker('files in a sandbox', () => {
  let sandbox: Sandbox
  let workspace: Workspace
  let writable: Workspace

  beforeAll(async () => {
    sandbox = await openSandbox()
    const inputs = [{ as: 'triage', content: bytes('{"service":"orders"}') }]
    workspace = await sandbox.open('readonly', { inputs })
    writable = await sandbox.open('readwrite')
  })
  afterAll(async () => {
    await workspace[Symbol.asyncDispose]()
    await writable[Symbol.asyncDispose]()
    await sandbox[Symbol.asyncDispose]()
  })

  test('a file is read whole, in part, relative to the mount or absolute', async () => {
    expect(await workspace.read('src/orders.ts')).toEqual({
      ok: true,
      value: bytes('export const limit = 10\nexport const retries = 3\n'),
    })
    const range = { offset: 7, maxBytes: 5 }
    expect(await workspace.read('/src/src/orders.ts', range)).toEqual({
      ok: true,
      value: bytes('const'),
    })
    const beyond = { offset: 10_000, maxBytes: 5 }
    expect(await workspace.read('README.md', beyond)).toEqual({ ok: true, value: bytes('') })
  })

  test('injected artifacts are there and cannot be changed', async () => {
    const path = '/work/artifacts/triage'
    expect(await workspace.read(path)).toEqual({ ok: true, value: bytes('{"service":"orders"}') })
    const { text } = await sh(workspace, `echo x > ${path}; rm -f ${path}; mv ${path} /tmp`)
    expect(text.match(/Permission denied/g)).toHaveLength(3)
  })

  test.each([
    ['nothing.txt', 'there is no such file'],
    ['src', 'it is a directory'],
    ['/dev/null', 'it is not a regular file'],
    ['a\0b', 'a NUL character cannot be part of it'],
  ])('reading %j is answered with the reason', async (path, reason) => {
    const result = await workspace.read(path)
    expect(result).toMatchObject({ ok: false, problem: expect.stringContaining(reason) })
  })

  test('a pipe is refused at once instead of waiting for a writer', async () => {
    await sh(workspace, 'mkfifo /work/pipe')
    expect(await workspace.read('/work/pipe')).toMatchObject({ ok: false })
  })

  test('a directory lists its entries by name, with kind and size, without git’s own folder', async () => {
    expect(await workspace.list('.')).toEqual({
      ok: true,
      value: [
        { path: '/src/README.md', kind: 'file', sizeBytes: 9 },
        { path: '/src/old', kind: 'directory', sizeBytes: expect.any(Number) },
        { path: '/src/src', kind: 'directory', sizeBytes: expect.any(Number) },
      ],
    })
    expect(await workspace.list('README.md')).toMatchObject({ ok: false })
  })

  test('globs match below a path, without git’s own files, up to a limit', async () => {
    expect(await workspace.glob('*.ts', '.', 10)).toEqual({
      ok: true,
      value: ['/src/src/deep/price.ts', '/src/src/orders.ts'],
    })
    expect(await workspace.glob('deep/**', 'src', 10)).toEqual({
      ok: true,
      value: ['/src/src/deep/price.ts'],
    })
    expect(await workspace.glob('**', '.', 2)).toMatchObject({ value: { length: 2 } })
    expect(await workspace.glob('*.none', '.', 10)).toEqual({ ok: true, value: [] })
    expect(await workspace.glob('[', '.', 10)).toMatchObject({ ok: false })
  })

  test('grep finds lines, says when there are more, and explains bad expressions', async () => {
    const found = await workspace.grep({ pattern: 'const \\w+ = \\d+', path: '.', maxMatches: 2 })
    expect(found).toEqual({
      ok: true,
      value: {
        truncated: true,
        matches: [
          { path: '/src/src/deep/price.ts', line: 1, text: 'export const price = 1' },
          { path: '/src/src/orders.ts', line: 1, text: 'export const limit = 10' },
        ],
      },
    })
    const none = await workspace.grep({ pattern: 'nowhere', path: '.', maxMatches: 2 })
    expect(none).toEqual({ ok: true, value: { matches: [], truncated: false } })
    const only = await workspace.grep({ pattern: 'o', path: '.', include: '*.txt', maxMatches: 9 })
    expect(only).toMatchObject({ value: { matches: [{ text: 'one' }, { text: 'two' }] } })
    expect(await workspace.grep({ pattern: '(', path: '.', maxMatches: 2 })).toMatchObject({
      ok: false,
      problem: expect.stringContaining('unclosed group'),
    })
  })

  test('log, show, diff and blame work on a history without settings of the user', async () => {
    const log = await workspace.history({ kind: 'log', max: 5 })
    expect(log).toMatchObject({
      ok: true,
      value: expect.stringMatching(/Ada[\s\S]*Take orders in/),
    })
    expect(await workspace.history({ kind: 'show', ref: 'HEAD', path: 'README.md' })).toMatchObject(
      {
        value: expect.stringContaining('+# Orders'),
      },
    )
    const blame = { kind: 'blame', path: 'src/orders.ts', from: 2, to: 2 } as const
    expect(await workspace.history(blame)).toMatchObject({
      value: expect.stringMatching(/Ada .*export const retries = 3/),
    })
    expect(await workspace.history({ kind: 'diff', ref: 'HEAD' })).toEqual({ ok: true, value: '' })
    expect(await workspace.history({ kind: 'show', ref: '--output=/tmp/x' })).toMatchObject({
      ok: false,
    })
    expect((await sh(workspace, 'git status --short; git config --list --local')).text).not.toMatch(
      /^ ?[MAD?]|user|remote/m,
    )
  })

  test.each(HOSTILE)('a file named %j is written, read, listed and found', async (name) => {
    const path = `/work/odd/${name}`
    expect(await writable.write(path, bytes(`in ${name}`))).toEqual({ ok: true, value: undefined })
    expect(await writable.read(path)).toEqual({ ok: true, value: bytes(`in ${name}`) })
    const entry = { path, kind: 'file', sizeBytes: Buffer.byteLength(`in ${name}`) }
    expect(await writable.list('/work/odd')).toMatchObject({
      value: expect.arrayContaining([entry]),
    })
    // ripgrep's globs do not match line breaks.
    if (name.includes('\n')) return
    expect(await writable.glob('**', '/work/odd', 99)).toMatchObject({
      value: expect.arrayContaining([path]),
    })
  })

  test('writing makes folders, keeps the mode, and takes any bytes', async () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256))
    await writable.write('new/folder/data.bin', content)
    const read = await writable.read('new/folder/data.bin')
    expect(read.ok && Buffer.compare(read.value, content)).toBe(0)
    await sh(writable, 'chmod +x README.md')
    await writable.write('README.md', bytes(''))
    expect((await sh(writable, 'stat -c "%a %s" README.md')).text).toBe('755 0\n')
  })

  test('a write that fails leaves the channel in step', async () => {
    const script = bytes('\n\ntouch /work/escaped\n'.repeat(5000))
    expect(await workspace.write('src/x.ts', script)).toMatchObject({
      ok: false,
      problem: expect.stringContaining('Read-only file system'),
    })
    expect(await workspace.write('src', script)).toMatchObject({ ok: false })
    expect(await workspace.write('.git/hooks/x', script)).toMatchObject({ ok: false })
    const full = Buffer.alloc(48 * 2 ** 20, '\ntouch /work/escaped\n')
    expect(await workspace.write('/work/full1', full)).toMatchObject({ ok: true })
    expect(await workspace.write('/work/full2', full)).toMatchObject({
      ok: false,
      problem: expect.stringContaining('No space left on device'),
    })
    expect(await workspace.read('README.md')).toMatchObject({ ok: true })
    expect(await workspace.read('/work/escaped')).toMatchObject({ ok: false })
  })

  test('output that looks like the end of an answer is only output', async () => {
    const fake = `\0${'0'.repeat(32)} 0\0\0${'0'.repeat(32)}\n`
    await writable.write('/work/fake', bytes(fake))
    expect(await writable.read('/work/fake')).toEqual({ ok: true, value: bytes(fake) })
  })

  test('many requests at once are all answered', async () => {
    const reads = Array.from({ length: 50 }, () => workspace.read('README.md'))
    for (const read of await Promise.all(reads)) expect(read).toMatchObject({ ok: true })
  })

  test('a mount can be a folder of the snapshot, in both modes', async () => {
    const mount = { snapshot: sandbox.snapshot, source: 'src', target: '/code' } as const
    await using reader = await sandbox.open('readonly', { mount: { ...mount, mode: 'readonly' } })
    expect((await sh(reader, 'pwd; ls; touch x')).text).toMatch(
      /^\/code\ndeep\norders.ts\n.*Read-only/,
    )
    await using writer = await sandbox.open('readwrite', { mount: { ...mount, mode: 'readwrite' } })
    await sh(writer, 'rm -r deep; echo new > orders.ts')
    const patch = await writer.diff()
    expect(patch?.files.map(({ path, status }) => [path, status])).toEqual([
      ['src/deep/price.ts', 'deleted'],
      ['src/orders.ts', 'modified'],
    ])
  })

  test('a folder that the snapshot does not have is refused', async () => {
    for (const source of ['nowhere', '../..', '/etc']) {
      const mount = {
        snapshot: sandbox.snapshot,
        source,
        target: '/src',
        mode: 'readonly',
      } as const
      await expect(sandbox.open('readonly', { mount })).rejects.toMatchObject({
        code: 'pipeline-invalid',
      })
    }
  })

  test('a step without a mount has its scratch directory and no history', async () => {
    await using bare = await sandbox.open('readonly', { mount: undefined })
    expect((await sh(bare, 'pwd; ls -d /src /work/output 2>/dev/null')).text).toBe(
      '/work\n/work/output\n',
    )
    expect(await bare.history({ kind: 'log', max: 1 })).toMatchObject({ ok: false })
  })
})
