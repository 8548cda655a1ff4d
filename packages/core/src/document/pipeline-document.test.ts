import { expect, test } from 'vitest'
import { BUNDLED_FILES, bundledPipelines } from '../pipeline/bundled.ts'
import { loadPipeline } from '../pipeline/load.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import type { PipelineFile, ProjectFiles } from '../pipeline/source.ts'
import { pipelineDocument, remarksOn } from './pipeline-document.ts'
import { workflowForms } from './workflow-forms.ts'
import { yamlText } from './yaml-text.ts'

test('what is written loads again as the same pipeline: every kind of step, every contract', () => {
  const pipeline = load('rich', RICH)
  const written = yamlText(pipelineDocument(pipeline), ['a remark\nof two lines'])
  expect(written).toMatch(/^# a remark of two lines\nkind: WavePipeline\n/)
  expect(bare(load('rich', written))).toEqual(bare(pipeline))
})

test.each(bundledPipelines())('$name is the same pipeline when it is written out', (file) => {
  const loaded = loadPipeline(file, BUNDLED_FILES)
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const written = yamlText(pipelineDocument(loaded.value), [])
  expect(bare(load(file.name ?? '', written))).toEqual(bare(loaded.value))
})

test('a long prompt is written as lines, and values that occur twice in full', () => {
  const written = yamlText({ one: 'a\nb\n', two: SHARED, three: SHARED }, [])
  expect(written).toBe('one: |\n  a\n  b\ntwo:\n  x: [1]\nthree:\n  x: [1]\n')
})

test('what only a workflow can say is marked where it stands', () => {
  const pipeline = load('calls', CALLS)
  const written = yamlText(pipelineDocument(pipeline), [], workflowForms(pipeline))
  const mark = '# only a workflow can say this'
  expect(written).toContain(`\n    ${mark}\n    input:\n      code: `)
  expect(written).toContain(`\n      ${mark}\n      over: "{{`)
  expect(written).toContain(`\n      ${mark}\n      over: file://list.txt`)
  expect(written).toContain(`\n          ${mark}\n          input:\n            code: again`)
  expect(written).toContain(`\n            ${mark}\n            on_failure: ignore`)
  expect(written.split(mark)).toHaveLength(1 + 4 + 2 + 2)
  expect(remarksOn(pipeline).slice(0, 2)).toEqual([
    'Translated from workflow/v2.0.',
    'No WavePipeline file loads with what only a workflow can say.',
  ])
})

test.each(bundledPipelines())('$name says nothing that only a workflow can say', (file) => {
  const loaded = loadPipeline(file, BUNDLED_FILES)
  expect(loaded.ok && workflowForms(loaded.value)).toEqual([])
})

test('what wave made of a file beyond its words is remarked', () => {
  const pipeline = {
    ...load('child', CHILD),
    dialect: 'workflow/v2.0' as const,
    env: { team: 'sre' },
    notices: [
      {
        code: 'pipeline-invalid' as const,
        message: 'Two lists were joined.',
        location: { file: 'x', line: 7, column: 1 },
      },
    ],
  }
  expect(remarksOn(pipeline)).toEqual([
    'Translated from workflow/v2.0.',
    'env.team: sre',
    'Line 7: Two lists were joined.',
  ])
})

const SHARED = { x: [1] }

function load(name: string, text: string): Pipeline {
  const loaded = loadPipeline(fileOf(name, text), FILES)
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, undefined, 1))
  return loaded.value
}

function fileOf(name: string, text: string): PipelineFile {
  const file = `.wave/pipelines/${name}.yaml`
  return { file, name, bytes: Buffer.from(text), origin: 'project' }
}

/** Without places in files, digests and functions. */
function bare(value: unknown): unknown {
  const text = JSON.stringify(value, (key, inner: unknown) =>
    ['location', 'spots', 'digest', 'file', 'origin'].includes(key)
      ? undefined
      : inner === Infinity
        ? 'Infinity'
        : inner,
  )
  const parsed: unknown = JSON.parse(text)
  return parsed
}

const CALLS = `
$schema: workflow/v2.0
name: calls
version: 1.0.0
execution: {provider: anthropic, model: m}
steps:
  - {name: list, run: "List {{input}}"}
  - {name: check, needs: [list], template: {name: part, with: {code: "{{list}}", more: x}}}
  - {name: each, needs: [list], loop: {workflow: part, mode: iterate, items: "{{list}}", max_iterations: 9, with: {code: "{{item}}"}}}
  - {name: file, loop: {workflow: part, mode: iterate, items: "file://list.txt", max_iterations: 9, with: {code: "{{item}}"}}}
  - {name: again, loop: {workflow: part, max_iterations: 2, until: "{{loop.output}} == 'YES'", with: {code: again}}}
  - {name: vote, consensus: {prompt: "YES or NO?", require: majority, executions: [{provider: a, model: m}, {provider: b, model: m}]}}
`

const PART = `
$schema: workflow/v2.0
name: part
version: 1.0.0
execution: {provider: anthropic, model: m}
steps:
  - {name: look, run: "Look at {{input.code}}"}
`

const CHILD = `
kind: WavePipeline
metadata: {name: child}
steps:
  - {id: scan, persona: auditor, exec: {source: "Look at {{ input }}"}, output_artifacts: [{name: found, path: output/found.json}]}
pipeline_outputs: {findings: {step: scan, artifact: found}}
`

const FILES: ProjectFiles = {
  read: () => undefined,
  pipeline: (name) => {
    if (name === 'part') return fileOf('part', PART)
    return name === 'ops/child' ? fileOf('ops/child', CHILD) : undefined
  },
}

