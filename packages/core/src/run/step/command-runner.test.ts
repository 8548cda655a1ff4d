import { expect, test } from 'vitest'
import type { CommandStep } from '../../pipeline/pipeline.ts'
import type { ExecResult } from '../../ports.ts'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import { sketchArtifact, sketchCommand, sketchPlan, sketchStep } from '../../testing/plans.ts'
import { startRig, succeed } from '../../testing/rig.ts'

/** Runs one command step that gets this answer. */
async function runCommand(answer: Partial<ExecResult>, more: Partial<CommandStep> = {}) {
  const provider = new MemoryWorkspaceProvider({ exec: () => answer })
  const triage = sketchStep({ id: 'triage', artifacts: [sketchArtifact('report', 'report.txt')] })
  const step = sketchCommand({
    id: 'tests',
    script: { text: 'npm test # {{ run.name }}', location: triage.location },
    dependencies: ['triage'],
    inject: [{ step: 'triage', artifact: 'report', as: 'first-look' }],
    ...more,
  })
  const rig = startRig({
    plan: sketchPlan([triage, step]),
    provider,
    perform: () => succeed({ report: 'found' }),
  })
  const { state, exitCode } = await rig.result
  return {
    step: state.steps.get('tests'),
    exitCode,
    workspace: provider.opened[0],
    store: rig.store,
  }
}

test('the script runs under sh -c, with its inputs as files named by variables', async () => {
  const { step, workspace } = await runCommand({}, { dir: '/src/server' })
  expect(step?.status).toBe('succeeded')
  expect(workspace?.commands).toEqual([
    {
      command: ['sh', '-c', 'npm test # test'],
      limits: {
        cwd: '/src/server',
        timeoutMs: 900_000,
        maxOutputBytes: 8 * 2 ** 20,
        env: {
          WAVE_INPUT_FILE: '/work/artifacts/_input',
          WAVE_ARTIFACT_FIRST_LOOK: '/work/artifacts/first-look',
        },
      },
    },
  ])
  expect(String(workspace?.files.get('/work/artifacts/_input'))).toBe('the input')
  expect(String(Buffer.from(workspace?.files.get('/work/artifacts/first-look') ?? []))).toBe(
    'found',
  )
})

test('standard output becomes the artifact that asks for it', async () => {
  const artifacts = [sketchArtifact('log', 'output/log.txt', { source: 'stdout' })]
  const stdout = Buffer.from('all green')
  const { step, store } = await runCommand({ stdout, output: Buffer.from('noise') }, { artifacts })
  const [log] = step?.artifacts ?? []
  expect(log && String(Buffer.from(store.get(log)))).toBe('all green')
})

test('a status other than 0 is a failure that carries the end of the output', async () => {
  const output = Buffer.from(`${'x'.repeat(9000)}the end`)
  const { step, exitCode } = await runCommand({ exitCode: 2, output })
  expect(exitCode).toBe(1)
  expect(step?.failure).toMatchObject({
    reason: 'command-failed',
    command: 'npm test # test',
    exitCode: 2,
    output: expect.stringMatching(/^x{4089}the end$/),
  })
})

test.each([
  ['timeout', { reason: 'limit-reached', limit: 'time', scope: 'step' }],
  ['oom', { reason: 'oom' }],
  ['cancelled', { reason: 'cancelled' }],
  ['output-limit', { reason: 'command-failed', output: expect.stringContaining('8 MiB') }],
] as const)('a command stopped by %s says so', async (stopped, failure) => {
  const { step } = await runCommand({ stopped, exitCode: undefined })
  expect(step?.failure).toMatchObject(failure)
})

test('a command that cannot start because its folder is missing names the folder', async () => {
  const { step } = await runCommand({ exitCode: 126 }, { dir: '/src/nowhere' })
  expect(step?.failure).toMatchObject({
    reason: 'command-failed',
    problem: 'There is no folder "/src/nowhere" for the command to start in.',
  })
  const plain = await runCommand({ exitCode: 126 })
  expect(plain.step?.failure).not.toHaveProperty('problem')
})
