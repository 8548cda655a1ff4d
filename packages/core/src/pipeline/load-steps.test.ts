import { expect, test } from 'vitest'
import { loadPipeline } from './load.ts'
import type { Pipeline, Step } from './pipeline.ts'
import type { ProjectFiles } from './source.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const CHILD = `metadata: {name: audit}
steps:
  - id: look
    persona: auditor
    exec: {source: "Look at {{ input }} and {{ env.depth }}"}
    output_artifacts: [{name: findings, path: output/findings.json}, {name: report, path: report.md}]
pipeline_outputs:
  findings: {step: look, artifact: findings}
  count: {step: look, artifact: findings, field: total.count}
  text: {step: look, artifact: report, type: markdown}
`

const PROJECT: ProjectFiles = {
  read: (path) => (path === '.wave/contracts/note.json' ? bytes('{"type":"object"}') : undefined),
  pipeline: (name) =>
    name === 'audit'
      ? { file: '.wave/pipelines/audit.yaml', name, bytes: bytes(CHILD), origin: 'project' }
      : undefined,
}

function loaded(text: string): Pipeline {
  const source = { file: 'p.yaml', name: undefined, bytes: bytes(text), origin: 'path' as const }
  const result = loadPipeline(source, PROJECT)
  if (!result.ok) throw new Error(JSON.stringify(result.problems, undefined, 2))
  return result.value
}

/** The last step of a pipeline that begins with a step `triage`. */
function last(step: string): Step {
  const steps = loaded(`metadata: {name: p}
steps:
  - id: triage
    persona: navigator
    exec: {source: x}
    output_artifacts: [{name: notes, path: notes.txt}, {name: triage, path: output/triage.json}]
${step}`).steps
  const found = steps.at(-1)
  if (found === undefined) throw new Error('no step')
  return found
}

test('the keys of a pipeline arrive', () => {
  const pipeline = loaded(`metadata:
  name: p
  category: ops
  annotations: {team: sre}
  disabled: true
input: {type: json, schema: {type: object, required: [id]}}
snapshot: {include: [./node_modules/, vendor], history: none}
hooks:
  - {name: lint, event: step_completed, type: command, matcher: "l*", command: npm run lint}
pipeline_outputs:
  findings: {step: look, artifact: findings}
  severity: {step: look, artifact: findings, field: a.severity}
steps:
  - id: look
    persona: auditor
    exec: {source: x}
    output_artifacts: [{name: findings, path: output/findings.json}]
`)
  expect(pipeline).toMatchObject({
    category: 'ops',
    annotations: { team: 'sre' },
    disabled: true,
    input: { type: 'json', schema: { type: 'object', required: ['id'] } },
    snapshot: { include: ['node_modules', 'vendor'], history: 'none' },
    hooks: [{ name: 'lint', matcher: 'l*', blocking: true, timeoutMs: 30_000 }],
    outputs: [
      { name: 'findings', step: 'look', artifact: 'findings', field: undefined, type: 'json' },
      { name: 'severity', step: 'look', artifact: 'findings', field: 'a.severity', type: 'json' },
    ],
  })
})

test('a prompt step takes limits, a temperature, a condition and assertions on what it is given', () => {
  const step = last(`  - id: review
    persona: auditor
    dependencies: [triage]
    when: |
      {{ steps.triage.artifacts.triage.severity == "P1" }}
    model: {name: balanced, temperature: 0.2}
    limits: {turns: 30, usd: 0.8}
    optional: true
    exec: {source: x}
    workspace: {image: node-24, mount: [{source: ./, mode: readwrite}]}
    memory:
      inject_artifacts:
        - {step: triage, artifact: triage, optional: true, type: json, schema_path: .wave/contracts/note.json}
    output_artifacts: [{name: log, path: "output/{{ run.id }}/{{ step.attempt }}.log"}]
`)
  expect(step).toMatchObject({
    kind: 'prompt',
    when: {
      text: 'steps.triage.artifacts.triage.severity == "P1"',
      location: { line: 11, column: 10 },
    },
    model: { name: 'balanced', temperature: 0.2 },
    turns: 30,
    limits: { tokens: undefined, usd: 0.8 },
    retry: { onFailure: 'continue' },
    image: 'node-24',
    inject: [{ as: 'triage', optional: true, type: 'json', schema: { type: 'object' } }],
    artifacts: [{ path: 'output/{{ run.id }}/{{ step.attempt }}.log', type: 'text' }],
  })
})

test('a step that calls a pipeline holds it, and hands over its outputs', () => {
  const step = last(`  - id: audit
    dependencies: [triage]
    pipeline: audit
    input: "{{ steps.triage.artifacts.triage.symptom }}"
    config: {env: {depth: quick}}
    timeout: 30m
    outcomes: [{type: file, extract_from: findings, json_path: "[*].id"}]
