import * as fc from 'fast-check'
import { pack } from 'tar-stream'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { ArchiveRefused, ARTIFACT_CAPS, type ArchiveEntry, type ArchiveRules } from './archive.ts'
import { readArchive } from './collect.ts'

type Header = Parameters<ReturnType<typeof pack>['entry']>[0]
type Item = readonly [Header, (string | Buffer)?]

function archive(...items: Item[]): Promise<Buffer> {
  const writer = pack()
  for (const [header, content] of items) {
    if (content === undefined) writer.entry(header)
    else writer.entry(header, content)
  }
  writer.finalize()
  return buffer(Readable.from(writer))
}

const artifacts: ArchiveRules = { kind: 'artifacts', caps: ARTIFACT_CAPS }

async function read(bytes: Buffer, rules: ArchiveRules = artifacts): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = []
  for await (const entry of readArchive([bytes], rules)) entries.push(entry)
  return entries
}

async function problem(bytes: Buffer, rules: ArchiveRules = artifacts): Promise<string> {
  const [entry] = await Promise.allSettled([read(bytes, rules)])
  if (entry.status === 'fulfilled') throw new Error(`accepted: ${JSON.stringify(entry.value)}`)
  return entry.reason.problem
}

/** The header checksum, after a header was edited. */
function resum(bytes: Buffer): Buffer {
  bytes.fill(' ', 148, 156)
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}

test('AR-16 files come with their bytes; modes, owners and times are dropped', async () => {
  const odd = { mode: 0o7755, uid: 0, gid: 0 }
  const bytes = await archive(
    [{ name: 'out', type: 'directory' }],
    [{ name: 'out/report.md', ...odd }, 'text'],
    [{ name: './out/empty', mode: 0o644 }, ''],
  )
  expect(await read(bytes)).toEqual([
    { kind: 'directory', path: 'out' },
    { kind: 'file', path: 'out/report.md', executable: true, content: Buffer.from('text') },
    { kind: 'file', path: 'out/empty', executable: false, content: Buffer.alloc(0) },
  ])
})

test('the archive may come in pieces of any size', async () => {
  const content = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251))
  const bytes = await archive([{ name: 'a' }, content], [{ name: 'b' }, 'bb'])
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3000 }), async (size) => {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      )
      const entries: ArchiveEntry[] = []
      for await (const entry of readArchive(pieces, artifacts)) entries.push(entry)
      expect(entries).toMatchObject([{ content }, { content: Buffer.from('bb') }])
    }),
    { numRuns: 30 },
  )
})

test.each([
  ['AR-01 a symlink', { name: 'r', type: 'symlink', linkname: '/etc/shadow' }],
  ['AR-13 a hard link', { name: 'r', type: 'link', linkname: '/etc/shadow' }],
  ['AR-03 a named pipe', { name: 'r', type: 'fifo' }],
  ['AR-04 a block device', { name: 'r', type: 'block-device', devmajor: 8, devminor: 0 }],
  ['AR-04 a character device', { name: 'r', type: 'character-device', devmajor: 0, devminor: 0 }],
] as const)('%s is refused', async (_what, header) => {
  expect(await problem(await archive([header]))).toBe('bad-type')
})

test.each([
  ['AR-11', '../x'],
  ['AR-11', '/abs'],
  ['AR-11', 'a/../../x'],
  ['AR-11', 'a//b'],
  ['AR-11', `${'a/'.repeat(60)}../../x`],
  ['AR-08', 'new\nline'],
  ['AR-08', 'esc\u001b[2J'],
  ['AR-08', 'bidi\u202egpj.exe'],
  ['AR-08', 'zero\u200bwidth'],
  ['AR-08', 'back\\slash'],
  ['AR-08', '-rf'],
  ['AR-08', 'a/-rf'],
  ['AR-08', 'nfd-e\u0301'],
  ['AR-07', 'n'.repeat(3000)],
  ['AR-07', 'd/'.repeat(40) + 'x'],
])('%s the name %j is refused', async (_id, name) => {
  expect(await problem(await archive([{ name }, 'x']))).toBe('bad-name')
})

