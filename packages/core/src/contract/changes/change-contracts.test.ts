import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { WaveError } from '../../errors.ts'
import type { Contract } from '../../pipeline/pipeline.ts'
import type { ExecResult } from '../../ports.ts'
import { WorkspaceLost } from '../../workspace-errors.ts'
import { ContractRig } from '../../testing/contract-rig.ts'
import type { MemoryWorkspaceOptions } from '../../testing/memory-workspace.ts'

/** Nothing, or one problem with this text in it. */
const told = (problem: string | undefined): unknown[] =>
  problem === undefined ? [] : [expect.stringContaining(problem)]

type Of<Type extends Contract['type']> = Extract<Contract, { readonly type: Type }>

const location = { file: 'p.yaml', line: 1, column: 1 }
const BASE = { onFailure: undefined, timeoutMs: 60_000 } as const
const SUITE: Of<'test_suite'> = {
  ...BASE,
  type: 'test_suite',
  command: { text: 'npm test && npm run lint', location },
  dir: undefined,
}

describe('test_suite', () => {
  test('passes when sh -c ends with 0 in a fresh workspace over the resulting tree', async () => {
    const rig = new ContractRig({ before: { 'a.ts': 'old' }, after: { 'a.ts': 'new' } })
    expect(await rig.check({ ...SUITE, dir: '/src/server' })).toMatchObject({ passed: true })
    const [workspace] = rig.provider.opened
    expect(Buffer.from(workspace?.files.get('/src/a.ts') ?? '').toString()).toBe('new')
    expect(workspace?.commands).toMatchObject([
      { command: ['sh', '-c', 'npm test && npm run lint'], limits: { cwd: '/src/server' } },
    ])
    expect(workspace?.closed).toBe(true)
  })

  test.each<[Partial<ExecResult>, string]>([
    [{ exitCode: 2 }, 'ended with exit status 2'],
    [{ exitCode: 137 }, 'was ended by signal 9'],
    [{ exitCode: undefined, stopped: 'timeout' }, 'did not end within 60 s'],
    [{ exitCode: undefined, stopped: 'oom' }, 'used more memory'],
    [{ exitCode: undefined, stopped: 'output-limit' }, 'printed more than 8 MiB'],
    [{ exitCode: undefined, stopped: 'cancelled' }, 'was stopped'],
  ])('fails on %j', async (result, problem) => {
    const rig = new ContractRig({ workspace: { exec: () => result } })
    const { passed, problems } = await rig.check(SUITE)
    expect(passed).toBe(false)
    expect(problems).toEqual([expect.stringContaining(problem), 'It printed nothing.'])
  })

  test('hands back the last 4 KiB of the output', async () => {
    const output = Buffer.from(`${'é'.repeat(5000)}\nassertion failed\n`)
    const rig = new ContractRig({ workspace: { exec: () => ({ exitCode: 1, output }) } })
    const [, tail = ''] = (await rig.check(SUITE)).problems
    expect(tail.endsWith('é\nassertion failed')).toBe(true)
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(4096 + 30)
    expect(tail).not.toContain('\uFFFD')
  })

  test.each<[string, MemoryWorkspaceOptions, string]>([
    ['nothing can be executed', { canExecute: false }, 'nothing can be executed'],
    ['the sandbox dies', { exec: () => lose() }, 'could not be evaluated: It died.'],
    ['Docker is gone', { beforeOpen: () => refuse() }, 'could not be evaluated: No Docker.'],
  ])('fails when %s', async (_, workspace, problem) => {
    const rig = new ContractRig({ workspace })
    expect((await rig.check(SUITE)).problems).toEqual([expect.stringContaining(problem)])
  })

  test('fails when its time is over, and ends what runs', async () => {
    const rig = new ContractRig({ workspace: { exec: () => new Promise(() => {}) } })
    const report = rig.check(SUITE)
    await rig.clock.advance(60_000 + 10_000)
    expect((await report).problems).toEqual(['It was not evaluated within 60 s.'])
  })

  test('a bug is no failure of the contract', async () => {
    const rig = new ContractRig({ workspace: { beforeOpen: () => crash() } })
    await expect(rig.check(SUITE)).rejects.toThrow('Internal error: broken')
  })
})

function lose(): never {
  throw new WorkspaceLost('oom', 'It died.')
}

function crash(): never {
  throw new Error('Internal error: broken')
}

