import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { takeLock } from '../../packages/core/src/index.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EVERY_EVENT } from '../../packages/cli/src/testing/every-event.ts'
import { type CliResult, Sandbox } from '../support/cli.ts'
import { writeRun } from '../support/journal.ts'
import { DANGEROUS, TERMINAL_ATTACKS } from '../support/terminal-attacks.ts'

const SYMPTOM = 'TypeError: Cannot read properties of undefined at total (src/orders.js:2:16)'
const RUN = ['run', 'incident-response', '--provider', 'evidence', '--inconclusive-ok']

/** One project with one run in it, for all tests: each puts back what it changed. */
let sandbox: Sandbox
let run = ''

beforeAll(async () => {
  sandbox = new Sandbox()
  sandbox.write('src/orders.js', 'export const total = (order) =>\n  (order.items ?? []).length\n')
  sandbox.initGit()
  sandbox.write('src/orders.js', 'export const total = (order) =>\n  order.items.length\n')
  sandbox.commit('Simplify total')
  sandbox.write('src/other.js', 'export const more = 1\n')
  await sandbox.wave([...RUN, SYMPTOM])
  run = runs()[0] ?? ''
}, 60_000)

afterAll(() => sandbox[Symbol.dispose]())

function runs(): readonly string[] {
  const entries = readdirSync(join(sandbox.project, '.wave/runs'), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

function inRun(...names: readonly string[]): string {
  return join(sandbox.project, '.wave/runs', run, ...names)
}

interface Verified {
  readonly verified: boolean
  readonly checks: readonly {
    readonly name: string
    readonly level: string
    readonly message: string
  }[]
}

/** Also that nothing was changed by looking. */
async function verify(): Promise<Verified & { readonly exitCode: number | undefined }> {
  const before = sandbox.fingerprint()
  const { exitCode, stdout } = await sandbox.wave(['verify', run, '--json'])
  expect(sandbox.fingerprint()).toEqual(before)
  const read: Verified = JSON.parse(stdout)
  return { ...read, exitCode }
}

function levels({ checks }: Verified): readonly string[] {
  return [...new Set(checks.map(({ name, level }) => `${name} ${level}`))]
}

/** While the file holds other bytes, or none at all. */
async function whileChanged<T>(
  path: string,
  change: (bytes: Buffer) => Buffer | undefined,
  look: () => Promise<T>,
): Promise<T> {
  const before = readFileSync(path)
  const after = change(Buffer.from(before))
  if (after === undefined) rmSync(path)
  else writeFileSync(path, after)
  try {
    return await look()
  } finally {
    writeFileSync(path, before, { mode: 0o600 })
  }
}

function flip(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes
}

function withoutRecord(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString().split('\n').toSpliced(4, 1).join('\n'))
}

/** As a crash leaves it in the middle of a write. */
function cutOff(bytes: Buffer): Buffer {
  return bytes.subarray(0, -10)
}

/** Whole records only. */
function firstHalf(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.indexOf('\n', bytes.length / 2) + 1)
}

function aBlob(): string {
  const shard = readdirSync(inRun('store'))[0] ?? ''
  return inRun('store', shard, readdirSync(inRun('store', shard))[0] ?? '')
}

const SOUND = ['journal ok', 'store ok', 'delivered ok', 'tree ok', 'citations ok']

