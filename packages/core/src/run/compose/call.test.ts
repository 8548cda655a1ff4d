import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WaveError } from '../../errors.ts'
import { MemoryArtifactStore } from '../../testing/memory-storage.ts'
import type { StepOutcome } from '../../ports.ts'
import { settle } from '../../testing/manual-clock.ts'
import { startRig, succeed } from '../../testing/rig.ts'
import { planYaml } from '../../testing/yaml-plan.ts'
import { artifactYaml, pipelineYaml, promptYaml, runYaml } from '../../testing/yaml-run.ts'
import type { Perform } from '../../testing/yaml-run.ts'

const files = {
  audit: `kind: WavePipeline
metadata: {name: audit}
input: {type: string}
steps:
  - id: scan
    persona: auditor
    exec: {source: "Scan {{ input }} at {{ env.depth }}"}
    output_artifacts: [{name: findings, path: out/findings.json, type: json}]
pipeline_outputs:
  findings: {step: scan, artifact: findings}
  worst: {step: scan, artifact: findings, field: items.worst}
`,
}
const yaml = pipelineYaml(
  promptYaml('triage', artifactYaml('symptom', 'txt')) +
    `  - id: audit
    pipeline: audit
    dependencies: [triage]
    input: "{{ steps.triage.artifacts.symptom }}"
    config: {env: {depth: quick}}
  - id: report
    persona: summarizer
    dependencies: [audit]
    memory: {inject_artifacts: [{step: audit, artifact: worst}]}
    exec: {source: "Worst: {{ artifacts.worst.text }}"}
`,
)

test('the child runs on its own input and environment, and its outputs are artifacts of the step', async () => {
  const tasks: Record<string, string> = {}
  const { statuses, outcome } = await runYaml(
    yaml,
    (context) => {
      tasks[context.planned.step.id] = context.task
      if (context.planned.step.id === 'triage') return succeed({ symptom: 'slow' })
      return succeed({ findings: '{"items":{"worst":"cart.js"}}' })
    },
    { files },
  )
  expect(statuses).toEqual({
    triage: 'succeeded',
    audit: 'succeeded',
    'audit/scan': 'succeeded',
    report: 'succeeded',
  })
  expect(tasks).toMatchObject({
    'audit/scan': 'Scan slow at quick',
    report: 'Worst: "cart.js"',
  })
  expect(outcome).toBe('completed')
})

test('a child that fails fails the step, and the reason is kept', async () => {
  const { outcome, exitCode, state } = await runYaml(
    yaml,
    ({ planned }) =>
      planned.step.id === 'audit/scan'
        ? { status: 'failed', failure: { reason: 'model-refused' }, usage: undefined }
        : succeed({ symptom: 's' }),
    { files },
  )
  expect({ outcome, exitCode }).toEqual({ outcome: 'failed', exitCode: 1 })
  expect(state.steps.get('audit')?.failure).toMatchObject({
    reason: 'child-failed',
    step: 'audit/scan',
    failure: { reason: 'model-refused' },
  })
})

const writer = pipelineYaml(
  promptYaml('draft', '    output_artifacts: [{name: draft, path: output/draft.txt}]\n') +
    promptYaml(
      'write',
      '    dependencies: [draft]\n    output_artifacts: [{name: text, path: output/text.txt}]\n',
    ),
).replace('name: test', 'name: writer')

const write: Perform = () => succeed({ draft: 'D', text: 'T' })

async function leavesOf(text: string): Promise<readonly string[]> {
  const projectRoot = mkdtempSync(join(tmpdir(), 'wave-'))
  const { delivered } = await runYaml(text, write, { files: { writer }, projectRoot })
  rmSync(projectRoot, { recursive: true })
  expect(delivered).toHaveLength(2)
  return delivered.filter(({ leaf }) => leaf).map(({ path }) => path)
}

test('the summary names what a called pipeline delivers, unless a later step builds on the call', async () => {
  const called = pipelineYaml('  - {id: call, pipeline: writer, input: x}\n')
  expect(await leavesOf(called)).toEqual(['output/text.txt'])
  expect(await leavesOf(called + promptYaml('last', '    dependencies: [call]\n'))).toEqual([])
})

test('an artifact that was damaged fails the step that needs it, not the whole run', async () => {
  const store = new MemoryArtifactStore()
  const get = store.get.bind(store)
  store.get = (ref) => {
    const content = get(ref)
    if (Buffer.from(content).toString() !== 'broken') return content
    throw new WaveError('workspace-failed', 'An artifact was damaged.')
  }
  const { statuses, exitCode } = await runYaml(
    pipelineYaml(
      promptYaml('first', artifactYaml('x', 'txt')) +
        promptYaml(
          'use',
          '    dependencies: [first]\n    memory: {inject_artifacts: [{step: first, artifact: x}]}\n',
        ) +
        promptYaml('other', '    dependencies: [first]\n'),
      'failure_policy: continue',
    ),
    () => succeed({ x: 'broken' }),
    { store },
  )
  expect(statuses).toEqual({ first: 'succeeded', use: 'failed', other: 'succeeded' })
  expect(exitCode).toBe(4)
})

test('a called pipeline spends no more than its own limits, over all that it calls itself', async () => {
  const scan = '  - {id: each, pipeline: scan, input: x, iterate: {over: "[1, 2]"}}\n'
  const nested = {
    bound: pipelineYaml(scan, 'limits: {tokens: 100}').replace('name: test', 'name: bound'),
    scan: pipelineYaml(promptYaml('look')).replace('name: test', 'name: scan'),
  }
  const { state, exitCode } = await runYaml(
    pipelineYaml('  - {id: call, pipeline: bound, input: x}\n'),
    ({ budget }) => {
      const failure = budget.reserve({ tokens: 60 })
      if (failure !== undefined) return { status: 'failed', failure, usage: undefined }
      budget.settle({ tokens: 60 })
      return succeed()
    },
    { files: nested },
  )
  expect(state.steps.get('call/each[1]')?.status).toBe('succeeded')
  expect(state.steps.get('call/each[2]')?.status).toBe('failed')
  expect(exitCode).toBe(5)
})

test('a called pipeline ends after the minutes that it gives itself', async () => {
  const slow = files.audit.replace('input: {type: string}', 'limits: {minutes: 1}')
  const rig = startRig({
    plan: planYaml(yaml, { audit: slow.replace('{{ input }}', 'all') }),
    perform: ({ planned, signal }) =>
      planned.step.id === 'triage' ? succeed({ symptom: 's' }) : untilAborted(signal),
  })
  await settle()
  await rig.clock.advance(60_000)
  const { state, exitCode } = await rig.result
  expect(state.steps.get('audit')?.failure).toMatchObject({
    reason: 'limit-reached',
    limit: 'time',
  })
  expect(exitCode).toBe(5)
})

function untilAborted(signal: AbortSignal): Promise<StepOutcome> {
  return new Promise((resolve) => {
    const failure = { reason: 'cancelled' } as const
    signal.addEventListener('abort', () => resolve({ status: 'failed', failure, usage: undefined }))
  })
}