`)
  expect(step).toMatchObject({
    kind: 'pipeline',
    child: { name: 'audit', file: '.wave/pipelines/audit.yaml', origin: 'project' },
    input: { text: { text: '{{ steps.triage.artifacts.triage.symptom }}' } },
    env: { depth: { text: 'quick', location: { line: 11, column: 27 } } },
    timeoutMs: 1_800_000,
    artifacts: [
      { name: 'findings', type: 'json' },
      { name: 'count', type: 'json' },
      { name: 'text', type: 'markdown' },
    ],
    outcomes: [{ extractFrom: 'findings' }],
  })
})

test('a fan-out has its list, its limits and the artifacts of one item', () => {
  const step = last(`  - id: review
    persona: auditor
    dependencies: [triage]
    iterate: {over: "{{ steps.triage.artifacts.triage.items }}", mode: parallel, max_concurrent: 3, max_items: 50, on_failure: continue, min_success_rate: 0.8}
    exec: {source: "{{ item | json }}"}
    output_artifacts: [{name: note, path: output/note.md}]
`)
  expect(step).toMatchObject({
    iterate: {
      items: {
        kind: 'list',
        over: {
          text: 'steps.triage.artifacts.triage.items',
          location: { line: 10, column: 25 },
        },
      },
      mode: 'parallel',
      maxConcurrent: 3,
      maxItems: 50,
      onFailure: 'continue',
      minSuccessRate: 0.8,
    },
    artifacts: [{ name: 'note', type: 'markdown' }],
  })
})

test('a matrix reads the first JSON artifact of the step that it names', () => {
  const step = last(`  - id: review
    persona: auditor
    dependencies: [triage]
    strategy: {type: matrix, items_source: triage/plan.recent-changes, item_key: list, max_concurrency: 2}
    exec: {source: "{{ task }}"}
`)
  expect(step.iterate).toMatchObject({
    items: {
      over: {
        text: 'steps.triage.artifacts.triage.plan["recent-changes"].list',
        location: { line: 10, column: 44 },
      },
    },
    mode: 'parallel',
    maxConcurrent: 2,
    maxItems: 100,
  })
})

test('a branch holds the pipeline of each case', () => {
  const step = last(`  - id: route
    dependencies: [triage]
    branch: {on: steps.triage.artifacts.triage.severity, cases: {P1: audit, P4: skip}, default: audit}
`)
  expect(step).toMatchObject({
    kind: 'branch',
    on: { text: 'steps.triage.artifacts.triage.severity' },
    cases: { P1: { name: 'audit' }, P4: 'skip' },
    otherwise: { name: 'audit' },
    input: undefined,
  })
  expect(step.artifacts.map(({ name }) => name)).toEqual(['findings', 'count', 'text'])
})

test('a loop holds its steps and stands for what they hand over', () => {
  const step = last(`  - id: polish
    dependencies: [triage]
    loop:
      max_iterations: 3
      until: steps.check.artifacts.verdict.ok
      on_exhausted: continue
      steps:
        - id: draft
          persona: summarizer
          exec: {source: Improve the text}
          memory:
            inject_artifacts:
              - {step: triage, artifact: triage}
              - {step: draft, artifact: text, as: last, iteration: previous}
              - {step: check, artifact: verdict, iteration: previous}
          output_artifacts: [{name: text, path: text.md}]
        - id: inner
          dependencies: [draft]
          loop: {max_iterations: 2, steps: [{id: deep, type: command, script: x, output_artifacts: [{name: log, source: stdout}]}]}
        - id: check
          persona: auditor
          dependencies: [draft, inner]
          exec: {source: Check the text}
          memory: {inject_artifacts: [{step: inner, artifact: log}]}
          output_artifacts: [{name: verdict, path: verdict.json}]
`)
  expect(step).toMatchObject({
    kind: 'loop',
    maxIterations: 3,
    until: { text: 'steps.check.artifacts.verdict.ok' },
    onExhausted: 'continue',
    artifacts: [{ name: 'text' }, { name: 'log' }, { name: 'verdict' }],
    steps: [
      {
        kind: 'prompt',
        location: { line: 14, column: 11 },
        inject: [{ step: 'triage' }, { as: 'last', previous: true }, { previous: true }],
      },
      { kind: 'loop', until: undefined, onExhausted: 'fail', steps: [{ id: 'deep' }] },
      { kind: 'prompt', inject: [{ step: 'inner', artifact: 'log' }] },
    ],
  })
})

test('a gate has its choices and hands over the answer', () => {
  const step = last(`  - id: sign-off
    dependencies: [triage]
    gate: {type: approval, message: "Ship it?", choices: [{key: y, label: Yes}, {key: n, fail: true}], timeout: 24h, default: n, freeform: true}