function refuse(): never {
  throw new WaveError('docker-unreachable', 'No Docker.')
}

const DIFF: Of<'source_diff'> = {
  ...BASE,
  type: 'source_diff',
  glob: 'src/**',
  exclude: ['**/*.md'],
  minFiles: 1,
}

test.each<[Partial<Of<'source_diff'>>, readonly string[], string | undefined]>([
  [{}, ['src/a.ts'], undefined],
  [{}, ['src/deep/er/a.ts', 'README.md'], undefined],
  [{ glob: '*.{ts,tsx}' }, ['lib/x.tsx'], undefined],
  [{ glob: 'src/*.ts', minFiles: 2 }, ['src/a.ts', 'src/b.ts'], undefined],
  [{ glob: 'src/*.ts' }, ['src/deep/a.ts'], '0 changed files match "src/*.ts"'],
  [{}, ['src/a.md'], 'and none of "**/*.md", and at least 1 must. Changed: src/a.md.'],
  [{ minFiles: 2 }, ['src/a.ts'], '1 changed files match "src/**"'],
  [{}, [], 'Nothing was changed.'],
])('source_diff %j over %j: %s', async (more, paths, problem) => {
  const after = Object.fromEntries(paths.map((path) => [path, 'x']))
  const report = await new ContractRig({ before: {}, after }).check({ ...DIFF, ...more })
  expect(report.problems).toEqual(told(problem))
})

const PATTERNS = { filePatterns: ['**/*.test.ts'], functionPattern: '\\b(it|test)\\(' } as const
const REMOVED: Of<'test_diff'> = { ...BASE, ...PATTERNS, type: 'test_diff', maxDeletions: 0 }
const COUNT: Of<'test_count_baseline'> = {
  ...BASE,
  ...PATTERNS,
  type: 'test_count_baseline',
  baseRef: undefined,
}
const TWO = "it('a', f)\nit('b', f)\nsubmit(1)\n"

/** Commands run on real files, as far as this machine has the tools of the sandbox. */
const hasTools = spawnSync('grep', ['-qP', '\\bx', '/dev/null']).status === 1
const realShell: MemoryWorkspaceOptions = {
  exec: ({ files }, command) => {
    const root = mkdtempSync(join(tmpdir(), 'wave-count-'))
    const moved = (text: string): string => text.replaceAll(/\/(src|work)\//g, `${root}/$1/`)
    try {
      for (const [path, content] of files) {
        const isList = path === '/work/counted-files'
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), isList ? moved(Buffer.from(content).toString()) : content)
      }
      const [program = '', ...args] = 'shell' in command ? [] : command.map(moved)
      const stdout = execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' })
      return { stdout: Buffer.from(stdout.replaceAll(root, '')) }
    } catch (error) {
      const status = Reflect.get(Object(error), 'status')
      return {
        exitCode: Number(status),
        output: Buffer.from(String(Reflect.get(Object(error), 'stderr'))),
      }
    } finally {
      rmSync(root, { recursive: true })
    }
  },
}

