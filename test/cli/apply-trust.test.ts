/** `wave apply` with the folder of a run that came with a repository, and that no wave wrote. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { NewRunEvent } from '../../packages/core/src/index.ts'
import { readRunPatches } from '../../packages/cli/src/run-patches.ts'
import { artifactRef } from '../../packages/core/src/artifact/store.ts'
import { resultOf, Sandbox } from '../support/cli.ts'
import { writeRun } from '../support/journal.ts'

const NOTHING = artifactRef(new Uint8Array())

test('apply refuses a planted run whose patch is said to lie outside its store, and does not open what lies there', async () => {
  using sandbox = new Sandbox()
  sandbox.initGit()
  // Whoever opens it waits for a writer that never comes.
  const pipe = join(sandbox.root, 'pipe')
  execFileSync('mkfifo', [pipe])
  const digest = `${'../'.repeat(30)}${pipe}`
  plant(sandbox, changedBy({ digest, sizeBytes: 1 }))
  const child = sandbox.start(['apply', 'planted', '--yes'])
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin?.end()
  const { exitCode, stderr } = await resultOf(child)
  expect({ exitCode, stderr }).toEqual({
    exitCode: 4,
    stderr: expect.stringMatching(/^error\[journal-refused\]/),
  })
})

test.each([
  ['begins with half a record', [{ type: 'run-started' }]],
  ['leaves out what has no path', changedBy({ ...NOTHING, leftOut: [null] })],
])('apply refuses a planted run whose journal %s', (_, events) => {
  using sandbox = new Sandbox()
  const { digest } = NOTHING
  sandbox.write(`.wave/runs/planted/store/${digest.slice(0, 2)}/${digest}`, '')
  expect(() => readRunPatches(plant(sandbox, events))).toThrow(
    expect.objectContaining({ name: 'WaveError', code: 'journal-refused' }),
  )
})

/** As a stranger writes it, whom no compiler checks. */
function plant(sandbox: Sandbox, events: readonly object[]): string {
  const planted: readonly NewRunEvent[] = JSON.parse(JSON.stringify(events))
  return writeRun(sandbox.project, 'planted', planted)
}

function changedBy(patch: object): readonly object[] {
  return [
    {
      type: 'run-started',
      run: 'planted',
      pipeline: { name: 'p', file: 'p.yaml', digest: 'd' },
      steps: [{ id: 'fix', role: 'command', dependencies: [] }],
      mode: 'model',
      input: { digest: 'd', sizeBytes: 1 },
      projectDigest: 'd',
      snapshot: { tree: 't', head: undefined, dirty: false, files: 0, dropped: [] },
      sandbox: { kind: 'none' },
      models: {},
      limits: { minutes: 60, concurrency: 4, usd: undefined, tokens: undefined },
      waveVersion: '0.1.0',
    },
    {
      type: 'step-succeeded',
      step: 'fix',
      attempt: 1,
      artifacts: [],
      patch: { ...patch, baseTree: 't', tree: 'u', files: 1, added: 1, deleted: 0 },
      message: '',
      durationMs: 1,
      usage: undefined,
    },
  ]
}
