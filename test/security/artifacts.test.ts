/** What a sandbox leaves as its results: hostile archives to their reader, hostile files to `collect` and `diff`. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FileArtifactStore } from '../../packages/core/src/artifact/store.ts'
import { WorkspaceLost, type Workspace } from '../../packages/core/src/index.ts'
import {
  ARTIFACT_CAPS,
  ArchiveRefused,
  type ArchiveEntry,
} from '../../packages/workspace/src/archive.ts'
import { succeed } from '../../packages/core/src/testing/rig.ts'
import {
  artifactYaml,
  pipelineYaml,
  promptYaml,
  runYaml,
} from '../../packages/core/src/testing/yaml-run.ts'
import { readArchive } from '../../packages/workspace/src/collect.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, sh, type Sandbox } from '../support/sandbox.ts'
import { validateAt } from '../support/validate.ts'
import { killContainer } from './support/run-steps.ts'
import { extended, tar, tarEntry } from './support/tar.ts'

const MIB = 2 ** 20
const EXTENDED = { name: 'short', content: 'x' }

/** What the reader makes of it; anything but entries and its own refusal is thrown. */
async function outcomeOf(bytes: Iterable<Uint8Array>): Promise<readonly ArchiveEntry[] | string> {
  const entries: ArchiveEntry[] = []
  try {
    const rules = { kind: 'artifacts', caps: ARTIFACT_CAPS } as const
    for await (const entry of readArchive(bytes, rules)) entries.push(entry)
    return entries
  } catch (cause) {
    if (cause instanceof ArchiveRefused) return cause.problem
    throw cause
  }
}

