import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildOrdersApi } from '../../demo/orders-api.ts'
import { createEvidenceRunner } from '../../packages/evidence/src/index.ts'
import { contextOf } from '../../packages/evidence/src/testing/contexts.ts'
import { createSnapshotSource } from '../../packages/workspace/src/index.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, type Sandbox } from '../support/sandbox.ts'

describeDocker('proof in a sandbox', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wave-proof-'))
  let sandbox: Sandbox

  beforeAll(async () => {
    sandbox = await openSandbox()
  })
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  test('the demo’s regression is confirmed, and the patch holds its revert alone', async () => {
    const repository = join(folder, 'orders-api')
    mkdirSync(repository)
    const { culprit, symptom } = await buildOrdersApi(repository)
    const source = createSnapshotSource({ dataDir: join(folder, 'data') })
    const snapshot = await source.take(repository, { include: [], history: 'full' })
    const mount = { snapshot, source: '.', target: '/src', mode: 'readwrite' } as const
    await using workspace = await sandbox.open('readwrite', { mount })
    const context = contextOf({ standIn: 'remediate', input: symptom, snapshot, workspace })
    const outcome = await createEvidenceRunner({ testCommand: 'node --test' }).run(context)
    expect(outcome).toMatchObject({ status: 'succeeded', verdict: 'confirmed' })
    const patch = await workspace.diff()
    expect(patch?.files.map(({ path }) => path)).toEqual([
      'src/db/customers.js',
      'src/routes/orders.js',
    ])
    const reverted = await snapshot.history.revert(culprit)
    expect(reverted.applies && reverted.patch.tree).toBe(patch?.tree)
  })
})
