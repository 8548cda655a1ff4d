import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { takeLock } from '../../packages/core/src/index.ts'
import { expect, test } from 'vitest'
import { LAUNCHER, Sandbox } from '../support/cli.ts'

const SYMPTOM = 'TypeError: Cannot read properties of undefined at total (src/orders.js:2:16)'
const BEFORE = 'export const total = (order) =>\n  (order.items ?? []).length\n'
const AFTER = 'export const total = (order) =>\n  order.items.length\n'

/** An unproven remedy is applied only by someone who says that it will do. */
const APPLY = ['--apply', '--inconclusive-ok']

/** A run whose remedy is to take the last commit back. */
async function propose(sandbox: Sandbox, ...options: readonly string[]): Promise<string> {
  sandbox.write('src/orders.js', BEFORE)
  sandbox.initGit()
  sandbox.write('src/orders.js', AFTER)
  sandbox.commit('Simplify total')
  const args = ['run', 'incident-response', SYMPTOM, '--provider', 'evidence', ...options]
  const { stdout } = await sandbox.wave(args)
  expect(stdout).toMatch(
    /\nChanges: 1 file \(\+1 -1\); (?:apply with: wave apply \S+|applied next)\n/,
  )
  const runs = readdirSync(join(sandbox.project, '.wave/runs'), { withFileTypes: true })
  return runs.find((entry) => entry.isDirectory())?.name ?? ''
}

test('apply shows the change and, with consent, makes it and nothing else', async () => {
  using sandbox = new Sandbox()
  const run = await propose(sandbox)
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
  const refused = await sandbox.wave(['apply', run])
  expect(refused.exitCode).toBe(6)
  expect(refused.stdout).toContain('modified  +1 -1  src/orders.js')
  expect(refused.stderr).toContain('hint: Add --yes')
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
  const others = ['.git', 'src/orders.js', '.wave/runs']
  const before = sandbox.fingerprint(others)
  const applied = await sandbox.wave(['apply', run.slice(0, 12), '--yes'])
  expect(applied).toMatchObject({ exitCode: 0, stderr: '' })
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  expect(sandbox.fingerprint(others)).toEqual(before)
  expect(sandbox.git('diff', '--cached', '--name-only')).toBe('')
})

test('apply refuses a tree that has changed since, and leaves it', async () => {
  using sandbox = new Sandbox()
  const run = await propose(sandbox)
  sandbox.write('src/orders.js', 'something else\n')
  const { exitCode, stderr } = await sandbox.wave(['apply', run, '--yes'])
  expect(exitCode).toBe(6)
  expect(stderr).toContain('error[patch-drifted]')
  expect(sandbox.read('src/orders.js')).toBe('something else\n')
})

test('applied twice, the second time says that the changes are there', async () => {
  using sandbox = new Sandbox()
  const run = await propose(sandbox, ...APPLY)
  const { exitCode, stderr } = await sandbox.wave(['apply', run, '--yes'])
  expect(exitCode).toBe(6)
  expect(stderr).toContain('error[patch-drifted]: The files hold these changes already.\n  hint: ')
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
})

test('a flagged file is applied only when it is named, and --apply leaves all of it', async () => {
  using sandbox = new Sandbox()
  const flagged = '.github/workflows/ci.yml'
  sandbox.write(flagged, 'a: 1\n')
  sandbox.write('src/orders.js', BEFORE)
  sandbox.initGit()
  sandbox.write(flagged, 'a: 2\n')
  sandbox.write('src/orders.js', AFTER)
  sandbox.commit('Simplify total')
  const args = ['run', 'incident-response', SYMPTOM, '--provider', 'evidence', ...APPLY]
  expect(await sandbox.wave(args)).toMatchObject({ exitCode: 6 })
  const refused = await sandbox.wave(['apply', 'last', '--yes'])
  expect(refused.exitCode).toBe(6)
  expect(refused.stdout).toContain(`${flagged}  flagged: configures CI`)
  expect(refused.stderr).toContain(`add --accept ${flagged}`)
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
  const accepted = await sandbox.wave(['apply', 'last', '--yes', '--accept', flagged])
  expect(accepted).toMatchObject({ exitCode: 0 })
  expect([sandbox.read('src/orders.js'), sandbox.read(flagged)]).toEqual([BEFORE, 'a: 1\n'])
})

