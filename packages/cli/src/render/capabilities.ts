import type { Plan } from '@wave/core'
import { everyStep, needsEngine, needsSandbox, type PlacedStep } from '../plan-steps.ts'
import type { PlanFacts } from './plan-facts.ts'

/** What a plan may do, whoever wrote it: each list without repetition, in the order of the steps. */
export interface Capabilities {
  /** Steps that run commands or programs, in a container; those without a model only where Docker answers. */
  readonly execute: readonly string[]
  /** Steps that change a copy of the project; what comes of it is a patch. */
  readonly write: readonly string[]
  readonly images: readonly string[]
  /** Where texts and files of the project are sent. */
  readonly models: readonly string[]
  /** Of the user's channels, those that are told of the run. */
  readonly channels: readonly string[]
  /** Never more: containers have none. */
  readonly network: 'none'
}

export function capabilitiesOf(plan: Plan, sandbox: PlanFacts['sandbox']): Capabilities {
  const steps = everyStep(plan)
  const idsOf = (does: (placed: PlacedStep) => boolean): readonly string[] =>
    unique(steps.filter(does).map(({ planned }) => planned.step.id))
  const hooks = unique([plan, ...steps.map((step) => step.plan)]).flatMap(
    ({ pipeline }) => pipeline.hooks,
  )
  return {
    execute: idsOf((placed) => mustExecute(placed) || mayExecute(placed, sandbox)),
    write: idsOf(({ planned }) => planned.step.mount?.mode === 'readwrite'),
    images: needsSandbox(plan)
      ? unique(steps.map(({ planned }) => planned.step.image ?? 'default'))
      : [],
    models: unique(steps.flatMap(modelsOf)),
    channels: unique(hooks.flatMap((hook) => (hook.type === 'notify' ? [hook.channel] : []))),
    network: 'none',
  }
}

/** For people: one line, in words. */
export function describeCapabilities(plan: Plan, sandbox: PlanFacts['sandbox']): string {
  const { execute, write, images, models, channels } = capabilitiesOf(plan, sandbox)
  return [
    ...describeExecution(plan, sandbox),
    write.length === 0 ? 'changes no file' : `changes its own copy: ${write.join(', ')}`,
    ...(execute.length === 0 ? [] : [`images: ${images.join(', ')}`]),
    models.length === 0 ? 'asks no model' : `asks ${models.join(', ')}`,
    channels.length === 0 ? 'tells nobody' : `tells ${channels.join(', ')}`,
    'no network for steps',
  ].join('; ')
}

function describeExecution(plan: Plan, sandbox: PlanFacts['sandbox']): readonly string[] {
  const steps = everyStep(plan)
  const idsOf = (does: (placed: PlacedStep) => boolean): string =>
    unique(steps.filter(does).map(({ planned }) => planned.step.id)).join(', ')
  const must = idsOf(mustExecute)
  const may = idsOf((placed) => mayExecute(placed, sandbox))
  const told = [
    ...(must === '' ? [] : [`executes in a container: ${must}`]),
    ...(may === '' ? [] : [`${PROOF}: ${may}`]),
  ]
  return told.length === 0 ? ['executes nothing'] : told
}

const PROOF = 'may execute in a container git and, where it is set, project.test_command'

function mustExecute({ planned }: PlacedStep): boolean {
  return planned.runner !== 'engine' && needsEngine(planned)
}

/** Without a model a revert is tried out where something can be executed, and put to the test. */
function mayExecute({ planned }: PlacedStep, sandbox: PlanFacts['sandbox']): boolean {
  return sandbox !== 'local' && planned.runner === 'evidence' && planned.executes
}

function modelsOf({ planned }: PlacedStep): readonly string[] {
  const judges = [...(planned.judges?.values() ?? [])].flatMap((judge) => judge.models)
  return [...planned.models, ...judges].map(({ provider, model }) => `${provider}/${model}`)
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)]
}
