import { expect, test } from 'vitest'
import { succeed } from '../../testing/rig.ts'
import { artifactYaml, pipelineYaml, promptYaml, runYaml } from '../../testing/yaml-run.ts'

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
