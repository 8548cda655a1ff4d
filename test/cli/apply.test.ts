import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { takeLock } from '../../packages/core/src/index.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type CliResult, LAUNCHER, Sandbox } from '../support/cli.ts'
import { keepState } from '../support/kept-state.ts'
import { AFTER, BEFORE, commitFault, killedInPlace, PROPOSE, runsOf } from '../support/proposal.ts'

/** An unproven remedy is applied only by someone who says that it will do. */
const APPLY = ['--apply', '--inconclusive-ok']

/** Two runs with one remedy, neither applied: every test begins with them. */
const sandbox = new Sandbox()
let run: string
let proposed: CliResult
/** The other one was to be applied at once. */
let later: string
let unproven: CliResult
let putBack: () => void

beforeAll(async () => {
  commitFault(sandbox)
  proposed = await sandbox.wave(PROPOSE)
  unproven = await sandbox.wave([...PROPOSE, '--apply'])
  ;[run = '', later = ''] = runsOf(sandbox)
  putBack = keepState(sandbox)
})
beforeEach(() => putBack())
afterAll(() => sandbox[Symbol.dispose]())

test('apply shows the change and, with consent, makes it and nothing else, once', async () => {
  expect(proposed.stdout).toMatch(/\nChanges: 1 file \(\+1 -1\); apply with: wave apply \S+\n/)
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
  const refused = await sandbox.wave(['apply', run])
  expect(refused.exitCode).toBe(6)
  expect(refused.stdout).toContain('modified  +1 -1  src/orders.js')
  expect(refused.stderr).toContain('hint: Add --yes')
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
  const others = ['.git', 'src/orders.js', '.wave/runs']
  const before = sandbox.fingerprint(others)
  const applied = await sandbox.wave(['apply', run.slice(0, -2), '--yes'])
  expect(applied).toMatchObject({ exitCode: 0, stderr: '' })
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  expect(sandbox.fingerprint(others)).toEqual(before)
  expect(sandbox.git('diff', '--cached', '--name-only')).toBe('')
  const { exitCode, stderr } = await sandbox.wave(['apply', run, '--yes'])
  expect(exitCode).toBe(6)
  expect(stderr).toContain('error[patch-drifted]: The files hold these changes already.\n  hint: ')
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
})

test('apply refuses a tree that has changed since, and leaves it', async () => {
  sandbox.write('src/orders.js', 'something else\n')
  const { exitCode, stderr } = await sandbox.wave(['apply', run, '--yes'])
  expect(exitCode).toBe(6)
  expect(stderr).toContain('error[patch-drifted]')
  expect(sandbox.read('src/orders.js')).toBe('something else\n')
})

test('a prefix of several runs, and an empty one, are refused with the runs there are', async () => {
  for (const prefix of ['2', '']) {
    const { exitCode, stderr } = await sandbox.wave(['apply', prefix, '--yes'])
    expect([exitCode, stderr.split(':')[0]]).toEqual([2, 'error[run-unknown]'])
    expect(stderr).toMatch(/hint: The newest runs: \S+, \S+\./)
  }
})

test('run --apply leaves an unproven patch to a person, and says how to apply it', () => {
  expect(unproven.exitCode).toBe(3)
  expect(unproven.stderr).toMatch(/The patch is not applied: .* wave apply (?!undefined)\S+\n/)
  expect(unproven.stderr).not.toContain(run)
  expect(unproven.stderr).toContain(later)
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
})

test('an unknown run and a run without changes are told', async () => {
  const unknown = await sandbox.wave(['apply', 'x'])
  expect(unknown.exitCode).toBe(2)
  expect(unknown.stderr).toContain('error[run-unknown]')
  await sandbox.wave(['run', 'incident-response', 'slow', '--provider', 'evidence'])
  const nothing = await sandbox.wave(['apply', 'last', '--yes'])
  expect(nothing.exitCode).toBe(2)
  expect(nothing.stderr).toContain('error[no-patch]')
})