`)
  expect(step).toMatchObject({
    kind: 'gate',
    gate: {
      type: 'approval',
      message: { text: 'Ship it?' },
      choices: [
        { key: 'y', label: 'Yes', fail: false },
        { key: 'n', label: 'n', fail: true },
      ],
      waitMs: 86_400_000,
      defaultChoice: 'n',
      freeform: true,
    },
    artifacts: [{ name: 'answer', type: 'json' }],
  })
  const plain = last('  - {id: ask, gate: {type: approval}}\n')
  const keys = plain.kind === 'gate' ? plain.gate.choices.map(({ key }) => key) : []
  expect(keys).toEqual(['approve', 'reject'])
  expect(last('  - {id: wait, gate: {type: timer, timeout: 5m}}\n')).toMatchObject({
    gate: { type: 'timer', waitMs: 300_000, choices: [] },
  })
})

test.each([
  ['concat', 'md', '', { type: 'concat' }],
  ['merge_objects', 'json', '', { type: 'merge_objects' }],
  ['merge_arrays', 'json', ', key: id', { type: 'merge_arrays', key: 'id' }],
  [
    'vote',
    'json',
    ', require: 2/3, verdicts: [yes please, no], allow_partial: true',
    {
      type: 'vote',
      require: { votes: 2, of: 3 },
      allowPartial: true,
      verdicts: ['yes please', 'no'],
      field: 'verdict',
    },
  ],
])('an aggregate joins by %s', (strategy, ending, extra, expected) => {
  const step = last(`  - id: all
    dependencies: [triage]
    aggregate: {from: [triage.triage], strategy: ${strategy}${extra}}
    output_artifacts: [{name: all, path: output/all.${ending}}]
`)
  expect(step).toMatchObject({
    kind: 'aggregate',
    from: [{ step: 'triage', artifact: 'triage' }],
    strategy: expected,
  })
})

test('a step that repairs another one is given what came before that one, and its results', () => {
  const steps = loaded(`metadata: {name: p}
steps:
  - id: plan
    persona: auditor
    exec: {source: x}
    output_artifacts: [{name: plan, path: plan.md}]
  - id: fix
    persona: craftsman
    dependencies: [plan]
    exec: {source: x}
    workspace: {type: worktree}
    output_artifacts: [{name: fix, path: fix.md}]
    retry: {on_failure: rework, rework_step: mend}
  - id: mend
    persona: craftsman
    rework_only: true
    exec: {source: x}
    memory: {inject_artifacts: [{step: plan, artifact: plan}, {step: fix, artifact: fix}]}
  - id: tests
    type: command
    dependencies: [fix]
    script: npm test
    workspace: {ref: fix}
`).steps
  expect(steps[1]?.retry.rework).toEqual({ step: 'mend', maxRounds: 1 })
  expect(steps[2]?.reworkOnly).toBe(true)
  expect(steps[3]?.mount).toEqual({
    source: '.',
    target: '/src',
    mode: 'readwrite',
    from: { ref: 'fix' },
  })
})

test('the pipeline of the language page loads, apart from what it leaves out', () => {
  const pipeline = loaded(`metadata: {name: p}
steps:
  - id: triage
    persona: navigator
    exec: {source: x}
    output_artifacts: [{name: triage, path: output/triage.json}]
  - id: audit
    dependencies: [triage]
    pipeline: audit
    input: "{{ steps.triage.artifacts.triage.symptom }}"
    config: {env: {depth: quick}}
  - id: review
    persona: auditor
    dependencies: [audit]
    iterate: {over: steps.audit.artifacts.findings.items, mode: parallel}
    exec: {source: "Review finding {{ iteration }}: {{ item | json }}"}
    output_artifacts: [{name: note, path: output/note.json, type: json}]
  - id: merged
    dependencies: [review]
    aggregate: {from: [review.note], strategy: merge_arrays, key: id}
    output_artifacts: [{name: all, path: output/all.json, type: json}]
`)
  expect(pipeline.steps.map(({ kind }) => kind)).toEqual([
    'prompt',
    'pipeline',
    'prompt',
    'aggregate',
  ])
})
