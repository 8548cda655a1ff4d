import { expect, test } from 'vitest'
import type { RunEvent } from '../../events.ts'
import type { Plan, PlannedStep } from '../../pipeline/plan/plan.ts'
import type { ResolvedModel, WorkspaceProvider } from '../../ports.ts'
import { memorySnapshot } from '../../testing/memory-snapshot.ts'
import { MemoryStepCache } from '../../testing/memory-step-cache.ts'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import { ResumeRig } from '../../testing/resume-rig.ts'
import { eventsOf, pipelineYaml } from '../../testing/yaml-run.ts'
import { compareComponents, explainStep } from './explain-step.ts'

/** `part` sees a folder of the tree, `whole` all of it and what `part` left. */
const STEPS = `  - id: part
    persona: navigator
    exec: {source: "Look at part"}
    workspace: {mount: [{source: src, target: /src}]}
    output_artifacts: [{name: part, path: out/part.txt}]
    handover: {contract: {type: non_empty_file, source: out/part.txt}}
  - id: whole
    persona: auditor
    dependencies: [part]
    memory: {inject_artifacts: [{step: part, artifact: part}]}
    exec: {source: "Look at whole"}
    workspace: {mount: [{source: ".", target: /src}]}
    output_artifacts: [{name: whole, path: out/whole.txt}]
`
const FILES = { 'src/a.js': '1', 'README.md': '1' }

interface Change {
  /** Text of the pipeline file, and what stands there instead. */
  readonly yaml?: readonly [string, string]
  readonly step?: (step: PlannedStep) => PlannedStep
  readonly files?: Readonly<Record<string, string>>
  readonly image?: string
  readonly waveVersion?: string
  /** What `part` answers, where it is asked. */
  readonly answer?: string
}

type Names = readonly string[]

/** What a user may change, and what is no longer as it was in each step. */
const CHANGES: readonly (readonly [string, Change, { part: Names; whole: Names }])[] = [
  ['nothing', {}, { part: [], whole: [] }],
  [
    'the definition of a step',
    { yaml: ['out/whole.txt', 'out/other.txt'] },
    { part: [], whole: ['step'] },
  ],
  ['its task', { yaml: ['Look at whole', 'Look well at whole'] }, { part: [], whole: ['task'] }],
  [
    'a persona',
    { step: ofWhole((step) => ({ ...step, systemPrompt: 'Be another one.' })) },
    { part: [], whole: ['persona'] },
  ],
  [
    'a model',
    { step: ofWhole((step) => ({ ...step, models: step.models.map(renamed) })) },
    { part: [], whole: ['models'] },
  ],
  ['a parameter of a model', { step: ofWhole(withEffort) }, { part: [], whole: ['models'] }],
  [
    'a contract',
    { yaml: ['type: non_empty_file', 'on_failure: warn, type: non_empty_file'] },
    { part: ['contracts'], whole: [] },
  ],
  [
    'an input artifact',
    { yaml: ['Look at part', 'Look well at part'], answer: 'another' },
    { part: ['task'], whole: ['artifact part'] },
  ],
  ['the image', { image: 'image@sha256:2' }, { part: ['sandbox'], whole: ['sandbox'] }],
  [
    'a file outside the folder that is mounted',
    { files: { ...FILES, 'README.md': '2' } },
    { part: [], whole: ['tree'] },
  ],
  [
    'a file in the folder that is mounted',
    { files: { ...FILES, 'src/a.js': '2' } },
    { part: ['tree src'], whole: ['tree'] },
  ],
  ['the version of wave', { waveVersion: '9.9.9' }, { part: ['wave'], whole: ['wave'] }],
]

test.each(CHANGES)(
  'where %s changes, those steps run again whose part it is, and explain names it alone',
  async (_, change, expected) => {
    const cache = new MemoryStepCache()
    const before = await runWith(cache, 'r1', {})
    expect(fates(before)).toEqual({ part: 'ran', whole: 'ran' })
    const after = await runWith(cache, 'r2', change)
    expect(fates(after)).toEqual({
      part: expected.part.length === 0 ? 'cached' : 'ran',
      whole: expected.whole.length === 0 ? 'cached' : 'ran',
    })
    for (const step of ['part', 'whole'] as const) {
      expect([step, changed(before, after, step)]).toEqual([step, expected[step]])
    }
  },
)

async function runWith(
  cache: MemoryStepCache,
  runId: string,
  change: Change,
): Promise<readonly RunEvent[]> {
  const { yaml: [from, to] = ['', ''], files = FILES, answer = 'the answer' } = change
  const rig = new ResumeRig({
    yaml: pipelineYaml(STEPS.replace(from, to)),
    answer: (task) => (task.endsWith('part') ? { part: answer } : { whole: 'the end' }),
  })
  await rig.go({
    runId,
    cache: cache.of(rig.store),
    plan: planned(rig.plan, change),
    snapshot: memorySnapshot(files),
    provider: withImage(change.image ?? 'image@sha256:1'),
    waveVersion: change.waveVersion ?? '0.1.0',
  })
  expect(eventsOf(rig.events, 'run-finished')).toMatchObject([{ outcome: 'completed' }])
  return rig.events
}

function planned(plan: Plan, { step = (same) => same }: Change): Plan {
  return { ...plan, steps: plan.steps.map(step) }
}

function ofWhole(change: (step: PlannedStep) => PlannedStep): (step: PlannedStep) => PlannedStep {
  return (step) => (step.step.id === 'whole' ? change(step) : step)
}

function renamed(model: ResolvedModel): ResolvedModel {
  return { ...model, model: 'another' }
}

function withEffort(step: PlannedStep): PlannedStep {
  const { persona } = step
  return persona === undefined ? step : { ...step, persona: { ...persona, effort: 'high' } }
}

function withImage(image: string): WorkspaceProvider {
  const inner = new MemoryWorkspaceProvider()
  const open: WorkspaceProvider['open'] = (spec, signal) => inner.open(spec, signal)
  return { kind: 'docker', image, canExecute: true, open }
}

function fates(events: readonly RunEvent[]): object {
  return {
    part: explainStep(events, 'part')?.fate,
    whole: explainStep(events, 'whole')?.fate,
  }
}

function changed(
  before: readonly RunEvent[],
  after: readonly RunEvent[],
  step: string,
): readonly string[] {
  const [then, now] = [before, after].map((events) => explainStep(events, step)?.made?.components)
  return compareComponents(then ?? [], now ?? [])
    .filter(({ change }) => change !== 'same')
    .map(({ name }) => name)
}
