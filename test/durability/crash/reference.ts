import { join } from 'node:path'
import type { ArtifactRef, RunEvent, RunResult } from '../../../packages/core/src/index.ts'
import { AgentRunner } from '../../../packages/core/src/agent/agent-runner.ts'
import { FileStepCache } from '../../../packages/core/src/run/cache/file-step-cache.ts'
import { systemClock } from '../../../packages/core/src/run/clock.ts'
import { freezeFiles } from '../../../packages/core/src/run/journal/frozen.ts'
import { openRunFolder } from '../../../packages/core/src/run/journal/run-folder.ts'
import { runPipeline } from '../../../packages/core/src/run/run.ts'
import { commandRunner } from '../../../packages/core/src/run/step/command-runner.ts'
import { fixedIds } from '../../../packages/core/src/testing/manual-clock.ts'
import { MemoryWorkspaceProvider } from '../../../packages/core/src/testing/memory-workspace.ts'
import { changeOf, scriptOf, treeAt } from '../../../packages/core/src/testing/resume-rig.ts'
import type { Answer } from '../../../packages/core/src/testing/resume-rig.ts'
import { ScriptedModel } from '../../../packages/core/src/testing/scripted-model.ts'
import { planYaml } from '../../../packages/core/src/testing/yaml-plan.ts'

/** What a process tells of a reference run, at once. */
export interface Told {
  /** The event is durable. */
  event(event: RunEvent): void
  /** The model was asked, and will be paid. */
  call(): void
}

/**
 * One real run on real storage in this folder, which is its project: starts it, or goes on with it. Only the
 * model and the workspaces are played: equal questions get equal answers.
 */
export async function runReference(folder: string, told: Told): Promise<RunResult> {
  const runs = join(folder, '.wave/runs')
  using run = openRunFolder(runs, RUN, systemClock)
  const { recovered } = run.journal
  const model = modelThatTells(told)
  return await runPipeline({
    plan: planYaml(YAML, {}, { resolveModel: () => model }),
    input: 'orders fail',
    project: {},
    snapshot: treeAt('base'),
    projectDigest: 'p',
    ...(recovered.length === 0 && { frozen: freeze(run.directory) }),
    provider: new MemoryWorkspaceProvider({ diff: changeOf }),
    runners: { agent: AGENT, command: commandRunner, evidence: undefined },
    store: run.store,
    journal: run.journal,
    clock: systemClock,
    ids: fixedIds(RUN),
    runId: RUN,
    waveVersion: '0.1.0',
    projectRoot: folder,
    signal: new AbortController().signal,
    cache: new FileStepCache(join(folder, 'cache'), runs),
    onEvent: (event) => told.event(event),
    resume: { recovered },
  })
}

/** The folder of the run below the folder given. */
export const REFERENCE_RUN = '.wave/runs/r1'

const RUN = 'r1'

const YAML = `kind: WavePipeline
metadata: {name: reference}
limits: {concurrency: 1}
steps:
  - id: plan
    persona: navigator
    exec: {source: "plan {{ input }}"}
    output_artifacts: [{name: found, path: out/found.json, type: json}]
  - id: review
    persona: auditor
    dependencies: [plan]
    iterate: {over: steps.plan.artifacts.found.items}
    exec: {source: "review {{ item }}"}
    output_artifacts: [{name: note, path: out/note.md}]
  - id: fix
    persona: craftsman
    dependencies: [plan]
    workspace: {mount: [{source: ./, target: /src, mode: readwrite}]}
    exec: {source: "fix {{ steps.plan.artifacts.found }}"}
    output_artifacts: [{name: change, path: out/change.md}]
  - id: verify
    type: command
    dependencies: [fix]
    workspace: {ref: fix}
    script: "true"
  - id: report
    persona: summarizer
    dependencies: [review, verify]
    memory: {inject_artifacts: [{step: review, artifact: note}]}
    exec: {source: "report it"}
    output_artifacts: [{name: report, path: output/report.md}]
`

const answer: Answer = (task) => {
  const [kind = ''] = task.split(' ')
  if (kind === 'plan') return { found: { items: ['a', 'b'] } }
  const name = { review: 'note', fix: 'change' }[kind] ?? 'report'
  return { [name]: `${task.slice(0, 200).padEnd(120, '.')}\n` }
}

/** Shared, because it compiles the schemas of the tools. */
const AGENT = new AgentRunner()

function modelThatTells(told: Told) {
  const script = scriptOf(answer)
  const model = new ScriptedModel((request, index) => {
    told.call()
    return typeof script === 'function' ? script(request, index) : { text: '' }
  })
  return model.resolved({ cost: () => 0.25 })
}

function freeze(directory: string): ArtifactRef {
  return freezeFiles(directory, [
    { path: '.wave/pipelines/reference.yaml', content: Buffer.from(YAML) },
  ])
}