const RICH = `
kind: WavePipeline
metadata: {name: rich, description: All of it, category: ops, annotations: {team: sre}}
input: {source: file, type: json, example: '{"a": 1}', schema: {type: object, properties: {a: {type: integer}}}}
requires: {tools: [git, node]}
limits: {minutes: 45, usd: 3, tokens: 900000, concurrency: 4}
failure_policy: complete_running
verdict: {step: triage, artifact: triage, field: verdict}
snapshot: {include: [node_modules], history: none}
hooks:
  - {name: lint, event: step_completed, type: command, matcher: "fix*", command: "npm run lint", blocking: false, timeout: 90s}
  - {name: tell, event: run_failed, type: notify, channel: oncall}
steps:
  - id: triage
    persona: navigator
    model: {name: balanced, fallbacks: [cheapest], temperature: 0.2, max_output_tokens: 2000, effort: high}
    permissions: {allow: [read, grep], deny: ["bash(rm *)"]}
    timeout_minutes: 7.5
    limits: {turns: 30, usd: 0.8, tokens: 1000}
    message: Triage done
    stand_in: evidence/triage
    exec: {source: "About {{ input.a }}\\n\\n{% if input.a %}yes{% endif %}\\n"}
    output_artifacts: [{name: triage, path: output/triage.json, type: json}]
    outcomes: [{type: url, extract_from: triage, json_path: "links[*].href", label: Dashboard}]
    handover: {contract: {type: json_schema, source: triage, schema: {type: object, properties: {verdict: {enum: [likely, confirmed]}, severity: {enum: [P1, P4]}, items: {type: array}, links: {type: array}}}}}
  - {id: audit, dependencies: [triage], pipeline: ops/child, input: "{{ steps.triage.artifacts.triage.severity }}", config: {env: {depth: quick}}, timeout: 2h}
  - id: review
    persona: auditor
    dependencies: [audit]
    optional: true
    iterate: {over: "steps.triage.artifacts.triage.items", mode: parallel, max_concurrent: 3, max_items: 50, on_failure: continue, min_success_rate: 0.8}
    exec: {source: "{{ iteration }}: {{ item | json }}"}
    output_artifacts: [{name: note, path: output/note.json, type: json}]
  - {id: route, dependencies: [triage], branch: {on: "steps.triage.artifacts.triage.severity", cases: {P1: ops/child, P4: skip}, default: ops/child}, input: fixed}
  - id: polish
    dependencies: [triage]
    loop:
      max_iterations: 3
      until: steps.check.artifacts.verdict.ok
      on_exhausted: continue
      steps:
        - {id: draft, persona: summarizer, exec: {source: Improve}, output_artifacts: [{name: text, path: output/text.md, source: stdout}], memory: {inject_artifacts: [{step: draft, artifact: text, as: last, iteration: previous}]}}
        - {id: check, persona: auditor, dependencies: [draft], exec: {source: Check}, output_artifacts: [{name: verdict, path: verdict.json}]}
  - id: fix
    type: command
    script: |
      npm ci
      npm test
    dir: /src/server
    when: steps.triage.artifacts.triage.severity in ["P1"]
    dependencies: [triage]
    workspace: {mount: [{source: ./, target: /src, mode: readwrite}], image: node-24}
    memory: {inject_artifacts: [{step: triage, artifact: triage, as: facts, optional: true}]}
    retry: {policy: patient, on_failure: rework, rework_step: mend}
    handover:
      contracts:
        - {type: test_suite, command: "npm test", dir: /src/a, timeout: 1m, on_failure: rework, rework_step: mend, max_retries: 2}
        - {type: source_diff, glob: "src/**", exclude: ["**/*.md"], min_files: 2}
        - {type: test_diff, test_file_pattern: ["**/*.test.ts"], test_func_pattern: "it[(]", max_test_deletions: 1}
        - {type: test_count_baseline, test_file_pattern: ["**/*.test.ts"], test_func_pattern: "it[(]", base_ref: main}
        - {type: event_contains, events: [{state: tool-call, contains: grep}]}
  - {id: mend, persona: craftsman, rework_only: true, exec: {source: Mend it}, retry: {escalate: true, max_attempts: 2}}
  - id: verify
    type: command
    script: "true"
    dependencies: [fix]
    workspace: {ref: fix}
  - id: old
    type: command
    script: "true"
    workspace: {type: worktree, base: HEAD~1}
  - id: report
    persona: summarizer
    dependencies: [polish, triage]
    exec: {source: Report}
    output_artifacts: [{name: report, path: output/report.md}]
    handover:
      contracts:
        - {type: markdown_spec, source: report, sections: [Summary], max_unresolved: 1, must_pass: false}
        - {type: sections, sections: [Summary, Timeline], on_failure: rejected}
        - {type: blameless}
        - {type: citations, minimum: 2}
        - {type: completeness, requires: [triage.triage]}
        - {type: non_empty_file}
        - {type: llm_judge, criteria: [names a cause], threshold: 0.5, model: cheapest, token_budget: 20000}
  - {id: sign-off, dependencies: [report], optional: true, gate: {type: approval, message: "Ship?", choices: [{key: y, label: Yes}, {key: n, fail: true}], timeout: 24h, default: n, freeform: true}}
  - {id: wait, dependencies: [sign-off], gate: {type: timer, timeout: 5m}}
  - {id: merged, dependencies: [review], aggregate: {from: [review.note], strategy: merge_arrays, key: id}, output_artifacts: [{name: all, path: output/all.json}]}
  - {id: voted, dependencies: [review], aggregate: {from: [review.note], strategy: vote, require: 2/3, allow_partial: true, verdicts: [YES, NO], field: answer}, output_artifacts: [{name: result, path: result.json}]}
pipeline_outputs: {severity: {step: triage, artifact: triage, field: severity}}
`