test('a run that is under way is not applied, one that was interrupted is', async () => {
  const { journal, lock } = pathsOf(run)
  const events = sandbox.read(journal).trimEnd().split('\n')
  sandbox.write(journal, `${events.slice(0, -1).join('\n')}\n`)
  {
    using _ = takeLock(join(sandbox.project, '.wave/runs', run))
    const { exitCode, stderr } = await sandbox.wave(['apply', run, '--yes'])
    expect(exitCode).toBe(4)
    expect(stderr).toContain(`error[run-locked]: This run is in use by process ${process.pid}.\n`)
    expect(sandbox.read('src/orders.js')).toBe(AFTER)
  }
  expect(await sandbox.wave(['apply', run, '--yes'])).toMatchObject({ exitCode: 0 })
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  expect(() => sandbox.read(lock)).toThrow('ENOENT')
})

test('of several who apply a run at once only one does', async () => {
  const all = await Promise.all([1, 2, 3].map(() => sandbox.wave(['apply', run, '--yes'])))
  expect(all.filter(({ exitCode }) => exitCode === 0)).toHaveLength(1)
  const refused = all.filter(({ exitCode }) => exitCode !== 0)
  for (const { stderr } of refused)
    expect(stderr).toMatch(/^error\[run-locked\]|hold these changes already/)
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
})

function pathsOf(id: string): { readonly journal: string; readonly lock: string } {
  const folder = `.wave/runs/${id}`
  return { journal: `${folder}/journal.jsonl`, lock: `${folder}/lock` }
}

test('a run outside .wave/runs is not applied', async () => {
  sandbox.write('planted/20200101-000000/journal.jsonl', '')
  const { exitCode, stderr } = await sandbox.wave(['apply', '../../planted/20200101-000000', '-y'])
  expect([exitCode, stderr.split(':')[0]]).toEqual([2, 'error[run-unknown]'])
})

/** One commit that the remedy takes back, and with it one file of each kind that is flagged. */
function commitFlagged(other: Sandbox): void {
  for (const path of FLAGGED_FILES) other.write(path, 'before\n')
  other.write('.github/workflows/renamed.yml', 'name: long enough to be the same file\n')
  other.write('run.sh', '#!/bin/sh\n')
  other.write('src/orders.js', BEFORE)
  chmodSync(join(other.project, 'run.sh'), 0o755)
  other.initGit()
  for (const path of FLAGGED_FILES) other.write(path, 'after\n')
  other.write('.github/workflows/added.yml', 'name: added\n')
  other.git('mv', '.github/workflows/renamed.yml', 'harmless.yml')
  other.write('src/orders.js', AFTER)
  chmodSync(join(other.project, 'run.sh'), 0o644)
  other.commit('Simplify total')
}

const FLAGGED_FILES = [
  '.wave/pipelines/x.yaml',
  '.gitlab-ci.yml',
  '.vscode/tasks.json',
  '.idea/workspace.xml',
  '.envrc',
  '.husky/pre-commit',
  'web/package.json',
  'Makefile',
  'package-lock.json',
  'CODEOWNERS',
  '.gitattributes',
]
/** Deleted, the old name of a renamed one, and one whose mode alone changes. */
const ALSO_FLAGGED = ['.github/workflows/added.yml', '.github/workflows/renamed.yml', 'run.sh']