test('a prefix of several runs, and an empty one, are refused with the runs there are', async () => {
  using sandbox = new Sandbox()
  sandbox.initGit()
  const slow = ['run', 'incident-response', 'slow', '--provider', 'evidence']
  await sandbox.wave(slow)
  await sandbox.wave(slow)
  for (const prefix of ['2', '']) {
    const { exitCode, stderr } = await sandbox.wave(['apply', prefix, '--yes'])
    expect([exitCode, stderr.split(':')[0]]).toEqual([2, 'error[run-unknown]'])
    expect(stderr).toMatch(/hint: The newest runs: \S+, \S+\./)
  }
})

test('run --apply applies at the end of a run that succeeds', async () => {
  using sandbox = new Sandbox()
  await propose(sandbox, ...APPLY)
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
})

test('run --apply leaves an unproven patch to a person, and says how to apply it', async () => {
  using sandbox = new Sandbox()
  const run = await propose(sandbox)
  const args = ['run', 'incident-response', SYMPTOM, '--provider', 'evidence', '--apply']
  const { exitCode, stderr } = await sandbox.wave(args)
  expect(exitCode).toBe(3)
  expect(stderr).toMatch(/The patch is not applied: .* wave apply (?!undefined)\S+\n/)
  expect(stderr).not.toContain(run)
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
})

test('an unknown run and a run without changes are told', async () => {
  using sandbox = new Sandbox()
  const unknown = await sandbox.wave(['apply', 'x'])
  expect(unknown.exitCode).toBe(2)
  expect(unknown.stderr).toContain('error[run-unknown]')
  await sandbox.wave(['run', 'incident-response', 'slow', '--provider', 'evidence'])
  const nothing = await sandbox.wave(['apply', 'last', '--yes'])
  expect(nothing.exitCode).toBe(2)
  expect(nothing.stderr).toContain('error[no-patch]')
})

test('a run that is under way is not applied, one that was interrupted is', async () => {
  using sandbox = new Sandbox()
  const run = await propose(sandbox)
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
  using sandbox = new Sandbox()
  const run = await propose(sandbox)
  const all = await Promise.all([1, 2, 3].map(() => sandbox.wave(['apply', run, '--yes'])))
  expect(all.filter(({ exitCode }) => exitCode === 0)).toHaveLength(1)
  const refused = all.filter(({ exitCode }) => exitCode !== 0)
  for (const { stderr } of refused)
    expect(stderr).toMatch(/^error\[run-locked\]|hold these changes already/)
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
})

function pathsOf(run: string): { readonly journal: string; readonly lock: string } {
  const folder = `.wave/runs/${run}`
  return { journal: `${folder}/journal.jsonl`, lock: `${folder}/lock` }
}

test('a run outside .wave/runs is not applied', async () => {
  using sandbox = new Sandbox()
  sandbox.write('planted/20200101-000000/journal.jsonl', '')
  const { exitCode, stderr } = await sandbox.wave(['apply', '../../planted/20200101-000000', '-y'])
  expect([exitCode, stderr.split(':')[0]]).toEqual([2, 'error[run-unknown]'])
})