describe('an archive from a sandbox', () => {
  test.each<[string, Buffer, string]>([
    ['AR-01 with a link', tar({ name: 'r', type: '2', linkname: '/etc/shadow' }), 'bad-type'],
    ['AR-03 with a pipe', tar({ name: 'r', type: '6' }), 'bad-type'],
    ['AR-04 with a character device', tar({ name: 'r', type: '3' }), 'bad-type'],
    ['AR-04 with a disk', tar({ name: 'r', type: '4' }), 'bad-type'],
    ['AR-06 with a file of 1 TB', tar({ name: 'r', claimedBytes: 2 ** 40 }), 'too-large'],
    ['AR-06 with a sparse file', tar({ name: 'r', type: 'S', content: 'x' }), 'bad-type'],
    [
      'AR-06 with a size of 1 TB in an extended header',
      extended({ size: String(2 ** 40) }, EXTENDED),
      'too-large',
    ],
    [
      'AR-07 with a path of 1,000 levels',
      extended({ path: `${'d/'.repeat(1000)}x` }, EXTENDED),
      'bad-name',
    ],
    [
      'AR-07 with a path of 40 levels',
      extended({ path: `${'d/'.repeat(40)}x` }, EXTENDED),
      'bad-name',
    ],
    [
      'AR-07 with a name of 3,000 characters',
      extended({ path: 'n'.repeat(3000) }, EXTENDED),
      'bad-name',
    ],
    ['AR-08 with a line break', tar({ name: 'a\nb' }), 'bad-name'],
    ['AR-08 with an escape sequence', tar({ name: 'a\u001b[2Jb' }), 'bad-name'],
    ['AR-08 with text from right to left', tar({ name: 'a\u202eb' }), 'bad-name'],
    ['AR-08 with NUL in an extended header', extended({ path: 'a\0b' }, EXTENDED), 'bad-name'],
    ['AR-08 with a backslash', tar({ name: 'a\\b' }), 'bad-name'],
    ['AR-08 with a hyphen in front', tar({ name: '-rf' }), 'bad-name'],
    ['AR-10 with A beside a', tar({ name: 'A' }, { name: 'a' }), 'name-collision'],
    ['AR-10 with a decomposed name', tar({ name: 'e\u0301' }), 'bad-name'],
    [
      'AR-10 with a file that is a folder, too',
      tar({ name: 'p' }, { name: 'p/q' }),
      'name-collision',
    ],
    ['AR-10 with one name twice', tar({ name: 'p' }, { name: 'p' }), 'name-collision'],
    ['AR-11 with ../x', tar({ name: '../x' }), 'bad-name'],
    ['AR-11 with /abs', tar({ name: '/abs' }), 'bad-name'],
    ['AR-11 with ../ in an extended header', extended({ path: '../x' }, EXTENDED), 'bad-name'],
    [
      'AR-11 with ../ in a long name',
      tar({ name: 'L', type: 'L', content: `${'a'.repeat(120)}/../../x\0` }, EXTENDED),
      'bad-name',
    ],
    ['AR-14 cut off', tar({ name: 'a', content: 'x'.repeat(1500) }).subarray(0, 1200), 'damaged'],
    ['AR-14 without its end', Buffer.concat(tarEntry({ name: 'a', content: 'x' })), 'damaged'],
    ['AR-14 of nothing', Buffer.alloc(0), 'damaged'],
    [
      'AR-14 that claims 8 GiB for 512 bytes',
      tar({ name: 'a', content: 'x'.repeat(512), claimedBytes: 8 * 2 ** 30 }),
      'too-large',
    ],
    [
      'AR-14 that claims more than comes',
      tar({ name: 'a', content: 'x', claimedBytes: MIB }),
      'damaged',
    ],
    [
      'AR-15 with an extended header of 50 MB',
      extended({ comment: 'x'.repeat(50 * MIB) }, EXTENDED),
      'damaged',
    ],
  ])('%s is refused', async (_what, bytes, problem) => {
    const started = performance.now()
    expect(await outcomeOf([bytes])).toBe(problem)
    expect(performance.now() - started).toBeLessThan(3000)
  })

  test('AR-11 with ../ in an extended header for all entries does not name any', async () => {
    const bytes = extended({ path: '../x' }, EXTENDED, 'g')
    expect(await outcomeOf([bytes])).toMatchObject([{ kind: 'file', path: 'short' }])
  })

  test('AR-14 with a wrong checksum is refused', async () => {
    const bytes = tar({ name: 'a', content: 'x' })
    bytes.write('b', 0)
    expect(await outcomeOf([bytes])).toBe('damaged')
  })

  test('AR-06 that goes on for a terabyte is given up at the cap', async () => {
    let readBytes = 0
    function* endless(): Generator<Uint8Array> {
      yield* tarEntry({ name: 'small', content: 'x' })
      for (let index = 0; ; index += 1) {
        const piece = Buffer.concat(tarEntry({ name: `f${index}`, content: Buffer.alloc(MIB) }))
        readBytes += piece.length
        yield piece
      }
    }
    expect(await outcomeOf(endless())).toBe('too-large')
    expect(readBytes).toBeLessThan(80 * MIB)
  })

  test('AR-07 with 100,000 files is given up at the cap', async () => {
    let written = 0
    function* many(): Generator<Uint8Array> {
      for (; written < 100_000; written += 1) yield* tarEntry({ name: `f${written}` })
    }
    expect(await outcomeOf(many())).toBe('too-many-entries')
    expect(written).toBeLessThan(3000)
  })

  test('AR-13 with a hard link to a file of the host, then other content for it, changes nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wave-victim-'))
    const victim = join(folder, 'victim')
    writeFileSync(victim, 'whole')
    for (const type of ['1', '2']) {
      const link = { name: 'r', type, linkname: victim }
      expect(await outcomeOf([tar(link, { name: 'r', content: 'broken' })])).toBe('bad-type')
    }
    expect(readFileSync(victim, 'utf8')).toBe('whole')
    rmSync(folder, { recursive: true })
  })

  test('AR-17 a pipeline cannot declare an artifact outside of the scratch directory', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wave-declared-'))
    const paths = ['/tmp/r.md', '../tmp/r.md', 'output/../../tmp/r.md']
    writeFileSync(
      join(folder, 'x.yaml'),
      `metadata: {name: x}\nsteps:\n${paths.map(stepLine).join('')}`,
    )
    const { exitCode, text } = await validateAt(folder, ['./x.yaml'])
    expect(exitCode).toBe(2)
    expect(text.match(/x\.yaml:[345]:\d+/g)).toHaveLength(paths.length)
    rmSync(folder, { recursive: true })
  })
})

