import type { StepHeader } from '../events.ts'
import type { Plan, PlannedStep } from '../pipeline/plan/plan.ts'
import type { Pipeline, Retry } from '../pipeline/pipeline.ts'
import type { Snapshot } from '../ports.ts'
import type { BudgetedCall } from './budget.ts'
import type { RunContext } from './request.ts'
import type { StepState } from './state.ts'

/**
 * One graph of steps under way: the pipeline of the run, a pipeline that a step calls, one round of a
 * loop, or the items of a fan-out. In the journal its steps have ids of their own: `audit/scan` in a
 * called pipeline, `draft#2` in the second round of a loop, `review[3]` for the third item.
 */
export interface Frame {
  readonly run: RunContext
  readonly pipeline: Pipeline
  /** Steps that the graph may start; those that only repair others are in `repairs`. */
  readonly tasks: readonly Task[]
  readonly repairs: ReadonlyMap<string, Task>
  readonly failurePolicy: Pipeline['failurePolicy']
  readonly concurrency: number
  readonly input: FrameInput
  readonly env: Readonly<Record<string, string>>
  /** What steps start from that name no other tree. */
  readonly base: Snapshot
  /** The step that opened this graph. Undefined: it is the pipeline of the run. */
  readonly owner: Task | undefined
  /** Whether steps see what the owner sees: in rounds and items, not in called pipelines. */
  readonly isOpen: boolean
  /** From 1. */
  readonly iteration: number | undefined
  /** The round before this one. */
  readonly previous: Frame | undefined
  /** The id in the journal of a step of this graph. */
  readonly name: (id: string) => string
  /** The same for every step that this graph can name, those around an open one included. */
  readonly resolve: (id: string) => string
}

/** What `input` stands for. */
export interface FrameInput {
  readonly text: string
  /** The text, or the parsed JSON. */
  readonly value: unknown
}

/** A step of a graph. */
export interface Task {
  readonly frame: Frame
  /** Under the ids of the journal. */
  readonly planned: PlannedStep
  /** As the plan has it. */
  readonly local: PlannedStep
  /** Of a fan-out. */
  readonly item?: { readonly value: unknown; readonly iteration: number; readonly count: number }
}

/** The pipeline of the run. */
export function rootFrame(run: RunContext): Frame {
  const { plan, snapshot } = run.request
  return openFrame(plan, {
    run,
    input: run.input,
    env: plan.pipeline.env,
    base: snapshot,
  })
}

/** A pipeline that a step calls. */
export function calledFrame(
  owner: Task,
  plan: Plan,
  given: { readonly input: FrameInput; readonly env: Readonly<Record<string, string>> } & {
    readonly base: Snapshot
  },
): Frame {
  const prefix = `${owner.planned.step.id}/`
  return openFrame(plan, {
    run: owner.frame.run,
    input: given.input,
    env: { ...plan.pipeline.env, ...given.env },
    base: given.base,
    owner,
    name: (id) => prefix + id,
  })
}

/** One round of a loop. */
export function roundFrame(owner: Task, iteration: number, previous: Frame | undefined): Frame {
  const { frame, local } = owner
  return makeFrame({
    ...frame,
    steps: local.body ?? [],
    owner,
    isOpen: true,
    iteration,
    previous,
    name: (id) => `${frame.name(id)}#${iteration}`,
  })
}

/** The items of a fan-out, as steps of one graph. */
export function itemsFrame(
  owner: Task,
  items: readonly unknown[],
  how: { readonly concurrency: number; readonly failurePolicy: Pipeline['failurePolicy'] },
): Frame {
  const { planned, local, frame } = owner
  const itemFrame: Frame = {
    ...frame,
    ...how,
    owner,
    isOpen: true,
    get tasks() {
      return tasks
    },
  }
  const tasks = items.map((value, index): Task => {
    const iteration = index + 1
    const item = { value, iteration, count: items.length }
    return {
      frame: itemFrame,
      planned: oneItem(planned, iteration),
      local: withoutFanOut(local),
      item,
    }
  })
  return itemFrame
}

/** Ids of the steps whose outcome and artifacts a task may name, as the plan has them. */
export function visibleSteps(task: Task): ReadonlySet<string> {
  const { frame, local } = task
  if (!frame.isOpen || frame.owner === undefined) return local.ancestors
  return new Set([...local.ancestors, ...visibleSteps(frame.owner)])
}

