import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FileArtifactStore } from '../artifact/store.ts'
import type { NewRunEvent, StoredArtifact } from '../events.ts'
import type { Snapshot } from '../ports.ts'
import { freezeFiles } from '../run/journal/frozen.ts'
import { openJournal } from '../run/journal/journal.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { memorySnapshot } from '../testing/memory-snapshot.ts'
import type { VerifyCheck } from './verify-check.ts'
import { verifyRun } from './verify-run.ts'

const REPORT = 'The cause is `a.ts:1`: `const a = 1`.\n'
const PIPELINE = 'steps: [{id: s, workspace: {mount: [{source: ./web/, target: /code/}]}}]\n'

/** A run of one step whose report passed the contract, looked at with this tree behind it. */
async function verified(
  tree: Snapshot | undefined,
  { report = REPORT, pipeline = PIPELINE } = {},
): Promise<readonly VerifyCheck[]> {
  const directory = mkdtempSync(join(tmpdir(), 'wave-verify-'))
  try {
    const store = new FileArtifactStore(join(directory, 'store'))
    const content = store.put(Buffer.from(report))
    const artifact = { ...content, name: 'report', path: 'report.md', type: 'markdown' } as const
    const frozen = freezeFiles(directory, [{ path: 'p.yaml', content: Buffer.from(pipeline) }])
    using journal = openJournal(directory, new ManualClock())
    journal.appendAll(eventsOf(artifact, { frozen, input: content }))
    const reopen = (): Promise<Snapshot | undefined> => Promise.resolve(tree)
    return await verifyRun({ directory, projectRoot: directory, snapshots: { reopen } })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

type Started = Extract<NewRunEvent, { readonly type: 'run-started' }>

function eventsOf(
  artifact: StoredArtifact,
  refs: Pick<Started, 'frozen' | 'input'>,
): readonly NewRunEvent[] {
  const tree = memorySnapshot({ 'a.ts': 'const a = 1\n' }).tree
  const of = { step: 's', attempt: 1 } as const
  return [
    {
      type: 'run-started',
      run: 'r1',
      pipeline: { name: 'p', file: 'p.yaml', digest: 'd' },
      steps: [{ id: 's', role: 'auditor', dependencies: [] }],
      mode: 'model',
      ...refs,
      projectDigest: 'd',
      snapshot: { tree, head: undefined, dirty: false, files: 1, dropped: [] },
      sandbox: { kind: 'none' },
      models: {},
      limits: { minutes: 1, concurrency: 1, usd: undefined, tokens: undefined },
      waveVersion: '0.1.0',
    },
    { type: 'step-started', ...of, tree, inputs: [] },
    {
      type: 'contract-checked',
      ...of,
      contract: 'citations report',
      passed: true,
      problems: [],
      notes: ['1 citation: 1 verified'],
    },
    {
      type: 'step-succeeded',
      ...of,
      artifacts: [artifact],
      message: 'Done',
      durationMs: 1,
      usage: undefined,
    },
  ]
}

/** The same tree by its id, whatever is in it. */
function claiming(files: Readonly<Record<string, string>>): Snapshot {
  const { tree } = memorySnapshot({ 'a.ts': 'const a = 1\n' })
  return { ...memorySnapshot(files), tree }
}

function citations(checks: readonly VerifyCheck[]): readonly string[] {
  return checks.flatMap(({ name, level, message }) =>
    name === 'citations' ? [`${level}: ${message}`] : [],
  )
}

test('a citation that holds is counted', async () => {
  expect(citations(await verified(claiming({ 'a.ts': 'const a = 1\n' })))).toEqual([
    'ok: report.md of s: 1 citation: 1 verified.',
  ])
})

test('a citation that does not hold against the tree it was checked with is an error', async () => {
  const [check] = citations(await verified(claiming({ 'a.ts': 'const b = 2\n' })))
  expect(check).toMatch(/^error: report\.md of s: .*a\.ts:1.*nowhere in the file/u)
})

test('a step that saw a part of the project names its files as it saw them', async () => {
  const tree = claiming({ 'web/a.ts': 'const a = 1\n' })
  const report = 'The cause is `/code/a.ts:1`: `const a = 1`.\n'
  const good = citations(await verified(tree, { report }))
  expect(good).toEqual(['ok: report.md of s: 1 citation: 1 verified.'])
  expect(citations(await verified(tree))).toEqual(good)
  const none = citations(await verified(tree, { pipeline: 'steps: []\n' }))
  expect(none[0]).toMatch(/^error: /u)
})

test('without the objects of the tree the rest is verified all the same', async () => {
  const checks = await verified(undefined)
  expect(checks.map(({ name, level }) => `${name} ${level}`)).toEqual([
    'run note',
    'journal ok',
    'store ok',
    'frozen ok',
    'tree note',
  ])
})
