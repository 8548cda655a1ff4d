import { execFileSync } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import type { InjectedArtifact, StepOutcome } from '@wave/core'
import { createEvidenceRunner } from './evidence-runner.ts'
import { STAND_INS } from './stand-ins.ts'
import { contextOf, CopyWorkspace } from './testing/contexts.ts'
import { GitRepository } from './testing/git-repository.ts'
import { snapshotOf } from './testing/git-snapshot.ts'
import { pythonIncident } from './testing/repositories.ts'

type Success = Extract<StepOutcome, { status: 'succeeded' }>

function succeeded(outcome: StepOutcome): Success {
  if (outcome.status !== 'succeeded') throw new Error('The step did not succeed.')
  return outcome
}

function textOf({ artifacts }: Success): string {
  return new TextDecoder().decode([...artifacts.values()][0])
}

function rateModule(code: string): string {
  return `export function rateOf(customer) {\n  ${code}\n}\n`
}

function testModule(name: string): string {
  return `import test from 'node:test'
import { rateOf } from '../src/rate.mjs'
test('${name}', () => { rateOf({}) })
`
}

/** A program whose test fails since the second of three commits. */
function brokenProgram(options: { readonly testInCulprit?: boolean } = {}): {
  repository: GitRepository
  culprit: string
  input: string
} {
  const repository = new GitRepository()
  onTestFinished(() => repository[Symbol.dispose]())
  repository.commit('Start', '2026-05-01T12:00:00Z', { 'README.md': 'Rates\n' })
  repository.commit('Add rates', '2026-05-02T12:00:00Z', {
    'src/rate.mjs': rateModule('return (customer.discount ?? { rate: 0 }).rate'),
    'test/rate.test.mjs': testModule('a customer has a rate'),
  })
  const culprit = repository.commit('Shorten the rate', '2026-05-10T12:00:00Z', {
    'src/rate.mjs': rateModule('return customer.discount.rate'),
    ...(options.testInCulprit === true && { 'test/more.test.mjs': testModule('more') }),
  })
  repository.commit('Describe rates', '2026-05-10T13:00:00Z', {
    'README.md': 'Rates of customers\n',
  })
  const input = `errors since 2026-05-10 15:00 UTC
TypeError: Cannot read properties of undefined (reading 'rate')
    at rateOf (file:///app/src/rate.mjs:2:28)`
  return { repository, culprit, input }
}

async function remediate(
  program: ReturnType<typeof brokenProgram>,
  testCommand: string | undefined,
): Promise<{ outcome: Success; workspace: CopyWorkspace }> {
  const workspace = new CopyWorkspace(program.repository)
  onTestFinished(() => workspace[Symbol.asyncDispose]())
  const context = contextOf({
    standIn: 'remediate',
    input: program.input,
    snapshot: snapshotOf(program.repository),
    workspace,
  })
  const outcome = succeeded(await createEvidenceRunner({ testCommand }).run(context))
  return { outcome, workspace }
}

function changedFiles(workspace: CopyWorkspace): string[] {
  const status = execFileSync('git', ['-C', workspace.source, 'status', '--porcelain', '--ignored'])
  return status
    .toString()
    .split('\n')
    .filter((line) => line !== '')
}

const TEST_COMMAND = 'node --test test/*.test.mjs; code=$?; touch left-over; exit $code'

test('failing, passing without the commit and failing again is proof', async () => {
  const program = brokenProgram()
  const { outcome, workspace } = await remediate(program, TEST_COMMAND)
  expect(outcome).toMatchObject({ verdict: 'confirmed', message: 'Revert proven by the tests' })
  expect(textOf(outcome)).toContain(`Proposed change: revert of commit ${program.culprit}`)
  expect(textOf(outcome)).toMatch(
    /1\. As it is: fails \(exit code 1, 1 tests\)\n2\. Without commit .* passes \(exit code 0, 1 tests\)\n3\. .* fails/,
  )
  // The workspace holds the revert and nothing that the tests left behind.
  expect(changedFiles(workspace)).toEqual([' M src/rate.mjs'])
  expect(outcome.patch).toBeUndefined()
})

