import { expect, test } from 'vitest'
import type { StepMade } from '../../events.ts'
import type { Plan, PlannedStep } from '../../pipeline/plan/plan.ts'
import type { ResolvedModel, WorkspaceProvider } from '../../ports.ts'
import { memorySnapshot } from '../../testing/memory-snapshot.ts'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import { ResumeRig } from '../../testing/resume-rig.ts'
import { eventsOf, pipelineYaml } from '../../testing/yaml-run.ts'
import type { RunRequest } from '../request.ts'
import { Digests } from './digests.ts'
import { compareComponents } from './explain-step.ts'
import { stepKey } from './step-components.ts'

const STEPS = `  - id: a
    persona: navigator
    exec: {source: "Look at it"}
    workspace: {mount: [{source: ".", target: /src}]}
    output_artifacts: [{name: a, path: out/a.txt}]
  - id: b
    persona: navigator
    dependencies: [a]
    memory: {inject_artifacts: [{step: a, artifact: a}]}
    exec: {source: "Go on"}
    output_artifacts: [{name: b, path: out/b.txt}]
`

interface Change {
  readonly yaml?: (yaml: string) => string
  readonly request?: Partial<RunRequest>
  readonly step?: Partial<PlannedStep>
  readonly model?: (model: ResolvedModel) => ResolvedModel
  readonly answer?: string
}

/** What went into both steps, with this one thing otherwise. */
async function madeWith(change: Change = {}) {
  const { yaml = same, request, answer = 'x' } = change
  const rig = new ResumeRig({
    yaml: pipelineYaml(yaml(STEPS)),
    answer: (task) => (task.startsWith('Look') ? { a: answer } : { b: 'y' }),
  })
  await rig.go({ plan: changed(rig.plan, change), ...request })
  const [a, b] = eventsOf(rig.events, 'step-succeeded').map(({ made }) => made)
  if (a === undefined || b === undefined) throw new Error('nothing was recorded')
  return { a, b }
}

function same(yaml: string): string {
  return yaml
}

function changed(plan: Plan, { step, model = (given) => given }: Change): Plan {
  const [first, ...rest] = plan.steps
  if (first === undefined) return plan
  return { ...plan, steps: [{ ...first, models: first.models.map(model), ...step }, ...rest] }
}

function otherThan(before: StepMade, after: StepMade): readonly string[] {
  return compareComponents(before.components, after.components)
    .filter(({ change }) => change !== 'same')
    .map(({ name }) => name)
}

/** Of these files, as a step sees them that mounts `src`. */
function digest(files: Record<string, string>): string {
  return new Digests().folder(memorySnapshot(files), 'src')
}

function retried(yaml: string): string {
  return yaml.replace('  - id: a\n', '  - id: a\n    retry: {max_attempts: 3}\n    timeout: 17m\n')
}

function otherImage(): WorkspaceProvider {
  const inner = new MemoryWorkspaceProvider()
  const open: WorkspaceProvider['open'] = (spec, signal) => inner.open(spec, signal)
  return { kind: 'docker', image: 'other@sha256:1', canExecute: true, open }
}

const CHANGES: readonly (readonly [string, Change])[] = [
  ['step', { yaml: (yaml) => yaml.replace('out/a.txt', 'out/other.txt') }],
  ['task', { yaml: (yaml) => yaml.replace('Look at it', 'Look well') }],
  ['persona', { step: { systemPrompt: 'You are another one.' } }],
  ['permissions', { step: { tools: ['read'] } }],
  ['input', { request: { input: 'payments fail' } }],
  ['sandbox', { request: { provider: otherImage() } }],
  ['tree', { request: { snapshot: { ...memorySnapshot(), tree: 'other' } } }],
  ['history', { request: { snapshot: { ...memorySnapshot(), tree: 'base', head: 'c1' } } }],
  ['wave', { request: { waveVersion: '9.9.9' } }],
]

test.each(CHANGES)('the %s alone makes another key', async (name, change) => {
  const [before, after] = [await madeWith(), await madeWith(change)]
  expect(otherThan(before.a, after.a)).toEqual([name])
  expect(after.a.key).not.toBe(before.a.key)
})

test('equal runs make equal keys, and what is only about when, how long and how often makes no other', async () => {
  const before = await madeWith()
  expect(await madeWith()).toEqual(before)
  expect(await madeWith({ yaml: retried })).toEqual(before)
})

test('an input artifact makes another key by its content', async () => {
  const [before, after] = [await madeWith(), await madeWith({ answer: 'other' })]
  expect(after.a.key).toBe(before.a.key)
  expect(otherThan(before.b, after.b)).toEqual(['artifact a'])
})

test('a model or a contract makes another key', async () => {
  const before = await madeWith()
  const after = await madeWith({ model: (model) => ({ ...model, maxOutputTokens: 4321 }) })
  expect(otherThan(before.a, after.a)).toEqual(['models'])
  const contract = '    handover: {contract: {type: non_empty_file, source: out/a.txt}}\n'
  const checked = await madeWith({
    yaml: (yaml) => yaml.replace('  - id: b', `${contract}  - id: b`),
  })
  expect(otherThan(before.a, checked.a)).toEqual(['contracts'])
})

test('a step that sees nothing of the project does not depend on it', async () => {
  const snapshot = { ...memorySnapshot(), tree: 'other', head: 'c1' }
  const names = (await madeWith({ request: { snapshot } })).b.components.map(({ name }) => name)
  expect(names.filter((name) => name.startsWith('tree') || name === 'history')).toEqual([])
})

test('of a folder that is mounted only what lies in it counts', () => {
  const before = digest({ 'src/a.js': '1', 'README.md': '1', 'srcs/a.js': '1' })
  expect(digest({ 'src/a.js': '1', 'README.md': '2', 'srcs/a.js': '2' })).toBe(before)
  expect(digest({ 'src/a.js': '2', 'README.md': '1', 'srcs/a.js': '1' })).not.toBe(before)
  expect(digest({ 'src/b.js': '1', 'README.md': '1', 'srcs/a.js': '1' })).not.toBe(before)
})

test('the order of the components makes no other key', () => {
  const [one, two] = [
    { name: 'task', digest: '1' },
    { name: 'persona', digest: '2' },
  ]
  expect(stepKey([two, one])).toBe(stepKey([one, two]))
  expect(
    stepKey([
      { ...one, digest: '2' },
      { ...two, digest: '1' },
    ]),
  ).not.toBe(stepKey([one, two]))
})
