import type { StepComponent } from '../../stored.ts'
import type { Contract, Template } from '../../pipeline/pipeline.ts'
import type { Judge, PlannedStep } from '../../pipeline/plan/plan.ts'
import { renderTemplate } from '../../pipeline/template/template.ts'
import type { InjectedArtifact, ResolvedModel, Snapshot } from '../../ports.ts'
import { matchesText } from '../../persona/glob.ts'
import { stateOf } from '../frame.ts'
import type { Task } from '../frame.ts'
import { templateScope } from '../scope.ts'
import { needsWorkspace } from '../step/step-workspace.ts'
import { digestOf } from './digests.ts'
import type { Digests } from './digests.ts'

/** What a step is about to be performed with. */
export interface StepMaking {
  readonly task: Task
  /** The task as its first attempt is told it. */
  readonly text: string
  readonly inputs: readonly InjectedArtifact[]
  readonly start: Snapshot
  readonly digests: Digests
}

/** Goes up when what is written here, or what is taken over, changes its meaning. */
const FORMAT = 1

/**
 * Everything that goes into a step, each part with its digest. Two steps with equal components are given the
 * same work, by the same version of wave; that a model may answer otherwise is the user's to accept.
 */
export function stepComponents(making: StepMaking): readonly StepComponent[] {
  const { task, text, inputs, digests } = making
  const { runner } = task.local
  const parts = [
    component('step', JSON.stringify(definitionOf(task))),
    component('task', text),
    ...inputs.map(inputComponent),
    ...itemOf(task),
    ...(runner === 'agent' ? personaOf(task.local, digests) : []),
    ...contractsOf(making),
    ...hooksOf(making),
    ...surroundingsOf(making),
    ...treeOf(making),
  ]
  const { waveVersion } = task.frame.run.request
  return [...parts, { name: 'wave', digest: digests.shared(`${waveVersion} ${FORMAT}`) }]
}

/** SHA-256, hex, of the components, in whatever order they come. */
export function stepKey(components: readonly StepComponent[]): string {
  const lines = components.map(({ name, digest }) => `${JSON.stringify(name)} ${digest}`)
  return digestOf(lines.toSorted().join('\n'))
}

function component(name: string, text: string): StepComponent {
  return { name, digest: digestOf(text) }
}

/** What the file says of the step. What only decides when it runs, how long and how often it is tried is left out. */
function definitionOf({ planned, local }: Task): unknown {
  const { step, runner } = local
  const { kind, inject, artifacts, mount, image, outcomes } = step
  // Rounds and items that look the same are to differ: each is a try of its own.
  const common = { id: planned.step.id, kind, runner, inject, artifacts, mount, image, outcomes }
  if (step.kind === 'command') return { ...common, dir: step.dir }
  if (step.kind !== 'prompt') return common
  const { turns, limits, standIn } = step
  return { ...common, turns, limits, standIn: runner === 'evidence' ? standIn : undefined }
}

function inputComponent({ as, type, ref, origin }: InjectedArtifact): StepComponent {
  return { name: `artifact ${as}`, digest: digestOf(`${type} ${ref.digest} ${origin}`) }
}

function itemOf({ item }: Task): readonly StepComponent[] {
  return item === undefined ? [] : [component('item', JSON.stringify(item.value) ?? '')]
}

function personaOf(
  { step, persona, systemPrompt, tools, models }: PlannedStep,
  digests: Digests,
): readonly StepComponent[] {
  const own = step.kind === 'prompt' ? step : undefined
  const { effort = persona?.effort, temperature, maxOutputTokens } = own?.model ?? {}
  const parameters = { effort, temperature, maxOutputTokens }
  const permissions = [tools, persona?.permissions, own?.permissions]
  return [
    { name: 'persona', digest: digests.shared(systemPrompt) },
    { name: 'permissions', digest: digests.shared(JSON.stringify(permissions)) },
    {
      name: 'models',
      digest: digests.shared(JSON.stringify([models.map(modelOf), parameters])),
    },
  ]
}

function modelOf(resolved: ResolvedModel): unknown {
  const { provider, model, contextTokens, maxOutputTokens, takes, maxEffort } = resolved
  return { provider, model, contextTokens, maxOutputTokens, takes, maxEffort }
}