/** A run that would take back one commit, and with it one file of each kind that is flagged. */
async function proposeFlagged(sandbox: Sandbox): Promise<void> {
  for (const path of FLAGGED_FILES) sandbox.write(path, 'before\n')
  sandbox.write('.github/workflows/renamed.yml', 'name: long enough to be the same file\n')
  sandbox.write('run.sh', '#!/bin/sh\n')
  sandbox.write('src/orders.js', BEFORE)
  chmodSync(join(sandbox.project, 'run.sh'), 0o755)
  sandbox.initGit()
  for (const path of FLAGGED_FILES) sandbox.write(path, 'after\n')
  sandbox.write('.github/workflows/added.yml', 'name: added\n')
  sandbox.git('mv', '.github/workflows/renamed.yml', 'harmless.yml')
  sandbox.write('src/orders.js', AFTER)
  chmodSync(join(sandbox.project, 'run.sh'), 0o644)
  sandbox.commit('Simplify total')
  await sandbox.wave(['run', 'incident-response', SYMPTOM, '--provider', 'evidence'])
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

test('GH-23 every flagged path needs a yes of its own; neither --yes nor a question gives one', async () => {
  using sandbox = new Sandbox()
  await proposeFlagged(sandbox)
  const before = sandbox.fingerprint(['.wave/runs'])
  const flagged = [...FLAGGED_FILES, ...ALSO_FLAGGED].toSorted()
  const refused = await sandbox.wave(['apply', 'last', '--yes'])
  expect(refused.exitCode).toBe(6)
  const named = Array.from(refused.stderr.matchAll(/--accept (\S+)/g), ([, path]) => path)
  expect(new Set(named)).toEqual(new Set(flagged))
  for (const but of flagged.slice(0, 3)) {
    const all = flagged.flatMap((path) => (path === but ? [] : ['--accept', path]))
    const { exitCode, stderr } = await sandbox.wave(['apply', 'last', '--yes', ...all])
    expect([exitCode, stderr]).toEqual([
      6,
      expect.stringContaining(`hint: Read the patch, then add --accept ${but}\n`),
    ])
  }
  const asked = atTerminal(sandbox, ['apply', 'last'], 'y')
  expect(asked).toContain('error[approval-needed]: Needs your yes: ')
  expect(asked).not.toContain('Apply these changes?')
  expect(sandbox.fingerprint(['.wave/runs'])).toEqual(before)
  const accepted = flagged.flatMap((path) => ['--accept', path])
  expect(await sandbox.wave(['apply', 'last', '--yes', ...accepted])).toMatchObject({ exitCode: 0 })
  expect(sandbox.read('Makefile')).toBe('before\n')
  expect(sandbox.read('.github/workflows/renamed.yml')).toContain('long enough')
  expect(Object.keys(sandbox.fingerprint())).not.toContain('harmless.yml')
})

test('a plain change is asked about, and made after a yes', async () => {
  using sandbox = new Sandbox()
  await propose(sandbox)
  expect(atTerminal(sandbox, ['apply', 'last'], 'n')).toContain('Nothing was applied.')
  expect(sandbox.read('src/orders.js')).toBe(AFTER)
  expect(atTerminal(sandbox, ['apply', 'last'], 'y')).toContain('Applied.')
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
})

/** What `wave` prints where a person looks and types one key. */
function atTerminal(sandbox: Sandbox, args: readonly string[], key: string): string {
  const line = [LAUNCHER, ...args].join(' ')
  const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], {
    cwd: sandbox.project,
    env: sandbox.env({ TERM: 'xterm' }),
    input: key,
    encoding: 'utf8',
  })
  return stdout
}

test('apply --undo takes the change back, once; then it can be applied again', async () => {
  using sandbox = new Sandbox()
  const run = await propose(sandbox)
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
  using sandbox = new Sandbox()
  const run = await propose(sandbox)
  const other = await proposeAgain(sandbox)
  const faults = new URL('../../packages/workspace/src/testing/fault-at.ts', import.meta.url)
  const env = {
    NODE_OPTIONS: `--import ${faults.href}`,
    // When the new content is in place and what it waited in is cleared away.
    FAULT_CALL: 'rm',
    FAULT_AT: '2',
    FAULT_BELOW: join(sandbox.project, 'src'),
  }
  const killed = await sandbox.wave(['apply', run, '--yes'], { env })
  expect(killed.exitCode === undefined || killed.exitCode > 128).toBe(true)
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
  const next = await sandbox.wave(['apply', other, '--yes'])
  expect(next).toMatchObject({
    exitCode: 0,
    stderr: `note: "wave apply" of run ${run} was interrupted. Put back: 1 file.\n`,
  })
  expect(sandbox.read('src/orders.js')).toBe(BEFORE)
})

async function proposeAgain(sandbox: Sandbox): Promise<string> {
  const { stdout } = await sandbox.wave([
    'run',
    'incident-response',
    SYMPTOM,
    '--provider',
    'evidence',
  ])
  return /wave apply (\S+)/.exec(stdout)?.[1] ?? ''
}
