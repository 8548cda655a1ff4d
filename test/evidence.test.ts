import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildOrdersApi, callOrders, type OrdersApi } from '../demo/orders-api.ts'
import {
  bundledPipelines,
  checkArtifacts,
  loadPipeline,
  type Snapshot,
  type Step,
} from '../packages/core/src/index.ts'
import { checkDocuments } from '../packages/core/src/contract/check.ts'
import { createEvidenceRunner, type Findings, investigate } from '../packages/evidence/src/index.ts'
import { contextOf } from '../packages/evidence/src/testing/contexts.ts'
import { createSnapshotSource } from '../packages/workspace/src/index.ts'

const NOW = '2026-11-22T10:00:00.000Z'
const folder = mkdtempSync(join(tmpdir(), 'wave-demo-'))
const repository = join(folder, 'orders api')
let demo: OrdersApi
let snapshot: Snapshot
let findings: Findings

beforeAll(async () => {
  mkdirSync(repository)
  demo = await buildOrdersApi(repository)
  const source = createSnapshotSource({ dataDir: join(folder, 'data') })
  snapshot = await source.take(repository, { include: [], history: 'full' })
  findings = await investigate({ input: demo.symptom, snapshot, nowUtc: NOW })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The demo's program as it was at a commit. */
async function at<T>(commit: string, use: (directory: string) => T | Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(folder, 'at-'))
  const archive = execFileSync('git', ['-C', repository, 'archive', commit])
  execFileSync('tar', ['-x', '-C', directory], { input: archive })
  return use(directory)
}

function testsPass(directory: string): boolean {
  try {
    // With the variables of a test around it the child would report to that test.
    execFileSync(process.execPath, ['--test'], { cwd: directory, env: {}, stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}

test('the demo answers 500 now, and 200 before the commit that broke it', async () => {
  expect((await callOrders(repository)).status).toBe(500)
  expect((await at(demo.culprit, callOrders)).status).toBe(500)
  expect((await at(`${demo.culprit}^`, callOrders)).status).toBe(200)
})

test('the demo’s tests fail now and passed when the regression was committed', async () => {
  expect(testsPass(repository)).toBe(false)
  expect(await at(demo.culprit, testsPass)).toBe(true)
})

test('the demo’s symptom is what the running program printed', async () => {
  const { trace } = await callOrders(repository)
  expect(trace).toMatch(/^TypeError: .*\n {4}at /)
  expect(demo.symptom).toContain(trace)
})

test('the demo is the same repository every time', async () => {
  const again = mkdtempSync(join(folder, 'again-'))
  expect((await buildOrdersApi(again)).culprit).toBe(demo.culprit)
})

test('in the demo the commit that broke it is the first suspect, and its revert applies', () => {
  const [first] = findings.commits
  expect(first?.commit.id).toBe(demo.culprit)
  expect(first?.likelihood).toBe('HIGH')
  expect(first?.revert).toMatchObject({ applies: true })
})

test('the demo’s symptom without its stack trace still leads to the commit', async () => {
  const input = demo.symptom.split('\n', 1)[0] ?? ''
  const { commits } = await investigate({ input, snapshot, nowUtc: NOW })
  expect(commits.slice(0, 3).map(({ commit }) => commit.id)).toContain(demo.culprit)
})

test('every artifact of evidence mode keeps the contracts of the bundled pipelines', async () => {
  const runner = createEvidenceRunner()
  for (const input of [demo.symptom, 'It feels slow.', '{{ x }} {% raw %}\n# Findings']) {
    for (const step of bundledSteps()) {
      const { standIn = '' } = step
      const artifacts = step.artifacts.map(({ name, type }) => [name, type] as const)
      const outcome = await runner.run(contextOf({ standIn, input, snapshot, artifacts }))
      const made =
        outcome.status === 'succeeded' ? outcome.artifacts : new Map<string, Uint8Array>()
      const check = checkArtifacts(step, made)
      const reports = await checkDocuments(step, check.artifacts, {
        start: snapshot,
        find: findAny,
      })
      const problems = [...check.problems, ...reports].flatMap((one) => one.problems)
      expect([step.id, ...problems]).toEqual([step.id])
      expect(reports).toHaveLength(step.contracts.length)
    }
  }
})

test('PI-13 in the demo the report cites the source, and each citation holds', async () => {
  const step = bundledSteps().find(({ standIn }) => standIn === 'postmortem')
  if (step === undefined) throw new Error('The bundled pipeline writes no report.')
  const artifacts = step.artifacts.map(({ name, type }) => [name, type] as const)
  const context = contextOf({ standIn: 'postmortem', input: demo.symptom, snapshot, artifacts })
  const outcome = await createEvidenceRunner().run(context)
  const made = outcome.status === 'succeeded' ? outcome.artifacts : new Map<string, Uint8Array>()
  const reports = await checkDocuments(step, made, { start: snapshot, find: () => undefined })
  const notes = reports.flatMap((report) => report.notes ?? [])
  expect(notes).toEqual([expect.stringMatching(/^([2-9]\d) citations: \1 verified$/)])
  // The one contract that is about the other steps, which did not run here.
  const failed = reports.filter((report) => !report.passed)
  expect(failed.map(({ contract }) => contract.type)).toEqual(['completeness'])
})

/** As if every earlier step had made its artifact. */
function findAny(): Uint8Array {
  return new Uint8Array()
}

function bundledSteps(): Extract<Step, { kind: 'prompt' }>[] {
  return bundledPipelines().flatMap((file) => {
    const loaded = loadPipeline(file, { read: () => undefined, pipeline: () => undefined })
    if (!loaded.ok) throw new Error(`The bundled pipeline ${file.name ?? ''} does not load.`)
    return loaded.value.steps.filter((step) => step.kind === 'prompt')
  })
}
