import type { Answer } from './resume-rig.ts'

/**
 * A pipeline with every way in which steps are put together: one behind the other, a fan-out, a loop, a called
 * pipeline, and a step that changes files.
 */
export const REFERENCE_YAML = `kind: WavePipeline
metadata: {name: reference}
steps:
  - id: plan
    persona: navigator
    exec: {source: "plan {{ input }}"}
    output_artifacts: [{name: found, path: out/found.json, type: json}]
  - id: review
    persona: auditor
    dependencies: [plan]
    iterate: {over: steps.plan.artifacts.found.items, mode: parallel}
    exec: {source: "review {{ item }} of {{ run.id }}"}
    output_artifacts: [{name: note, path: out/note.md}]
  - id: fix
    persona: craftsman
    dependencies: [plan]
    workspace: {mount: [{source: ./, target: /src, mode: readwrite}]}
    exec: {source: "fix {{ step.attempt }}"}
    output_artifacts: [{name: change, path: out/change.md}]
  - id: polish
    dependencies: [fix]
    loop:
      max_iterations: 3
      until: steps.check.artifacts.verdict.ok
      steps:
        - id: draft
          persona: summarizer
          memory: {inject_artifacts: [{step: draft, artifact: text, as: last, iteration: previous}, {step: fix, artifact: change}]}
          exec: {source: "draft {{ iteration }} after {{ artifacts.last.text }}"}
          output_artifacts: [{name: text, path: out/text.md}]
        - id: check
          persona: auditor
          dependencies: [draft]
          exec: {source: "check {{ iteration }} {{ steps.draft.artifacts.text }}"}
          output_artifacts: [{name: verdict, path: out/verdict.json, type: json}]
  - id: audit
    pipeline: audit
    dependencies: [fix]
    input: "{{ steps.fix.artifacts.change }}"
  - id: verify
    type: command
    dependencies: [fix]
    workspace: {ref: fix}
    script: "true"
  - id: report
    persona: summarizer
    dependencies: [review, polish, audit, verify]
    memory: {inject_artifacts: [{step: review, artifact: note}, {step: polish, artifact: text}, {step: audit, artifact: findings}]}
    exec: {source: "report since {{ run.started_at }}"}
    output_artifacts: [{name: report, path: out/report.md}]
`

export const REFERENCE_FILES = {
  audit: `kind: WavePipeline
metadata: {name: audit}
input: {type: string}
steps:
  - id: scan
    persona: auditor
    exec: {source: "scan {{ input }}"}
    output_artifacts: [{name: findings, path: out/findings.md}]
pipeline_outputs:
  findings: {step: scan, artifact: findings}
`,
}

/** What the model says. Equal tasks get equal answers; the loop ends after its second round. */
export const referenceAnswer: Answer = (task) => {
  const [kind = '', ...words] = task.split(' ')
  const about = `${kind}: ${words.join(' ')}`.slice(0, 200).padEnd(120, '.')
  switch (kind) {
    case 'plan':
      return { found: { items: ['a', 'b', 'c'] } }
    case 'review':
      return { note: about }
    case 'fix':
      return { change: about }
    case 'draft':
      return { text: about }
    case 'check':
      return { verdict: { ok: words[0] === '2' } }
    case 'scan':
      return { findings: about }
    default:
      return { report: about }
  }
}