/** A step that was not there when the run started, as the journal tells of it. */
export function headerOf({ planned }: Task): StepHeader {
  return plannedHeader(planned)
}

/** A step as the journal introduces it. */
export function plannedHeader({ step, persona }: PlannedStep): StepHeader {
  const kind = step.kind === 'loop' ? (step.shownAs ?? step.kind) : step.kind
  return { id: step.id, role: persona?.name ?? kind, dependencies: step.dependencies }
}

/** Made of other steps, a wait, or a join: no work of its own, hence no sandbox and no place among those that work. */
export function isComposed({ planned: { runner, step } }: Task): boolean {
  return runner === 'engine' || step.iterate !== undefined
}

/** The steps behind a task, or behind those that it is a part of. */
export function stepsBehind({ local, frame }: Task): readonly string[] {
  const { dependents } = local
  return dependents.length > 0 || frame.owner === undefined ? dependents : stepsBehind(frame.owner)
}

/** The calls that a task is a part of, with the limits that the called pipelines set. */
export function callsAround({ frame }: Task): readonly BudgetedCall[] {
  const { owner, isOpen, pipeline } = frame
  if (owner === undefined) return []
  const { tokens, usd } = pipeline.limits
  const isBound = !isOpen && (tokens !== undefined || usd !== undefined)
  const own = isBound ? [{ id: owner.planned.step.id, limits: { tokens, usd } }] : []
  return [...own, ...callsAround(owner)]
}

/** The state of a step that a graph can name. */
export function stateOf(frame: Frame, id: string): StepState | undefined {
  return frame.run.log.state.steps.get(frame.resolve(id))
}

/** The tree that a step left, or started from when it changed nothing. */
export function treeOf(frame: Frame, id: string): string | undefined {
  return stateOf(frame, id)?.tree
}

interface Opening {
  readonly run: RunContext
  readonly input: FrameInput
  readonly env: Readonly<Record<string, string>>
  readonly base: Snapshot
  readonly owner?: Task
  readonly name?: (id: string) => string
}

function openFrame(plan: Plan, opening: Opening): Frame {
  return makeFrame({
    owner: undefined,
    name: (id) => id,
    ...opening,
    pipeline: plan.pipeline,
    steps: plan.steps,
    failurePolicy: plan.pipeline.failurePolicy,
    concurrency: plan.limits.concurrency,
    isOpen: false,
    iteration: undefined,
    previous: undefined,
  })
}

type FrameParts = Omit<Frame, 'tasks' | 'repairs' | 'resolve'> & {
  readonly steps: readonly PlannedStep[]
}

function makeFrame({ steps, ...parts }: FrameParts): Frame {
  const { name, owner, isOpen } = parts
  const isRoot = owner === undefined
  const own = new Set(isOpen ? steps.map(({ step }) => step.id) : [])
  const resolve = (id: string): string =>
    isOpen && !isRoot && !own.has(id) ? owner.frame.resolve(id) : name(id)
  const tasks: Task[] = []
  const repairs = new Map<string, Task>()
  const frame: Frame = { ...parts, tasks, repairs, resolve }
  for (const local of steps) {
    const planned = isRoot ? local : renamed(local, resolve)
    const task = { frame, planned, local }
    if (local.step.reworkOnly === true) repairs.set(local.step.id, task)
    else tasks.push(task)
  }
  return frame
}

function renamed(planned: PlannedStep, resolve: (id: string) => string): PlannedStep {
  const { step } = planned
  const inject = step.inject.map((injection) => ({ ...injection, step: resolve(injection.step) }))
  const dependencies = step.dependencies.map(resolve)
  return {
    ...planned,
    step: { ...step, id: resolve(step.id), dependencies, inject },
    dependents: planned.dependents.map(resolve),
  }
}

function oneItem(planned: PlannedStep, iteration: number): PlannedStep {
  const { step } = withoutFanOut(planned)
  // Whether the step may fail is said of the whole; what the failure of an item means, of the fan-out.
  const { onFailure } = step.retry
  const retry: Retry = { ...step.retry, onFailure: onFailure === 'rework' ? 'rework' : 'fail' }
  const alone = { dependencies: [], id: `${step.id}[${iteration}]`, retry }
  return { ...planned, step: { ...step, ...alone }, dependents: [] }
}

function withoutFanOut(planned: PlannedStep): PlannedStep {
  const { iterate: _, when: __, ...step } = planned.step
  return { ...planned, step }
}