describe('verify', () => {
  test('a run that nobody touched verifies, with its citations', async () => {
    const found = await verify()
    expect(levels(found).filter((line) => line !== 'frozen ok')).toEqual(SOUND)
    expect(found).toMatchObject({ exitCode: 0, verified: true })
    expect(found.checks.filter(({ name }) => name === 'citations').length).toBeGreaterThan(1)
    const text = await sandbox.wave(['verify', 'last'])
    expect(text.stdout).toMatch(
      /\nok {4} citations {2}output\/incident-report\.md of postmortem: \d+ citations?: /u,
    )
    expect(text.stdout).toContain(`\nRun ${run} verifies.\n`)
  })

  test('the citations hold against the tree of the run, whatever the files are by now', async () => {
    const path = join(sandbox.project, 'src/orders.js')
    const found = await whileChanged(path, () => Buffer.from('all gone\n'), verify)
    expect(found).toMatchObject({ exitCode: 0, verified: true })
  })

  test('one changed byte in the journal is found, wherever it is', async () => {
    const size = readFileSync(inRun('journal.jsonl')).length
    for (const at of [3, 500, Math.floor(size / 2)]) {
      const found = await whileChanged(inRun('journal.jsonl'), (bytes) => flip(bytes, at), verify)
      expect([at, found.exitCode, levels(found)]).toEqual([at, 4, ['journal error']])
    }
  })

  test('a record that is taken out, with all others whole, breaks the chain', async () => {
    const found = await whileChanged(inRun('journal.jsonl'), withoutRecord, verify)
    expect(found.exitCode).toBe(4)
    expect(found.checks[0]?.message).toContain('does not follow')
  })

  test('one changed byte in a stored content, and one that is missing, are found with who names them', async () => {
    const changed = await whileChanged(aBlob(), (bytes) => flip(bytes, 0), verify)
    expect([changed.exitCode, levels(changed)]).toEqual([
      4,
      expect.arrayContaining(['store error']),
    ])
    expect(changed.checks.find(({ name }) => name === 'store')?.message).toMatch(
      /^1 of \d+ contents: [0-9a-f]{12}, named by record \d+ \(.*\), was changed\.$/u,
    )
    const gone = await whileChanged(aBlob(), () => undefined, verify)
    expect(gone.exitCode).toBe(4)
    expect(gone.checks.find(({ name }) => name === 'store')?.message).toContain(', is missing.')
  })

  test('a delivered file that was changed or removed is noted: it is the user’s', async () => {
    const path = join(sandbox.project, 'output/incident-report.md')
    for (const change of [() => Buffer.from('mine now\n'), () => undefined]) {
      const found = await whileChanged(path, change, verify)
      expect(found.exitCode).toBe(0)
      expect(levels(found)).toContain('delivered note')
    }
  })

  test('a record that a crash cut off is noted and left; copies of such are named', async () => {
    writeFileSync(inRun('journal.torn-1'), 'x')
    const found = await whileChanged(inRun('journal.jsonl'), cutOff, verify)
    rmSync(inRun('journal.torn-1'))
    expect(found.exitCode).toBe(0)
    expect(found.checks.map(({ message }) => message).join('\n')).toMatch(
      /cut off, and can be resumed[^]*of an unfinished record[^]*set aside, unread since: journal\.torn-1/u,
    )
  })

  test('a run that is under way is looked at as far as it is, without its lock', async () => {
    using _ = takeLock(inRun())
    const found = await whileChanged(inRun('journal.jsonl'), firstHalf, verify)
    expect(found.exitCode).toBe(0)
    expect(found.checks[0]?.message).toBe(
      `It is under way (process ${process.pid}): what is there so far was looked at.`,
    )
  })

  test('objects of the frozen tree that are gone are told, and no error', async () => {
    renameSync(sandbox.home, `${sandbox.home}.away`)
    try {
      const found = await verify()
      expect(found.exitCode).toBe(0)
      expect(found.checks.find(({ name }) => name === 'tree')).toMatchObject({
        level: 'note',
        message: expect.stringMatching(
          /are gone\. The citations of \d documents were not checked/u,
        ),
      })
    } finally {
      rmSync(sandbox.home, { recursive: true, force: true })
      renameSync(`${sandbox.home}.away`, sandbox.home)
    }
  })

  test('a link in the store is not followed', async () => {
    const blob = aBlob()
    renameSync(blob, `${blob}.away`)
    symlinkSync(`${blob}.away`, blob)
    const found = await verify()
    rmSync(blob)
    renameSync(`${blob}.away`, blob)
    expect(found.exitCode).toBe(4)
  })
})

describe('audit', () => {
  test('the trail is a table of what the journal says, and the same as JSON', async () => {
    const { stdout, exitCode } = await sandbox.wave(['audit', run])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('\n| # | time | who | what | with | made | result |\n')
    expect(stdout).toMatch(/\| wave \| delivered output\/incident-report\.md /u)
    const { stdout: json } = await sandbox.wave(['audit', run, '--json'])
    expect(JSON.parse(json)).toMatchObject({ v: 1, run, pipeline: 'incident-response' })
    expect(stdout).not.toContain(SYMPTOM)
    expect(readFileSync(inRun('audit.md'), 'utf8')).toBe(stdout)
    expect(readFileSync(inRun('audit.json'), 'utf8')).toBe(json)
    expect(readdirSync(join(sandbox.project, 'output')).join()).not.toContain('audit')
  })
})

