/** Who applied what, and took it back, in the journal of the run and its audit trail. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { takeLock } from '../../packages/core/src/index.ts'
import type { RunEvent } from '../../packages/core/src/index.ts'
import { readRunEvents } from '../../packages/core/src/runs.ts'
import { type CliResult, Sandbox } from '../support/cli.ts'

const SYMPTOM = 'TypeError: Cannot read properties of undefined at total (src/orders.js:2:16)'
const BEFORE = 'export const total = (order) =>\n  (order.items ?? []).length\n'
const AFTER = 'export const total = (order) =>\n  order.items.length\n'
const RUN = ['run', 'incident-response', SYMPTOM, '--provider', 'evidence']

/** A run whose remedy is to take the last commit back: `src/orders.js` goes from AFTER to BEFORE. */
async function propose(sandbox: Sandbox, ...options: readonly string[]): Promise<Proposed> {
  sandbox.write('src/orders.js', BEFORE)
  sandbox.initGit()
  sandbox.write('src/orders.js', AFTER)
  sandbox.commit('Simplify total')
  await sandbox.wave([...RUN, ...options])
  return proposed(sandbox, folders(sandbox)[0] ?? '')
}

function folders(sandbox: Sandbox): readonly string[] {
  const runs = readdirSync(join(sandbox.project, '.wave/runs'), { withFileTypes: true })
  return runs.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).toSorted()
}

interface Proposed {
  readonly run: string
  readonly directory: string
  readonly events: () => readonly RunEvent[]
  /** What stands behind the run itself. */
  readonly applies: () => readonly object[]
}

function proposed(sandbox: Sandbox, run: string): Proposed {
  const directory = join(sandbox.project, '.wave/runs', run)
  const events = (): readonly RunEvent[] => readRunEvents(directory).events
  const applies = (): readonly object[] => events().flatMap((event) => inShort(event) ?? [])
  return { run, directory, events, applies }
}

function inShort(event: RunEvent): object | undefined {
  if (event.type === 'apply-started') {
    const { kind, by, files, paths } = event
    return { started: kind, by, files, paths, patches: event.patches.map(({ step }) => step) }
  }
  if (event.type !== 'apply-ended') return undefined
  const { kind, end, late, restored } = event
  return { ended: kind, end, ...(late && { late }), ...(restored !== undefined && { restored }) }
}

/** One run for many tests: each leaves the files as it found them. */
let shared: Sandbox
let known: Proposed
beforeAll(async () => {
  shared = new Sandbox()
  known = await propose(shared)
})
afterAll(() => shared[Symbol.dispose]())

const FILES = { files: 1, paths: ['src/orders.js'], patches: ['remediate'] }
const STARTED = { started: 'apply', by: 'apply', ...FILES }
const DONE = { ended: 'apply', end: 'done' }

/** As if the power went before the how manyth change of a file in `src`. */
function killedAt(sandbox: Sandbox, call: string, at: number): Record<string, string> {
  const faults = new URL('../../packages/workspace/src/testing/fault-at.ts', import.meta.url)
  return {
    NODE_OPTIONS: `--import ${faults.href}`,
    FAULT_CALL: call,
    FAULT_AT: String(at),
    FAULT_BELOW: join(sandbox.project, 'src'),
  }
}

/** When the new content is in place, and what it waited in is cleared away. */
async function killApply(sandbox: Sandbox, ...args: readonly string[]): Promise<void> {
  const env = killedAt(sandbox, 'rm', 2)
  const { exitCode } = await sandbox.wave(['apply', ...args, '--yes'], { env })
  expect(exitCode === undefined || exitCode > 128).toBe(true)
}