test('AR-08 a name that is not UTF-8 is refused', async () => {
  const bytes = await archive([{ name: 'abc' }, 'x'])
  bytes[1] = 0xff
  expect(await problem(resum(bytes))).toBe('bad-name')
})

test('a refused name is printed escaped', async () => {
  const bytes = await archive([{ name: 'esc\u001b[2J' }, 'x'])
  await expect(read(bytes)).rejects.toThrow('esc\\u001b[2J')
})

test.each([
  ['A', 'a'],
  ['stra\u00dfe', 'STRA\u00dfE'],
  ['p', 'p/q'],
  ['Dir/x', 'dir/y'],
  ['same', 'same'],
])('AR-10 %j beside %j is a collision', async (first, second) => {
  const bytes = await archive([{ name: first }, 'x'], [{ name: second }, 'x'])
  expect(await problem(bytes)).toBe('name-collision')
})

test('AR-14 a truncated archive is refused, wherever it was cut', async () => {
  const bytes = await archive([{ name: 'a' }, 'x'.repeat(1500)], [{ name: 'b' }, 'y'])
  for (const length of [
    0,
    1,
    511,
    512,
    700,
    2047,
    2048,
    2560,
    bytes.length - 1024,
    bytes.length - 1,
  ]) {
    expect([length, await problem(bytes.subarray(0, length))]).toEqual([length, 'damaged'])
  }
})

test('AR-14 a bad checksum is refused', async () => {
  const bytes = await archive([{ name: 'a' }, 'x'])
  bytes[0] = 0x62
  expect(await problem(bytes)).toBe('damaged')
})

test('AR-14 a size beyond the cap is refused before anything is read', async () => {
  const bytes = await archive([{ name: 'a' }, 'x'.repeat(512)])
  bytes.write('77777777777\0', 124, 'latin1')
  expect(await problem(resum(bytes))).toBe('too-large')
})

test('AR-15 a huge extended header is refused', async () => {
  const bytes = await archive([{ name: 'a'.repeat(300) }, 'x'])
  const body = Buffer.alloc(50 * 2 ** 20, 'a')
  const header = Buffer.from(bytes.subarray(0, 512))
  header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  expect(await problem(Buffer.concat([resum(header), body, bytes]))).toBe('damaged')
})

test('AR-07 the number of entries and the total size are capped', async () => {
  const many = Array.from({ length: 2001 }, (_, index): Item => [{ name: `f${index}` }, ''])
  expect(await problem(await archive(...many))).toBe('too-many-entries')
  const rules = { ...artifacts, caps: { ...ARTIFACT_CAPS, maxEntries: 1, maxTotalBytes: 1000 } }
  const large = await archive([{ name: 'a' }, Buffer.alloc(100_000)])
  expect(await problem(large, rules)).toBe('too-large')
})

test('whatever an archive holds, reading it ends in entries or in a refusal', async () => {
  const valid = await archive([{ name: 'a' }, 'x'.repeat(700)], [{ name: 'b'.repeat(200) }, 'y'])
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      async (edits) => {
        const bytes = Buffer.from(valid)
        for (const [at, value] of edits) bytes[at] = value
        const [outcome] = await Promise.allSettled([read(bytes)])
        const failure: unknown = outcome.status === 'rejected' ? outcome.reason : undefined
        expect(failure === undefined || failure instanceof ArchiveRefused).toBe(true)
      },
    ),
    { numRuns: 150 },
  )
})

async function* failing(): AsyncGenerator<Buffer> {
  yield (await archive([{ name: 'a' }, 'x'])).subarray(0, 512)
  throw new Error('connection lost')
}

test('a source that fails or a reader that stops early ends both sides', async () => {
  await expect(async () => {
    for await (const entry of readArchive(failing(), artifacts)) expect(entry).toBeDefined()
  }).rejects.toMatchObject({ problem: 'damaged' })

  let ended = false
  async function* endless(): AsyncGenerator<Buffer> {
    try {
      yield (await archive([{ name: 'a' }, 'x'])).subarray(0, 1024)
      for (;;) yield Buffer.alloc(65_536)
    } finally {
      ended = true
    }
  }
  for await (const entry of readArchive(endless(), artifacts)) if (entry.path === 'a') break
  expect(ended).toBe(true)
})