describe('diff', () => {
  test('a run does not differ from itself', async () => {
    const { stdout, exitCode } = await sandbox.wave(['diff', run, run])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(
      /^Input: 0 of \d+ differ\n\nOutcome: 0 of \d+ differ\n\nSteps: 0 of 5 differ\n$/u,
    )
  })

  test('two runs differ in what went in, by name, and in what came of it', async () => {
    sandbox.write('src/other.js', 'export const more = 2\n')
    sandbox.write('src/new.js', 'export const next = 3\n')
    const other: CliResult = await sandbox.wave([...RUN, `${SYMPTOM} again`])
    expect(other.exitCode).toBe(0)
    const second = runs().find((id) => id !== run) ?? ''
    const { stdout } = await sandbox.wave(['diff', run, second])
    expect(stdout).toMatch(
      /\n {2}input {2}[0-9a-f]{12} \(76 bytes\) -> [0-9a-f]{12} \(82 bytes\)\n/u,
    )
    expect(stdout).toMatch(
      /\n {2}tree {2}[0-9a-f]{12} -> [0-9a-f]{12}\n {4}2 files differ\n {4}added src\/new\.js\n {4}modified src\/other\.js\n/u,
    )
    expect(stdout).not.toMatch(/ {2}(?:pipeline file|wave|commit) {2}/u)
    expect(stdout).toMatch(/\ntriage\n(?: {2}.*\n)* {2}artifact triage {2}/u)
    const { stdout: json } = await sandbox.wave(['diff', run, second, '--json'])
    const found: { components: readonly { name: string; same: boolean }[] } = JSON.parse(json)
    expect(found).toMatchObject({ v: 1, left: run, right: second })
    const differing = found.components.filter(({ same }) => !same).map(({ name }) => name)
    expect(differing).toEqual(['input', 'tree'])
    expect(stdout).not.toContain('Contents')
    const { stdout: shown } = await sandbox.wave(['diff', run, second, '--content'])
    expect(shown.slice(0, stdout.length)).toBe(stdout)
    expect(shown.slice(stdout.length)).toMatch(
      /^\nContents:\n\ntriage, artifact triage\n@@ -\d+,\d+ \+\d+,\d+ @@\n(?:[ +-].*\n)*-.*\n\+.*again.*\n/u,
    )
  })

  test('the lines that differ do nothing to a terminal, and what cannot be read does not hide the rest', async () => {
    const { 'run-started': start, 'step-succeeded': success } = EVERY_EVENT
    const attack = Object.values(TERMINAL_ATTACKS).join('')
    const write = (id: string, texts: readonly (string | undefined)[]): void => {
      const artifacts = texts.map((text, at) => {
        const digest = createHash('sha256')
          .update(text ?? id)
          .digest('hex')
        const sizeBytes = Buffer.byteLength(text ?? id)
        const file = `.wave/runs/${id}/store/${digest.slice(0, 2)}/${digest}`
        if (text !== undefined) place.write(file, text)
        return { digest, sizeBytes, name: `n${at}`, path: `n${at}`, type: 'text' } as const
      })
      writeRun(place.project, id, [
        { ...start, run: id },
        { ...success, artifacts },
      ])
    }
    using place = new Sandbox()
    write('r1', [`same\n${attack}\nold`, undefined, 'a\n'.repeat(200)])
    write('r2', [`same\n${attack}\u200b\nnew`, undefined, 'b\n'.repeat(200)])
    const { exitCode, stdout } = await place.wave(['diff', 'r1', 'r2', '--content'])
    expect(exitCode).toBe(0)
    expect(DANGEROUS.exec(stdout)).toBeNull()
    expect(stdout).toContain('\n same\n')
    expect(stdout).toContain('-old\n')
    expect(stdout).toContain('+new\n')
    expect(stdout).toMatch(/\none, artifact n1: not shown, The stored content \S+ is missing\.\n/)
    expect(stdout).toMatch(
      /\none, artifact n2\n@@.*\n(?:-a\n){79}\(321 more lines: --json has them\)\n$/,
    )
    const { contents } = JSON.parse(
      (await place.wave(['diff', 'r1', 'r2', '--content', '--json'])).stdout,
    )
    expect(contents).toMatchObject([{ name: 'artifact n0' }, { lines: null }, { step: 'one' }])
    expect(contents[2].lines).toHaveLength(401)
  })
})