test('applying and taking back stand in the journal and its trail; the run is what it was', async () => {
  const sandbox = shared
  const { run, directory, applies } = known
  const listed = (await sandbox.wave(['status', '--json'])).stdout
  await sandbox.wave(['apply', run])
  expect(applies()).toEqual([])
  await sandbox.wave(['apply', run, '--yes'])
  await sandbox.wave(['apply', run, '--undo', '--yes'])
  const undone = { ended: 'undo', end: 'done' }
  expect(applies()).toEqual([STARTED, DONE, { ...STARTED, started: 'undo' }, undone])

  const trail: Trail = JSON.parse((await sandbox.wave(['audit', run, '--json'])).stdout)
  const began = trail.entries.find(({ event }) => event === 'apply-started')
  expect(began).toMatchObject({
    actor: { kind: 'user' },
    action: 'asked to apply the changes: wave apply',
    inputs: [{ name: 'patch of remediate', digest: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    result: expect.stringContaining('files: 1 (src/orders.js)'),
  })
  const kept = readFileSync(join(directory, 'audit.md'), 'utf8')
  expect((await sandbox.wave(['audit', run])).stdout).toBe(kept)
  expect(kept).toContain('took the changes back')

  expect((await sandbox.wave(['verify', run])).exitCode).toBe(0)
  expect((await sandbox.wave(['verify', run])).stdout).not.toContain('cut off')
  expect((await sandbox.wave(['status', '--json'])).stdout).toBe(listed)
  expect((await sandbox.wave(['status', run, '--json'])).stdout).toContain('"condition":"partial"')
  expect((await sandbox.wave(['logs', run])).stdout).toContain('puts on the files: 1 file')
  expect((await sandbox.wave(['logs', run, '--follow'])).exitCode).toBe(0)
  expect((await sandbox.wave(['cancel', run])).stdout).toContain('partial')
  expect((await sandbox.wave(['diff', run, run])).exitCode).toBe(0)
})

interface Trail {
  readonly entries: readonly { readonly event: string }[]
}

test('apply --json without consent is one document: what would be applied, and why it is not', async () => {
  const sandbox = shared
  const { run } = known
  const refused = await sandbox.wave(['apply', run, '--json'])
  expect(refused).toMatchObject({ exitCode: 6, stderr: '' })
  expect(JSON.parse(refused.stdout)).toMatchObject({
    type: 'error',
    code: 'approval-needed',
    hint: expect.stringContaining('--yes'),
    wouldApply: [{ path: 'src/orders.js', status: 'modified', added: 1, deleted: 1 }],
  })
  await sandbox.wave(['apply', run, '--yes'])
  const undo = await sandbox.wave(['apply', run, '--undo', '--json'])
  expect(undo.exitCode).toBe(6)
  expect(JSON.parse(undo.stdout)).toMatchObject({
    code: 'approval-needed',
    wouldUndo: [{ path: 'src/orders.js', status: 'modified' }],
  })
  await sandbox.wave(['apply', run, '--undo', '--yes'])
})

test('killed when all is done but for the record, it is recorded by the next who looks', async () => {
  const sandbox = shared
  const { run, directory, applies } = known
  const before = applies().length
  await sandbox.wave(['apply', run, '--yes'])
  const journal = join(directory, 'journal.jsonl')
  const lines = readFileSync(journal, 'utf8').trimEnd().split('\n')
  writeFileSync(journal, `${lines.slice(0, -1).join('\n')}\n`)
  await sandbox.wave(['apply', run, '--undo', '--yes'])
  expect(applies().slice(before, before + 2)).toEqual([STARTED, { ...DONE, late: true }])
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
})

test('what was never recorded is recorded before the changes are applied with a resume', async () => {
  const sandbox = shared
  const { run, directory, applies } = known
  const before = applies().length
  await sandbox.wave(['apply', run, '--yes'])
  await sandbox.wave(['apply', run, '--undo', '--yes'])
  const journal = join(directory, 'journal.jsonl')
  const lines = readFileSync(journal, 'utf8').trimEnd().split('\n')
  writeFileSync(journal, `${lines.slice(0, -1).join('\n')}\n`)
  await sandbox.wave(['resume', run, '--from-step', 'postmortem', '--apply', '--inconclusive-ok'])
  const undone = [
    { ...STARTED, started: 'undo' },
    { ended: 'undo', end: 'done', late: true },
  ]
  const again = { ...STARTED, by: 'resume' }
  expect(applies().slice(before)).toEqual([STARTED, DONE, ...undone, again, DONE])
  await sandbox.wave(['apply', run, '--undo', '--yes'])
})

test('what cannot be recorded is not begun, and the files stay', async () => {
  const sandbox = shared
  const { run, directory } = known
  // The first file that is opened there is the lock; then the journal, to be read and to be written.
  const env = { ...killedAt(sandbox, 'openSync', 3), FAULT: 'disk-full', FAULT_BELOW: directory }
  const before = sandbox.fingerprint(['.wave/runs'])
  const failed: CliResult = await sandbox.wave(['apply', run, '--yes'], { env })
  expect(failed.exitCode).toBe(4)
  expect(failed.stderr).toContain('Nothing was applied: it could not be recorded.')
  expect(sandbox.fingerprint(['.wave/runs'])).toEqual(before)
  expect((await sandbox.wave(['apply', run, '--yes'])).exitCode).toBe(0)
  await sandbox.wave(['apply', run, '--undo', '--yes'])
})

test('a run that was applied goes on from a step, and is applied again', async () => {
  const sandbox = shared
  const { run, applies, events } = known
  const before = applies().length
  await sandbox.wave(['apply', run, '--yes'])
  await sandbox.wave(['apply', run, '--undo', '--yes'])
  const resumed = await sandbox.wave(['resume', run, '--from-step', 'postmortem'])
  expect(resumed).toMatchObject({ exitCode: 3, stderr: '' })
  expect(events().at(-1)).toMatchObject({ type: 'run-finished', outcome: 'partial' })
  const again = ['--apply', '--inconclusive-ok', '--report', 'r.md']
  await sandbox.wave(['resume', run, '--from-step', 'postmortem', ...again])
  expect(applies().slice(before + 4)).toEqual([{ ...STARTED, by: 'resume' }, DONE])
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  await sandbox.wave(['apply', run, '--undo', '--yes'])
  expect(sandbox.read('r.md')).toMatch(
    /asked to apply the changes: wave resume --apply .*\n.*applied/,
  )
})

test('changes can be taken back although the journal of their run is damaged, which is told', async () => {
  const sandbox = shared
  const { run, directory } = known
  await sandbox.wave(['apply', run, '--yes'])
  const journal = join(directory, 'journal.jsonl')
  const lines = readFileSync(journal, 'utf8').split('\n')
  writeFileSync(journal, lines.filter((_, index) => index !== 5).join('\n'))
  const { exitCode, stderr } = await sandbox.wave(['apply', run, '--undo', '--yes'])
  expect(exitCode).toBe(0)
  expect(stderr).toMatch(/^warning: The journal of the run does not tell of this: .* is damaged/)
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
})

test('run --apply is recorded, and a failed apply with what kept it from being made', async () => {
  using sandbox = new Sandbox()
  const { run, applies, events } = await propose(sandbox, '--apply', '--inconclusive-ok')
  expect(applies()).toEqual([{ ...STARTED, by: 'run' }, DONE])
  await sandbox.wave(['apply', run, '--undo', '--yes'])
  const fault = { ...killedAt(sandbox, 'rename', 1), FAULT: 'disk-full' }
  const failed = await sandbox.wave(['apply', run, '--yes'], { env: fault })
  expect(failed.exitCode).toBe(4)
  expect(applies().at(-1)).toEqual({ ended: 'apply', end: 'failed' })
  expect(events().at(-1)).toMatchObject({ problem: expect.stringContaining('disk') })
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
})

test('a killed apply is taken back and told before a run freezes the files, one under way keeps it from that', async () => {
  using sandbox = new Sandbox()
  const { run, applies } = await propose(sandbox)
  await killApply(sandbox, run)
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  expect(applies()).toEqual([STARTED])
  const { stdout } = await sandbox.wave(['doctor'])
  expect(stdout).toMatch(/warning +apply +An apply was stopped in the middle in \S+\/project:/)

  {
    const [key = ''] = readdirSync(join(sandbox.home, 'data/applying'))
    using _ = takeLock(join(sandbox.home, 'data/git', key, 'applies'))
    for (const args of [RUN, ['resume', run]]) {
      const { exitCode, stderr } = await sandbox.wave(args)
      expect([exitCode, stderr.split(':')[0]]).toEqual([4, 'error[run-locked]'])
    }
    expect(folders(sandbox)).toHaveLength(1)
    // One under way in another project is none of this one's business.
    const mark = join(sandbox.home, 'data/applying', key)
    const here = readFileSync(mark, 'utf8')
    writeFileSync(mark, sandbox.home)
    const { stderr } = await sandbox.wave(['resume', run, '--from-step', 'none'])
    expect(stderr).toMatch(/^error\[(?!run-locked)/)
    writeFileSync(mark, here)
  }
  const next = await sandbox.wave(RUN)
  expect(next.stderr).toContain(`"wave apply" of run ${run} was interrupted. Put back: 1 file.\n`)
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
  const [, second = ''] = folders(sandbox)
  const [first, then] = [run, second].map((each) => treeOf(proposed(sandbox, each)))
  expect(then).toBe(first)
  const told = { ended: 'apply', end: 'interrupted', late: true, restored: 1 }
  expect(applies()).toEqual([STARTED, told])
  expect((await sandbox.wave(['doctor'])).stdout).not.toContain('stopped in the middle')
})

function treeOf({ events }: Proposed): string | undefined {
  return events().find((event) => event.type === 'run-started')?.snapshot.tree
}

test('the folder of a run that is not ones own is applied from, and never written', async () => {
  using sandbox = new Sandbox()
  const { run, directory } = await propose(sandbox)
  const copy = join(sandbox.project, '.wave/runs', '20200101-000000-000-abcdef')
  cpSync(directory, copy, { recursive: true })
  rmSync(join(sandbox.home, 'data/runs', run))
  for (const each of [run, '20200101']) {
    const folder = each === run ? directory : copy
    const before = readFileSync(join(folder, 'journal.jsonl'), 'utf8')
    const audit = readFileSync(join(folder, 'audit.md'), 'utf8')
    expect((await sandbox.wave(['apply', each, '--yes'])).exitCode).toBe(0)
    expect((await sandbox.wave(['apply', each, '--undo', '--yes'])).exitCode).toBe(0)
    expect(readFileSync(join(folder, 'journal.jsonl'), 'utf8')).toBe(before)
    expect(readFileSync(join(folder, 'audit.md'), 'utf8')).toBe(audit)
  }
})