test('a write layer may hold links and deletions, and known names of any kind', async () => {
  const bytes = await archive(
    [{ name: 'odd\\name' }, 'x'],
    [{ name: 'gone', type: 'character-device', devmajor: 0, devminor: 0 }],
    [{ name: 'link', type: 'symlink', linkname: '../elsewhere' }],
  )
  const layer: ArchiveRules = {
    kind: 'layer',
    caps: ARTIFACT_CAPS,
    isKnown: (path) => path === 'odd\\name',
  }
  expect(await read(bytes, layer)).toEqual([
    { kind: 'file', path: 'odd\\name', executable: false, content: Buffer.from('x') },
    { kind: 'deleted', path: 'gone' },
    { kind: 'link', path: 'link', target: '../elsewhere' },
  ])
  const device = await archive([
    { name: 'mem', type: 'character-device', devmajor: 1, devminor: 1 },
  ])
  expect(await problem(device, layer)).toBe('bad-type')
})

test('a write layer may hold one deletion under several names, and no other hard link', async () => {
  const layer: ArchiveRules = { kind: 'layer', caps: ARTIFACT_CAPS }
  const gone: Item = [{ name: './gone', type: 'character-device', devmajor: 0, devminor: 0 }]
  const again: Item = [{ name: './also/gone', type: 'link', linkname: './gone' }]
  expect(await read(await archive(gone, again), layer)).toEqual([
    { kind: 'deleted', path: 'gone' },
    { kind: 'deleted', path: 'also/gone' },
  ])
  expect(await problem(await archive(again, gone), layer)).toBe('bad-type')
  expect(await problem(await archive([{ name: 'gone' }, 'x'], again), layer)).toBe('bad-type')
  expect(await problem(await archive(gone, again), artifacts)).toBe('bad-type')
})

test('AR-08 an archive that is refused while more of it is on its way ends at once', async () => {
  const bytes = await archive([{ name: 'bad\nname' }, 'x'], [{ name: 'b' }, 'bb'])
  async function* slowly(): AsyncGenerator<Buffer> {
    yield bytes.subarray(0, 512)
    // By then the reader has refused it, and is gone.
    await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))))
    yield bytes.subarray(512)
  }
  const reading = (async () => {
    for await (const entry of readArchive(slowly(), artifacts)) expect(entry).toBeDefined()
  })()
  await expect(reading).rejects.toMatchObject({ problem: 'bad-name' })
})

test('an archive of many chunks leaves no listeners behind', async () => {
  const items = Array.from({ length: 200 }, (_, at): Item => [{ name: `f${at}` }, 'x'.repeat(5000)])
  const bytes = await archive(...items)
  const pieces = Array.from({ length: Math.ceil(bytes.length / 20_000) }, (_, at) =>
    bytes.subarray(at * 20_000, (at + 1) * 20_000),
  )
  const warnings: Error[] = []
  const note = (warned: Error) => void warnings.push(warned)
  process.on('warning', note)
  try {
    for await (const entry of readArchive(pieces, artifacts)) expect(entry.kind).toBe('file')
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.off('warning', note)
  }
  expect(warnings).toEqual([])
})

test('entries of a write layer that are odd and new are left out, and the rest is read', async () => {
  const bytes = await archive(
    [{ name: 'pipe', type: 'fifo' }],
    [{ name: '-rf' }, 'x'.repeat(3000)],
    [{ name: 'ok' }, 'x'],
  )
  const leftOut: string[][] = []
  const leaveOut = (path: string, because: string) => void leftOut.push([path, because])
  const layer: ArchiveRules = { kind: 'layer', caps: ARTIFACT_CAPS, leaveOut }
  expect((await read(bytes, layer)).map(({ path }) => path)).toEqual(['ok'])
  expect(leftOut).toEqual([
    ['pipe', 'is a fifo, not a regular file'],
    ['-rf', 'has a component that starts with "-"'],
  ])
  // In the place of something that was there it cannot be left out.
  expect(await problem(bytes, { ...layer, isKnown: (path) => path === 'pipe' })).toBe('bad-type')
})