describe.runIf(hasTools)('tests are counted in the sandbox', () => {
  test.each<[string, Record<string, string>, number, string | undefined]>([
    ['nothing changed', { 'a.test.ts': TWO }, 0, undefined],
    ['a test was added', { 'a.test.ts': `${TWO}test('c', f)\n` }, 0, undefined],
    ['a file was moved', { 'deep/a.test.ts': TWO }, 0, undefined],
    [
      'a file was moved and lost a test',
      { 'deep/a.test.ts': "it('a', f)\n" },
      0,
      '1 test functions were removed, and none may be: a.test.ts (1).',
    ],
    ['a test was removed', { 'a.test.ts': "it('a', f)\n" }, 0, '1 test functions were removed'],
    ['a test may be removed', { 'a.test.ts': "it('a', f)\n" }, 1, undefined],
    ['the file was removed', {}, 1, '2 test functions were removed, and at most 1 may be'],
  ])('test_diff: %s', async (_, after, maxDeletions, problem) => {
    const rig = new ContractRig({ before: { 'a.test.ts': TWO }, after, workspace: realShell })
    const { problems } = await rig.check({ ...REMOVED, maxDeletions })
    expect(problems).toEqual(told(problem))
  })

  test('test_diff tells of files and functions', async () => {
    const rig = new ContractRig({ before: { 'a.test.ts': TWO }, after: {}, workspace: realShell })
    expect((await rig.check(REMOVED)).problems).toEqual([
      '1 test files were removed, and none may be: a.test.ts.',
      '2 test functions were removed, and none may be: a.test.ts (2).',
    ])
  })

  test.each<[Record<string, string>, string | undefined, string | undefined]>([
    [{ 'a.test.ts': TWO }, undefined, undefined],
    [{ 'b.test.ts': TWO }, undefined, undefined],
    [{ 'a.test.ts': "it('a', f)\n", 'b.ts': TWO }, undefined, '1 test functions fewer'],
    [{ 'a.test.ts': TWO }, 'v1', '2 test functions fewer than in v1.'],
    [{ 'a.test.ts': TWO }, 'v9', 'The base "v9" names no commit.'],
  ])('test_count_baseline over %j against %s: %s', async (after, baseRef, problem) => {
    const commits = { v1: { 'a.test.ts': TWO + TWO } }
    const rig = new ContractRig({
      before: { 'a.test.ts': TWO },
      after,
      commits,
      workspace: realShell,
    })
    const { problems } = await rig.check({ ...COUNT, baseRef })
    expect(problems).toEqual(told(problem))
  })

  test.each(['(', '(?P<', '*'])('a pattern that is none fails: %s', async (functionPattern) => {
    const rig = new ContractRig({ before: { 'a.test.ts': TWO }, after: {}, workspace: realShell })
    const { problems } = await rig.check({ ...REMOVED, functionPattern })
    expect(problems).toEqual([expect.stringContaining('cannot be counted')])
  })

  test('YT-14 a pattern that would take for ever ends inside the sandbox', async () => {
    const before = { 'a.test.ts': `${'a'.repeat(50_000)}b\n` }
    const rig = new ContractRig({ before, after: {}, workspace: realShell })
    const { problems } = await rig.check({ ...REMOVED, functionPattern: '(a|aa)+$' })
    expect(problems).toEqual([expect.stringContaining('cannot be counted')])
  })
})

test('YT-14 the search for test functions has the time of the contract', async () => {
  const workspace: MemoryWorkspaceOptions = {
    exec: () => ({ exitCode: undefined, stopped: 'timeout' }),
  }
  const rig = new ContractRig({ before: { 'a.test.ts': TWO }, after: {}, workspace })
  const { problems } = await rig.check({ ...REMOVED, timeoutMs: 5000 })
  expect(problems).toEqual(['The test functions cannot be counted: it took longer than 5 s.'])
  expect(rig.provider.opened[0]?.commands[0]?.limits.timeoutMs).toBe(5000)
})

test.each<[Of<'event_contains'>['events'], readonly string[]]>([
  [[{ state: 'tool-call', contains: 'bash' }], []],
  [[{ state: 'tool-call', contains: '"command":"npm test"' }], []],
  [[{ state: 'warning', contains: '' }], []],
  [
    [
      { state: 'tool-call', contains: 'npm run' },
      { state: 'hook-ran', contains: 'x' },
    ],
    [
      'None of the 1 events "tool-call" of this attempt contains "npm run".',
      'No event "hook-ran" happened in this attempt.',
    ],
  ],
])('event_contains %j', async (events, problems) => {
  const rig = new ContractRig({})
  const input = rig.context.context.store.put(Buffer.from('{"command":"npm test"}'))
  rig.events.push({ type: 'tool-call', step: 'report', call: 'c1', tool: 'bash', input })
  rig.events.push({ type: 'warning', step: 'report', message: 'x' })
  const report = await rig.check({ ...BASE, type: 'event_contains', events })
  expect(report.problems).toEqual(problems)
})

test('completeness names what is missing', async () => {
  const rig = new ContractRig({ artifacts: { report: 'x', 'triage.triage': '{}' } })
  const requires = [
    { step: 'triage', artifact: 'triage' },
    { step: 'root-cause', artifact: 'finding' },
  ]
  const contract: Contract = {
    type: 'completeness',
    source: 'report',
    requires,
    onFailure: undefined,
  }
  expect((await rig.check(contract)).problems).toEqual([
    'report: The artifact "finding" of step "root-cause" does not exist, and this must not close without it.',
  ])
  const [first] = requires
  expect(await rig.check({ ...contract, requires: first ? [first] : [] })).toMatchObject({
    passed: true,
  })
})