test('GH-23 every flagged path needs a yes of its own; neither --yes, a question nor run --apply gives one', async () => {
  using other = new Sandbox()
  commitFlagged(other)
  const others = ['.wave/runs', 'output']
  const before = other.fingerprint(others)
  const flagged = [...FLAGGED_FILES, ...ALSO_FLAGGED].toSorted()
  expect(await other.wave([...PROPOSE, ...APPLY])).toMatchObject({ exitCode: 6 })
  const refused = await other.wave(['apply', 'last', '--yes'])
  expect(refused.exitCode).toBe(6)
  expect(refused.stdout).toContain('.github/workflows/renamed.yml  flagged: configures CI')
  const named = Array.from(refused.stderr.matchAll(/--accept (\S+)/g), ([, path]) => path)
  expect(new Set(named)).toEqual(new Set(flagged))
  for (const but of flagged.slice(0, 3)) {
    const all = flagged.flatMap((path) => (path === but ? [] : ['--accept', path]))
    const { exitCode, stderr } = await other.wave(['apply', 'last', '--yes', ...all])
    expect([exitCode, stderr]).toEqual([
      6,
      expect.stringContaining(`hint: Read the patch, then add --accept ${but}\n`),
    ])
  }
  const asked = atTerminal(other, ['apply', 'last'], 'y')
  expect(asked).toContain('error[approval-needed]: Needs your yes: ')
  expect(asked).not.toContain('Apply these changes?')
  expect(other.fingerprint(others)).toEqual(before)
  const accepted = flagged.flatMap((path) => ['--accept', path])
  expect(await other.wave(['apply', 'last', '--yes', ...accepted])).toMatchObject({ exitCode: 0 })
  expect([other.read('src/orders.js'), other.read('Makefile')]).toEqual([BEFORE, 'before\n'])
  expect(other.read('.github/workflows/renamed.yml')).toContain('long enough')
  expect(Object.keys(other.fingerprint())).not.toContain('harmless.yml')
})

test('a plain change is asked about, and made after a yes', async () => {
  expect(atTerminal(sandbox, ['apply', 'last'], 'n')).toContain('Nothing was applied.')
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
  expect(atTerminal(sandbox, ['apply', 'last'], 'y')).toContain('Applied.')
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
})

/** What `wave` prints where a person looks and types one key. */
function atTerminal(where: Sandbox, args: readonly string[], key: string): string {
  const line = [LAUNCHER, ...args].join(' ')
  const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], {
    cwd: where.project,
    env: where.env({ TERM: 'xterm' }),
    input: key,
    encoding: 'utf8',
  })
  return stdout
}

test('apply --undo takes the change back, once; then it can be applied again', async () => {
  const before = sandbox.fingerprint(['.wave/runs'])
  const nothing = {
    exitCode: 2,
    stderr: expect.stringContaining(`nothing to undo: run ${run} is not applied`),
  }
  expect(await sandbox.wave(['apply', run, '--undo', '--yes'])).toMatchObject(nothing)
  await sandbox.wave(['apply', run, '--yes'])
  const refused = await sandbox.wave(['apply', run, '--undo'])
  expect(refused).toMatchObject({ exitCode: 6, stdout: '  modified  src/orders.js\n' })
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  const undone = await sandbox.wave(['apply', run, '--undo', '--yes', '--json'])
  expect(undone).toMatchObject({ exitCode: 0, stderr: '' })
  expect(JSON.parse(undone.stdout)).toEqual({
    undone: [{ path: 'src/orders.js', status: 'modified' }],
  })
  expect(sandbox.fingerprint(['.wave/runs'])).toEqual(before)
  expect(await sandbox.wave(['apply', run, '--undo', '--yes'])).toMatchObject(nothing)
  expect(await sandbox.wave(['apply', run, '--yes'])).toMatchObject({ exitCode: 0 })
  sandbox.write('src/orders.js', 'mine\n')
  const changed = await sandbox.wave(['apply', run, '--undo', '--yes'])
  expect(changed.exitCode).toBe(6)
  expect(changed.stderr).toContain('nothing was taken back: src/orders.js has changed.')
  expect(sandbox.read('src/orders.js')).toBe('mine\n')
})

test('an apply that was killed is taken back by the next one, of another run, which says so', async () => {
  const killed = await sandbox.wave(['apply', run, '--yes'], { env: killedInPlace(sandbox) })
  expect(killed.exitCode === undefined || killed.exitCode > 128).toBe(true)
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  const next = await sandbox.wave(['apply', later, '--yes'])
  expect(next).toMatchObject({
    exitCode: 0,
    stderr: `note: "wave apply" of run ${run} was interrupted. Put back: 1 file.\n`,
  })
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
})