test('a reproduction that passes proves nothing, and the revert stays a proposal', async () => {
  const { outcome, workspace } = await remediate(brokenProgram(), 'true')
  expect(outcome).toMatchObject({ verdict: 'inconclusive', message: 'Revert proposed, unproven' })
  expect(textOf(outcome)).toContain('does not reproduce the symptom')
  expect(changedFiles(workspace)).toEqual([' M src/rate.mjs'])
})

test('a revert that does not help is not proposed', async () => {
  const { outcome, workspace } = await remediate(brokenProgram(), 'false')
  expect(outcome).toMatchObject({ verdict: 'inconclusive', message: 'No change proposed' })
  expect(textOf(outcome)).toContain('it still fails without the commit')
  expect(textOf(outcome)).not.toContain('Proposed change')
  expect(changedFiles(workspace)).toEqual([])
})

test('fewer tests are no proof', async () => {
  const { outcome } = await remediate(brokenProgram({ testInCulprit: true }), TEST_COMMAND)
  expect(outcome.verdict).toBe('inconclusive')
  expect(textOf(outcome)).toContain('fewer tests run without the commit')
})

test('a test that fails only once is no proof', async () => {
  const once = '[ -e ../work/ran ] && exit 0; touch ../work/ran; exit 1'
  const { outcome } = await remediate(brokenProgram(), once)
  expect(outcome.verdict).toBe('inconclusive')
  expect(textOf(outcome)).toContain('did not fail again')
})

test('a test command that does not exist is told, not counted as a failing test', async () => {
  const { outcome } = await remediate(brokenProgram(), 'no-such-program-here')
  expect(outcome.verdict).toBe('inconclusive')
  expect(textOf(outcome)).toContain('does not exist in the sandbox')
})

test('without a workspace the host’s patch is the proposal', async () => {
  const program = brokenProgram()
  const context = contextOf({
    standIn: 'remediate',
    input: program.input,
    snapshot: snapshotOf(program.repository),
  })
  const outcome = succeeded(await createEvidenceRunner({ testCommand: TEST_COMMAND }).run(context))
  expect(outcome.verdict).toBe('inconclusive')
  expect(outcome.patch?.files.map(({ path }) => path)).toEqual(['src/rate.mjs'])
})

test('every stand-in writes its artifact under the declared name of its type', async () => {
  const incident = pythonIncident()
  onTestFinished(() => incident.repository[Symbol.dispose]())
  const snapshot = snapshotOf(incident.repository)
  const runner = createEvidenceRunner()
  for (const standIn of STAND_INS) {
    const context = contextOf({
      standIn,
      input: incident.symptom,
      snapshot,
      artifacts: [
        ['data', 'json'],
        ['page', 'markdown'],
      ],
    })
    const outcome = succeeded(await runner.run(context))
    expect([...outcome.artifacts.keys()]).toEqual([standIn === 'triage' ? 'data' : 'page'])
    expect((outcome.message ?? '').length).toBeLessThanOrEqual(40)
    expect(textOf(outcome).length).toBeGreaterThan(200)
  }
})

test('all steps of a run share one investigation', async () => {
  const incident = pythonIncident()
  onTestFinished(() => incident.repository[Symbol.dispose]())
  const snapshot = snapshotOf(incident.repository)
  let logs = 0
  const history = Object.assign({}, snapshot.history, {
    log: (query: { max: number }) => {
      logs += 1
      return snapshot.history.log(query)
    },
  })
  const counted = { ...snapshot, history }
  const runner = createEvidenceRunner()
  for (const standIn of STAND_INS) {
    await runner.run(contextOf({ standIn, input: incident.symptom, snapshot: counted }))
  }
  expect(logs).toBe(1)
})

test('a report of a later process takes the verdict from the remediation document', async () => {
  const program = brokenProgram()
  const { outcome } = await remediate(program, TEST_COMMAND)
  const remediation: InjectedArtifact = {
    as: 'remediation',
    type: 'markdown',
    ref: { digest: 'd'.repeat(64), sizeBytes: 1 },
    path: '/work/artifacts/remediation',
    content: [...outcome.artifacts.values()][0] ?? new Uint8Array(),
    origin: 'remediate',
  }
  const context = contextOf({
    standIn: 'postmortem',
    input: program.input,
    snapshot: snapshotOf(program.repository),
    inputs: [remediation],
  })
  const report = succeeded(await createEvidenceRunner().run(context))
  expect(report.verdict).toBe('confirmed')
  expect(textOf(report)).toContain('Class: confirmed.')
})
