/** Who applied what, and took it back, in the journal of the run and its audit trail. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { takeLock } from '../../packages/core/src/index.ts'
import type { RunEvent } from '../../packages/core/src/index.ts'
import { readRunEvents } from '../../packages/core/src/runs.ts'
import { type CliResult, Sandbox } from '../support/cli.ts'
import { keepState } from '../support/kept-state.ts'
import {
  AFTER,
  BEFORE,
  commitFault,
  killedAt,
  killedInPlace,
  PROPOSE,
  runsOf,
} from '../support/proposal.ts'

interface Proposed {
  readonly run: string
  readonly directory: string
  readonly events: () => readonly RunEvent[]
  /** What stands behind the run itself. */
  readonly applies: () => readonly object[]
}

function proposed(run: string): Proposed {
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

/** One run, not applied: every test begins with it. */
const sandbox = new Sandbox()
let known: Proposed
let putBack: () => void

beforeAll(async () => {
  commitFault(sandbox)
  await sandbox.wave(PROPOSE)
  known = proposed(runsOf(sandbox)[0] ?? '')
  putBack = keepState(sandbox)
})
beforeEach(() => putBack())
afterAll(() => sandbox[Symbol.dispose]())

const FILES = { files: 1, paths: ['src/orders.js'], patches: ['remediate'] }
const STARTED = { started: 'apply', by: 'apply', ...FILES }
const DONE = { ended: 'apply', end: 'done' }
const APPLY = ['--apply', '--inconclusive-ok']

/** As if the power had gone right before the last record was written. */
function dropLastRecord({ directory }: Proposed): void {
  const journal = join(directory, 'journal.jsonl')
  const lines = readFileSync(journal, 'utf8').trimEnd().split('\n')
  writeFileSync(journal, `${lines.slice(0, -1).join('\n')}\n`)
}

describe('a run that was applied, and whose changes were taken back', () => {
  const UNDONE = { ended: 'undo', end: 'done' }
  const UNDO = { ...STARTED, started: 'undo' }
  let putBackUndone: () => void
  /** Before it was applied. */
  let listed: string
  /** What stood in its journal after an apply without consent. */
  let refused: readonly object[]

  beforeAll(async () => {
    putBack()
    const { run, applies } = known
    listed = (await sandbox.wave(['status', '--json'])).stdout
    await sandbox.wave(['apply', run])
    refused = applies()
    await sandbox.wave(['apply', run, '--yes'])
    await sandbox.wave(['apply', run, '--undo', '--yes'])
    putBackUndone = keepState(sandbox)
  })
  beforeEach(() => putBackUndone())

  test('has both in its journal and its trail; the run is what it was', async () => {
    const { run, directory, applies } = known
    expect(refused).toEqual([])
    expect(applies()).toEqual([STARTED, DONE, UNDO, UNDONE])

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

    const verified = await sandbox.wave(['verify', run])
    expect(verified.exitCode).toBe(0)
    expect(verified.stdout).not.toContain('cut off')
    expect((await sandbox.wave(['status', '--json'])).stdout).toBe(listed)
    expect((await sandbox.wave(['status', run, '--json'])).stdout).toContain(
      '"condition":"partial"',
    )
    expect((await sandbox.wave(['logs', run, '--follow'])).exitCode).toBe(0)
    expect((await sandbox.wave(['logs', run])).stdout).toContain('puts on the files: 1 file')
    expect((await sandbox.wave(['cancel', run])).stdout).toContain('partial')
    expect((await sandbox.wave(['diff', run, run])).exitCode).toBe(0)
  })

  test('has what was never recorded before the changes are applied with a resume', async () => {
    const { run, applies } = known
    dropLastRecord(known)
    await sandbox.wave(['resume', run, '--from-step', 'postmortem', ...APPLY])
    const again = { ...STARTED, by: 'resume' }
    expect(applies()).toEqual([STARTED, DONE, UNDO, { ...UNDONE, late: true }, again, DONE])
  })

  test('goes on from a step, and is applied again; the report is read without clearing away what another writes', async () => {
    const { run, directory, applies, events } = known
    const resumed = await sandbox.wave(['resume', run, '--from-step', 'postmortem'])
    expect(resumed).toMatchObject({ exitCode: 3, stderr: '' })
    expect(events().at(-1)).toMatchObject({ type: 'run-finished', outcome: 'partial' })
    const goOn = ['resume', run, '--from-step', 'postmortem', ...APPLY, '--report', 'r.md']
    await sandbox.wave(goOn, { env: preloaded(ANOTHER_RESUMES_THEN) })
    const written = readdirSync(join(directory, 'store/aa')).filter((name) => name.startsWith('.'))
    expect(written).toEqual(['.wave-tmp-aa-1'])
    expect(applies().slice(4)).toEqual([{ ...STARTED, by: 'resume' }, DONE])
    expect(sandbox.read('src/orders.js')).toBe(BEFORE)
    expect(sandbox.read('r.md')).toMatch(
      /asked to apply the changes: wave resume --apply .*\n.*applied/,
    )
  })
})

interface Trail {
  readonly entries: readonly { readonly event: string }[]
}

test('apply --json without consent is one document: what would be applied, and why it is not', async () => {
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
})

test('killed when all is done but for the record, it is recorded by the next who looks', async () => {
  const { run, applies } = known
  await sandbox.wave(['apply', run, '--yes'])
  dropLastRecord(known)
  await sandbox.wave(['apply', run, '--undo', '--yes'])
  expect(applies().slice(0, 2)).toEqual([STARTED, { ...DONE, late: true }])
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
})

test('what cannot be recorded is not begun, and the files stay', async () => {
  const { run, directory } = known
  // The first file that is opened there to be written is the lock; then the journal.
  const env = { ...killedAt(sandbox, 'openSync', 2), FAULT: 'disk-full', FAULT_BELOW: directory }
  const before = sandbox.fingerprint(['.wave/runs'])
  const failed: CliResult = await sandbox.wave(['apply', run, '--yes'], { env })
  expect(failed.exitCode).toBe(4)
  expect(failed.stderr).toContain('Nothing was applied: it could not be recorded.')
  expect(sandbox.fingerprint(['.wave/runs'])).toEqual(before)
  expect((await sandbox.wave(['apply', run, '--yes'])).exitCode).toBe(0)
})

test('an apply that was made is recorded as done and ends well, whatever cannot be cleared away or kept after it', async () => {
  const { run, directory, applies } = known
  const audit = join(directory, 'audit.md')
  rmSync(audit)
  mkdirSync(audit)
  const marks = { FAULT: 'forbidden', FAULT_BELOW: join(sandbox.home, 'data/applying') }
  const env = { ...killedAt(sandbox, 'rmSync', 1), ...marks }
  const { exitCode, stderr } = await sandbox.wave(['apply', run, '--yes'], { env })
  expect({ exitCode, stderr }).toEqual({
    exitCode: 0,
    stderr: expect.stringMatching(/^note: The audit trail was not kept: .*\n$/),
  })
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  expect(applies()).toEqual([STARTED, DONE])
})

test('changes can be taken back although the journal of their run is damaged, which is told', async () => {
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

test('run --apply applies at the end of a run that succeeds, which is recorded; so is a failed apply with what kept it from being made', async () => {
  const { stdout } = await sandbox.wave([...PROPOSE, ...APPLY])
  expect(stdout).toContain('\nChanges: 1 file (+1 -1); applied next\n')
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  const { run, applies, events } = proposed(runsOf(sandbox).at(-1) ?? '')
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
  const { run, applies } = known
  const killed = await sandbox.wave(['apply', run, '--yes'], { env: killedInPlace(sandbox) })
  expect(killed.exitCode === undefined || killed.exitCode > 128).toBe(true)
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  expect(applies()).toEqual([STARTED])
  const { stdout } = await sandbox.wave(['doctor'])
  expect(stdout).toMatch(/warning +apply +An apply was stopped in the middle in \S+\/project:/)

  {
    const [key = ''] = readdirSync(join(sandbox.home, 'data/applying'))
    using _ = takeLock(join(sandbox.home, 'data/git', key, 'applies'))
    for (const args of [PROPOSE, ['resume', run]]) {
      const { exitCode, stderr } = await sandbox.wave(args)
      expect([exitCode, stderr.split(':')[0]]).toEqual([4, 'error[run-locked]'])
    }
    expect(runsOf(sandbox)).toHaveLength(1)
    // One under way in another project is none of this one's business.
    const mark = join(sandbox.home, 'data/applying', key)
    const here = readFileSync(mark, 'utf8')
    writeFileSync(mark, sandbox.home)
    const { stderr } = await sandbox.wave(['resume', run, '--from-step', 'none'])
    expect(stderr).toMatch(/^error\[(?!run-locked)/)
    writeFileSync(mark, here)
  }
  const next = await sandbox.wave(PROPOSE)
  expect(next.stderr).toContain(`"wave apply" of run ${run} was interrupted. Put back: 1 file.\n`)
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
  const [, second = ''] = runsOf(sandbox)
  const [first, then] = [run, second].map((each) => treeOf(proposed(each)))
  expect(then).toBe(first)
  const told = { ended: 'apply', end: 'interrupted', late: true, restored: 1 }
  expect(applies()).toEqual([STARTED, told])
  expect((await sandbox.wave(['doctor'])).stdout).not.toContain('stopped in the middle')
})

test('an apply that dies while the user is asked about another is told and recorded, also when that is refused then', async () => {
  const { run, directory, applies } = known
  const other = '20200101-000000-000-abcdef'
  cpSync(directory, join(sandbox.project, '.wave/runs', other), { recursive: true })
  await sandbox.wave(['apply', run, '--yes'])
  dropLastRecord(known)
  sandbox.write('src/orders.js', 'mine')
  const env = preloaded(DIES_AFTER_FIRST_LOOK)
  const { exitCode, stderr } = await sandbox.wave(['apply', other, '--yes'], { env })
  expect(exitCode).toBe(6)
  expect(stderr).toMatch(
    /^note: "wave apply" of run .* was interrupted\. .*\nwarning: Not put back: src\/orders\.js .*\nerror\[patch-drifted\]/,
  )
  expect(stderr).toContain(run)
  expect(applies()).toEqual([STARTED, { ...DONE, end: 'interrupted', late: true, restored: 0 }])
})

/** Once the run has ended, and its audit trail is kept, another process writes into its store. */
const ANOTHER_RESUMES_THEN = `
  import fs from 'node:fs'
  import { syncBuiltinESMExports } from 'node:module'
  const { renameSync } = fs
  fs.renameSync = (from, to) => {
    renameSync(from, to)
    if (!to.endsWith('/audit.md')) return
    const shard = to.replace('audit.md', 'store/aa')
    fs.mkdirSync(shard, { recursive: true })
    fs.writeFileSync(shard + '/.wave-tmp-aa-1', 'half of it')
  }
  syncBuiltinESMExports()
`

/** Once the record of an apply was read, it says that this apply is not over. */
const DIES_AFTER_FIRST_LOOK = `
  import fs from 'node:fs'
  import { syncBuiltinESMExports } from 'node:module'
  const { readFileSync } = fs
  fs.readFileSync = (path, ...how) => {
    const text = readFileSync(path, ...how)
    if (String(path).endsWith('/record.json')) {
      fs.writeFileSync(path, text.replace('"applied"', '"applying"'))
    }
    return text
  }
  syncBuiltinESMExports()
`

/** What wave does after this module. */
function preloaded(module: string): Record<string, string> {
  return { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(module)}"` }
}

function treeOf({ events }: Proposed): string | undefined {
  return events().find((event) => event.type === 'run-started')?.snapshot.tree
}

test('the folder of a run that is not ones own is applied from, and never written', async () => {
  const { run, directory } = known
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