function contractsOf(making: StepMaking): readonly StepComponent[] {
  const { contracts } = making.task.local.step
  if (contracts.length === 0) return []
  const said = contracts.map((contract) => contractOf(contract, making))
  return [component('contracts', JSON.stringify(said))]
}

/** With whom it asks, the texts that it fills in, and the artifacts of other steps that it looks for. */
function contractOf(contract: Contract, making: StepMaking): unknown {
  const { task } = making
  const judge = task.local.judges?.get(contract)
  const others = contract.type === 'completeness' ? contract.requires : []
  const found = others.map(({ step, artifact }) => {
    const artifacts = stateOf(task.frame, step)?.artifacts ?? []
    return artifacts.find(({ name }) => name === artifact)?.digest
  })
  const plain =
    contract.type === 'test_suite'
      ? { ...contract, command: rendered(contract.command, making) }
      : contract
  return [plain, judge && judgeOf(judge), found]
}

function judgeOf({ models, systemPrompt, tools, persona }: Judge): unknown {
  return [models.map(modelOf), systemPrompt, tools, persona?.permissions, persona?.effort]
}

/** Commands that run in the sandbox of the step, around it. */
function hooksOf(making: StepMaking): readonly StepComponent[] {
  const { frame, local } = making.task
  const { hooks } = frame.pipeline
  if (hooks.length === 0) return []
  const own = hooks.flatMap((hook) => {
    if (hook.type !== 'command' || !matchesText(hook.matcher, local.step.id)) return []
    return [[hook.event, hook.blocking, rendered(hook.command, making)]]
  })
  return own.length === 0 ? [] : [component('hooks', JSON.stringify(own))]
}

function rendered(template: Template, { task, inputs }: StepMaking): string {
  const text = renderTemplate(template, templateScope(task, 1, inputs))
  return text.ok ? text.text : template.text
}

/** What the step finds beside its task: the input of the run, variables, the sandbox. */
function surroundingsOf({ task, digests }: StepMaking): readonly StepComponent[] {
  const { frame, local } = task
  const { provider, project } = frame.run.request
  const { runner, step } = local
  const works = needsWorkspace(local)
  const input = { name: 'input', digest: digests.shared(frame.input.text) }
  if (runner === 'evidence') return [input, component('project', JSON.stringify(project))]
  if (!works && !looksAtAll(local)) return []
  const image = step.image === undefined ? provider?.image : provider?.images?.[step.image]
  const sandbox = `${provider?.kind} ${image ?? step.image}`
  const env = runner === 'command' ? [component('env', JSON.stringify(frame.env))] : []
  return [input, { name: 'sandbox', digest: digests.shared(sandbox) }, ...env]
}

/** The tree, or the folder of it that the step sees; the commit where it sees the history behind it. */
function treeOf({ task, start, digests }: StepMaking): readonly StepComponent[] {
  const { local, frame } = task
  const source = seenFolder(local)
  if (source === undefined) return []
  const tree =
    source === '.'
      ? { name: 'tree', digest: start.tree }
      : { name: `tree ${source}`, digest: digests.folder(start, source) }
  const { history } = frame.run.request.plan.pipeline.snapshot
  if (history === 'none' || !seesHistory(local, source)) return [tree]
  return [tree, component('history', start.head ?? '')]
}

/** Of the snapshot; `.` for all of it. Undefined: the step sees nothing of it. */
function seenFolder(planned: PlannedStep): string | undefined {
  const { mount } = planned.step
  if (looksAtAll(planned) || mount?.mode === 'readwrite') return '.'
  return needsWorkspace(planned) ? mount?.source : undefined
}

/** Commands find it only beside the whole tree: a folder that is mounted brings none along. */
function seesHistory(planned: PlannedStep, source: string): boolean {
  if (looksAtAll(planned) || planned.tools.includes('history')) return true
  return planned.executes && source === '.'
}

/** Contracts that look beyond the outputs see the whole tree; so does whoever investigates without a model. */
function looksAtAll({ runner, step }: PlannedStep): boolean {
  return runner === 'evidence' || step.contracts.some(({ type }) => !OF_DOCUMENTS.has(type))
}

const OF_DOCUMENTS: ReadonlySet<Contract['type']> = new Set([
  'json_schema',
  'non_empty_file',
  'markdown_spec',
  'sections',
])
