import type { Location, Problem } from '../../errors.ts'
import type { Gaps } from '../read/gaps.ts'
import { StepGraph } from '../graph.ts'
import type { LoopStep, Pipeline, Step } from '../pipeline.ts'

/** What the wiring needs to know of a pipeline. */
export type Wired = Pick<Pipeline, 'steps' | 'verdict' | 'locate'> &
  Partial<Pick<Pipeline, 'outputs' | 'hooks'>>

export type Path = readonly (string | number)[]

/** What the parts of the wiring share. */
export interface WiringParts {
  readonly pipeline: Wired
  readonly scopes: readonly Scope[]
  readonly place: Place
  readonly gaps: Gaps
}

/** Steps that can depend on each other: those of the pipeline, or of the body of a loop. */
export class Scope {
  readonly steps: readonly Step[]
  /** Where the list of steps stands. */
  readonly path: Path
  /** The loop whose body this is. */
  readonly outer: { readonly loop: LoopStep; readonly scope: Scope } | undefined
  readonly graph: StepGraph
  /** Who is repaired, by the step that does it. */
  readonly #repaired = new Map<string, Step>()

  constructor(steps: readonly Step[], path: Path, outer: Scope['outer']) {
    this.steps = steps
    this.path = path
    this.outer = outer
    this.graph = new StepGraph(steps)
    for (const step of steps) {
      for (const { step: id } of reworksOf(step)) {
        if (!this.#repaired.has(id)) this.#repaired.set(id, step)
      }
    }
  }

  /** The step of that id, also one outside of the loop. */
  find(id: string): Step | undefined {
    return this.graph.find(id) ?? this.outer?.scope.find(id)
  }

  /**
   * Whether a step has ended when another one of this scope starts. What a loop waits for, its body may
   * use; a step that repairs another one comes after that.
   */
  isBefore(id: string, step: Step): boolean {
    return this.#isBefore(id, step, new Set())
  }

  /** Whether not all is known that has ended when a step starts. */
  isLoose(step: Step, loose: ReadonlySet<string>): boolean {
    if (loose.has(step.id) || [...loose].some((id) => this.isBefore(id, step))) return true
    return this.outer?.scope.isLoose(this.outer.loop, loose) ?? false
  }

  /** Whether it is worth telling, and not told yet, that a step does not wait for another one. */
  isNewlyHasty(step: Step, producer: string, { hasty, loose }: Gaps): boolean {
    const told = hasty.get(step.id) ?? new Set()
    if (told.has(producer) || this.isLoose(step, loose)) return false
    hasty.set(step.id, new Set([...told, producer]))
    return true
  }

  /** Whether this is the body of a loop in the other scope, however deep. */
  isWithin(other: Scope): boolean {
    return this === other || (this.outer?.scope.isWithin(other) ?? false)
  }

  #isBefore(id: string, step: Step, seen: Set<Step>): boolean {
    if (this.graph.isAncestor(id, step)) return true
    const repaired = step.reworkOnly === true ? this.#repaired.get(step.id) : undefined
    if (repaired !== undefined && !seen.has(step)) {
      seen.add(step)
      if (repaired.id === id || this.#isBefore(id, repaired, seen)) return true
    }
    return this.outer?.scope.isBefore(id, this.outer.loop) ?? false
  }
}

/** The scopes of a pipeline, the outermost first. */
export function scopesOf(steps: readonly Step[]): readonly Scope[] {
  const scopes = [new Scope(steps, ['steps'], undefined)]
  for (const scope of scopes) {
    for (const [index, step] of scope.steps.entries()) {
      if (step.kind !== 'loop') continue
      const path = [...scope.path, index, 'loop', 'steps']
      scopes.push(new Scope(step.steps, path, { loop: step, scope }))
    }
  }
  return scopes
}

/** Which steps repair this one, and where that is said below the step. */
export function reworksOf(step: Step): readonly { readonly step: string; readonly at: Path }[] {
  const own = step.retry.rework
  const retry = own === undefined ? [] : [{ step: own.step, at: ['retry', 'rework_step'] }]
  const contracts = step.contracts.flatMap(({ rework }, index) =>
    rework === undefined
      ? []
      : [{ step: rework.step, at: ['handover', 'contracts', index, 'rework_step'] }],
  )
  return [...retry, ...contracts]
}

/** Collects problems, each with its place in the file. */
export class Place {
  readonly problems: Problem[] = []
  readonly #pipeline: Wired

  constructor(pipeline: Wired) {
    this.#pipeline = pipeline
  }

  report(message: string, path: Path, hint?: string): void {
    const location = this.#locate(path)
    const place = location === undefined ? {} : { location }
    const advice = hint === undefined ? {} : { hint }
    this.problems.push({ code: 'pipeline-invalid', message, ...place, ...advice })
  }

  #locate(path: Path): Location | undefined {
    const { locate } = this.#pipeline
    if (locate === undefined) return stepAt(this.#pipeline.steps, path)?.location
    // One contract may be written as "contract" instead of as a list.
    const index = path.indexOf('contracts')
    if (index === -1 || !isSame(locate(path.slice(0, index)), locate(path.slice(0, index + 2)))) {
      return locate(path)
    }
    return locate([...path.slice(0, index), 'contract', ...path.slice(index + 2)])
  }
}

function isSame(left: Location, right: Location): boolean {
  return left.line === right.line && left.column === right.column
}

function stepAt(steps: readonly Step[], path: Path): Step | undefined {
  const step = path[0] === 'steps' ? steps[Number(path[1])] : undefined
  if (step?.kind !== 'loop' || path[2] !== 'loop') return step
  return stepAt(step.steps, path.slice(3)) ?? step
}

/** Why a step has not ended when another one starts. */
export function lateness(
  id: string,
  step: Step,
  scope: Scope,
): { readonly complaint: string; readonly hint?: string } {
  const loop = scope.outer?.loop
  const waitedFor = awaited(id, step, scope)
  if (waitedFor !== undefined) return { complaint: `which itself waits for "${waitedFor}"` }
  const complaint = 'which need not be finished before it starts'
  if (id === step.id) return { complaint: 'which is that step itself' }
  if (id === loop?.id) return { complaint }
  const dependent = scope.graph.find(id) === undefined ? (loop?.id ?? step.id) : step.id
  return { complaint, hint: `Add "${id}" to the dependencies of "${dependent}".` }
}

/** The step, or the loop around it, that the producer waits for. */
function awaited(id: string, step: Step, scope: Scope): string | undefined {
  const producer = scope.graph.find(id)
  if (producer !== undefined) return scope.isBefore(step.id, producer) ? step.id : undefined
  return scope.outer === undefined ? undefined : awaited(id, scope.outer.loop, scope.outer.scope)
}