function noteStep(id: string): string {
  return promptYaml(id, artifactYaml('note', 'txt'))
}

function stepLine(path: string, index: number): string {
  return `  - {id: s${index}, persona: navigator, exec: {source: x}, output_artifacts: [{name: r, path: ${path}}]}\n`
}

/** Control characters, and those that turn text around. */
const UNPRINTABLE = /\p{Cc}|\p{Cf}/u

test('AR-24 artifacts of one name in two steps are two, and equal ones are stored once', async () => {
  const say: Readonly<Record<string, string>> = { one: 'first', two: 'second', three: 'first' }
  const steps = Object.keys(say)
  const { state, read } = await runYaml(pipelineYaml(steps.map(noteStep).join('')), (context) =>
    succeed({ note: say[context.planned.step.id] ?? '' }),
  )
  expect(steps.map((id) => read(id))).toEqual(['first', 'second', 'first'])
  const digests = steps.map((id) => state.steps.get(id)?.artifacts[0]?.digest)
  expect(digests[0]).toBe(digests[2])
  expect(new Set(digests).size).toBe(2)
})

describeDocker('collecting from a sandbox', () => {
  let sandbox: Sandbox
  let workspace: Workspace
  let writable: Workspace

  beforeAll(async () => {
    sandbox = await openSandbox()
    workspace = await sandbox.open('readonly')
    writable = await sandbox.open('readwrite')
  })
  afterAll(async () => {
    await workspace?.[Symbol.asyncDispose]()
    await writable?.[Symbol.asyncDispose]()
    await sandbox?.[Symbol.asyncDispose]()
  })

  test('a file below /work is collected byte for byte', async () => {
    await sh(workspace, "printf 'a\\0b\\r\\n' > /work/output/report.md; : > /work/output/empty")
    const report = { found: true, content: Buffer.from('a\0b\r\n') }
    expect(await workspace.collect('/work/output/report.md')).toEqual(report)
    expect(await workspace.collect('output/report.md')).toEqual(report)
    expect(await workspace.collect('output/empty')).toEqual({
      found: true,
      content: Buffer.alloc(0),
    })
  })

  test('a file that is not there is missing', async () => {
    expect(await workspace.collect('/work/output/none.md')).toMatchObject({
      found: false,
      problem: 'missing',
    })
  })

  test.each([
    ['AR-01 a link to a file of the system', 'ln -s /etc/shadow $r', 'symlink'],
    ['AR-01 a link to a good file', 'echo x > /work/x; ln -s /work/x $r', 'symlink'],
    ['AR-01 a dangling link', 'ln -s nowhere $r', 'symlink'],
    ['AR-03 a named pipe', 'mkfifo $r', 'fifo'],
    [
      'AR-01 a path through a link',
      'ln -s /etc /work/output/linked',
      'lies behind a link',
      'linked/passwd',
    ],
    ['AR-04 a device that anybody may make', 'mknod $r c 0 0', 'character-device'],
    [
      'a socket',
      `python3 -c 'import socket; socket.socket(1).bind("/work/output/report")'`,
      'report',
    ],
    ['a directory', 'mkdir $r', 'not a regular file'],
    ['a file that nobody may read', 'echo x > $r; chmod 0 $r', 'cannot be read'],
    ['AR-06 a file beyond the cap', 'truncate -s 40M $r', 'larger than'],
    [
      'AR-07 a directory of 7,000 files',
      'mkdir $r; cd $r; seq 7000 | xargs touch',
      'not a regular file',
    ],
  ])('%s is refused at once', async (_what, script, said, name = 'report') => {
    await sh(workspace, `rm -rf /work/output/*; r=/work/output/report; ${script}`)
    const started = performance.now()
    expect(await workspace.collect(`/work/output/${name}`)).toMatchObject({
      found: false,
      problem: 'refused',
      message: expect.stringContaining(said),
    })
    expect(performance.now() - started).toBeLessThan(6000)
  })

  test('AR-04 the scratch directory can hold no disk', async () => {
    await sh(workspace, 'mknod /work/output/disk b 254 0')
    expect(await workspace.collect('/work/output/disk')).toMatchObject({ problem: 'missing' })
  })

  test('AR-06 a file as large as may be, all holes, is collected as what it is', async () => {
    await sh(workspace, 'rm -rf /work/output/*; truncate -s 32M /work/output/holes')
    const collected = await workspace.collect('output/holes')
    expect(collected.found && Buffer.compare(collected.content, Buffer.alloc(32 * MIB)) === 0).toBe(
      true,
    )
  })

  test.each(['/etc/passwd', '../etc/passwd', '/src/README.md', '/work', '/work/../etc/passwd'])(
    '%s is not below /work and refused',
    async (path) => {
      expect(await workspace.collect(path)).toMatchObject({ found: false, problem: 'refused' })
    },
  )

  test.each(['/tmp/report', '/dev/shm/report', '/work/../tmp/report'])(
    'AR-17 %s is not taken, although it is there',
    async (path) => {
      await sh(workspace, `echo x > ${path}`)
      expect(await workspace.collect(path)).toMatchObject({ found: false, problem: 'refused' })
    },
  )

  test('AR-16 of odd mode bits nothing is left in the store', async () => {
    await sh(workspace, 'rm -rf /work/output/*; echo x > /work/output/r; chmod 7777 /work/output/r')
    const collected = await workspace.collect('output/r')
    expect(collected).toEqual({ found: true, content: Buffer.from('x\n') })
    const folder = mkdtempSync(join(tmpdir(), 'wave-store-'))
    const store = new FileArtifactStore(folder)
    const { mode, uid, nlink } = statSync(
      store.pathOf(store.put(collected.found ? collected.content : Buffer.alloc(0))),
    )
    expect([mode & 0o7777, uid, nlink]).toEqual([0o600, process.getuid?.(), 1])
    rmSync(folder, { recursive: true })
  })

  test.each(["$'a\\nb'", "$'a\\eb'", "$'a\\u202eb'", "'a\\b'", '-- -rf'])(
    'AR-08 the name %s is not collected, and printed escaped',
    async (quoted) => {
      await sh(workspace, `cd /work/output; rm -rf ./*; touch ${quoted}`)
      const listed = await workspace.list('/work/output')
      const [path = ''] = listed.ok ? listed.value.map((entry) => entry.path) : []
      expect(path).toMatch(/^\/work\/output\/./)
      const collected = await workspace.collect(path)
      expect(collected).toMatchObject({ found: false, problem: 'refused' })
      expect(collected.found ? '' : collected.message).not.toMatch(UNPRINTABLE)
    },
  )

  test.each([
    ['AR-08 a line break in a new name', "touch $'new\\nline'", 'new\nline'],
    ['AR-08 an escape sequence in a new name', "touch $'new\\e[2J'", 'new\u{1b}[2J'],
    ['AR-08 text from right to left in a new name', "touch $'new\\u202ename'", 'new\u{202e}name'],
    ['AR-08 a hyphen in front of a new name', 'touch ./-rf', '-rf'],
    ['AR-03 a pipe in the tree', 'mkfifo src/pipe', 'src/pipe'],
  ])('%s is left out, told, and costs nothing else', async (_what, script, path) => {
    await using own = await sandbox.open('readwrite')
    await sh(own, `cd /src; echo 2 > kept; ${script}`)
    const patch = await own.diff()
    const files = patch?.files.map((file) => `${file.verdict} ${file.path}`)
    expect(new Set(files)).toEqual(new Set(['plain kept', `rejected ${path}`]))
    for (const { because = '' } of patch?.files ?? []) expect(because).not.toMatch(UNPRINTABLE)
    expect(Buffer.from(patch?.text ?? []).toString()).not.toContain(path)
  })

  test('AR-07 what lies too deep in new folders is left out', async () => {
    await using own = await sandbox.open('readwrite')
    await sh(own, 'cd /src; for i in $(seq 80); do mkdir d; cd d; done; touch x')
    const patch = await own.diff()
    expect(patch?.files.map(({ verdict }) => verdict)).toContain('rejected')
    expect(patch?.text.length).toBe(0)
  })

  test('AR-10 of a name composed and decomposed, the decomposed one is left out', async () => {
    await using own = await sandbox.open('readwrite')
    await sh(own, "cd /src; touch $'\\u00e9' $'e\\u0301'")
    const files = (await own.diff())?.files.map(({ path, verdict }) => `${verdict} ${path}`)
    expect(new Set(files)).toEqual(new Set(['rejected e\u0301', 'plain \u00e9']))
  })

  test.each([
    ['AR-10 two names that are one elsewhere', 'touch New new', /collides/],
    [
      'AR-06 holes of more than the whole layer may hold',
      'for i in $(seq 8); do truncate -s 49M h$i; done',
      /bytes/,
    ],
  ])(
    '%s: the changes are refused, and the reason is fit to print',
    async (_what, script, reason) => {
      await using own = await sandbox.open('readwrite')
      await sh(own, `cd /src; ${script}`)
      const refused: unknown = await own.diff().catch((cause: unknown) => cause)
      expect(refused).toMatchObject({
        name: 'ChangesRefused',
        message: expect.stringMatching(reason),
      })
      expect(String(refused)).not.toMatch(UNPRINTABLE)
    },
  )

  test('AR-01 a link in the tree is proposed as rejected; what it points to is not read', async () => {
    await using own = await sandbox.open('readwrite')
    await sh(own, 'ln -s /etc/shadow report; ln -s ../../../../etc/passwd src/up')
    const patch = await own.diff()
    expect(patch?.files.map(({ path, verdict }) => [path, verdict])).toEqual([
      ['report', 'rejected'],
      ['src/up', 'rejected'],
    ])
    expect(Buffer.from(patch?.text ?? []).toString()).not.toContain('root:')
  })

  test('AR-16 a setuid program in the tree is proposed as a plain one', async () => {
    await using own = await sandbox.open('readwrite')
    await sh(own, 'cp /bin/true tool; chmod 6755 tool; chmod 4644 README.md')
    const patch = await own.diff()
    expect(
      Buffer.from(patch?.text ?? [])
        .toString('latin1')
        .match(/mode \d+/g),
    ).toEqual(['mode 100755'])
  })

  test('AR-18 collecting from a container that is gone is an error, never empty', async () => {
    for (const end of ['kill', 'remove'] as const) {
      const own = await sandbox.open('readwrite', { step: `gone-${end}` })
      await sh(own, 'echo x > /work/output/report; echo x > new')
      await killContainer(sandbox, `gone-${end}`)
      await expect(own.collect('output/report')).rejects.toBeInstanceOf(WorkspaceLost)
      await own[Symbol.asyncDispose]()
    }
  })

  test('AR-18 a write layer that is gone is an error, never "nothing changed"', async () => {
    await using own = await sandbox.open('readwrite', { step: 'layer' })
    await sh(own, 'echo x > new')
    await killContainer(sandbox, 'layer', '-keeper')
    await expect(own.diff()).rejects.toBeInstanceOf(Error)
  })

  test('what still runs is ended first, so that nothing changes while it is read', async () => {
    await sh(workspace, '(while :; do date > /work/output/busy; done) >/dev/null 2>&1 &')
    await workspace.collect('output/busy')
    const { text } = await sh(workspace, 'cat /proc/[0-9]*/comm | sort | uniq -c')
    expect(text).not.toContain('date')
  })
})
