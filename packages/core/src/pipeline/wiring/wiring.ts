import type { Problem } from '../../errors.ts'
import { suggestionHint } from '../../suggest.ts'
import type { Gaps } from '../read/gaps.ts'
import type { Step } from '../pipeline.ts'
import { ArtifactWiring } from './wiring-artifacts.ts'
import { WorkWiring } from './wiring-work.ts'
import { Place, scopesOf } from './wiring-scope.ts'
import type { Scope, Wired } from './wiring-scope.ts'

/**
 * What is wrong between the steps of a pipeline: ids, dependencies, circles, artifacts that nothing
 * produces before they are needed, and steps that cannot repair or be gone on from.
 */
export function checkWiring(pipeline: Wired, gaps: Gaps = noGaps()): readonly Problem[] {
  const place = new Place(pipeline)
  const scopes = scopesOf(pipeline.steps)
  const order = new OrderWiring(scopes, place)
  order.check()
  for (const id of order.loose) gaps.loose.add(id)
  const parts = { pipeline, scopes, place, gaps }
  const artifacts = new ArtifactWiring(parts)
  artifacts.check()
  const work = new WorkWiring(parts)
  work.check()
  return place.problems
}

function noGaps(): Gaps {
  const none = new Set<string>()
  return {
    unlisted: none,
    opaque: none,
    loose: new Set(),
    deaf: none,
    hasty: new Map(),
    hasVagueInput: false,
  }
}

/** Ids and dependencies. */
class OrderWiring {
  /** Steps with a dependency that cannot be, so that another one was meant. */
  readonly loose = new Set<string>()
  readonly #scopes: readonly Scope[]
  readonly #place: Place
  /** The first step of each id, in the whole file. */
  readonly #first = new Map<string, { readonly step: Step; readonly scope: Scope }>()

  constructor(scopes: readonly Scope[], place: Place) {
    this.#scopes = scopes
    this.#place = place
    const [top] = scopes
    if (top !== undefined) this.#register(top, new Map(scopes.map((one) => [one.outer?.loop, one])))
  }

  /** In the order of the file. */
  #register(scope: Scope, bodies: ReadonlyMap<Step | undefined, Scope>): void {
    for (const step of scope.steps) {
      if (!this.#first.has(step.id)) this.#first.set(step.id, { step, scope })
      const body = bodies.get(step)
      if (body !== undefined) this.#register(body, bodies)
    }
  }

  check(): void {
    for (const scope of this.#scopes) {
      for (const [index, step] of scope.steps.entries()) {
        this.#checkId(scope, step, index)
        this.#checkDependencies(scope, step, index)
      }
      this.#checkCycle(scope)
    }
  }

  #checkId(scope: Scope, step: Step, index: number): void {
    const first = this.#first.get(step.id)?.step
    if (first === step || first === undefined) return
    const { line, column } = first.location
    const message = `The step id "${step.id}" is used twice, first at ${line}:${column}.`
    const hint = 'Give each step an id of its own.'
    this.#place.report(message, [...scope.path, index, 'id'], hint)
  }

  #checkDependencies(scope: Scope, step: Step, index: number): void {
    for (const [position, id] of step.dependencies.entries()) {
      const at = [...scope.path, index, 'dependencies', position]
      if (id === step.id) {
        const hint = `Remove "${id}" from its dependencies.`
        this.#place.report(`Step "${step.id}" depends on itself.`, at, hint)
      } else if (step.dependencies.indexOf(id) < position) {
        this.#place.report(`Step "${step.id}" names the dependency "${id}" twice.`, at)
      } else if (scope.graph.find(id) === undefined) {
        const { complaint, hint } = this.#explain(id, step, scope)
        this.loose.add(step.id)
        this.#place.report(`Step "${step.id}" depends on ${complaint}.`, at, hint)
      }
    }
  }

  /** Why a step cannot depend on another one. */
  #explain(id: string, step: Step, scope: Scope): { complaint: string; hint: string } {
    const other = this.#first.get(id)
    const { outer } = scope
    if (other === undefined) {
      const others = [...scope.graph.ids()].filter((one) => one !== step.id)
      const hint = suggestionHint(id, others, 'steps')
      return { complaint: `the unknown step "${id}"`, hint }
    }
    if (other.scope.outer !== undefined && !scope.isWithin(other.scope)) {
      const loop = other.scope.outer.loop.id
      const complaint = `"${id}", which is in the body of the loop "${loop}"`
      return { complaint, hint: `Depend on "${loop}", which stands for its last round.` }
    }
    const loop = outer?.loop.id ?? ''
    if (id === loop) {
      return { complaint: `"${id}", the loop that it is in`, hint: `Remove "${id}".` }
    }
    const hint = `Let "${loop}" depend on it: the steps in the loop then may use its artifacts.`
    return { complaint: `"${id}", which is not in the body of the loop "${loop}"`, hint }
  }

  #checkCycle(scope: Scope): void {
    for (const cycle of scope.graph.findCycles()) {
      const [first = ''] = cycle
      // A step that depends on itself has been told.
      if (cycle.length === 1) continue
      const index = scope.steps.findIndex((step) => step.id === first)
      const message = `Steps wait for each other: ${showCircle(cycle)}.`
      const at = [...scope.path, index, 'dependencies']
      this.#place.report(message, at, 'Remove one of these dependencies.')
    }
  }
}

function showCircle(cycle: readonly string[]): string {
  const ids = cycle.map((id) => `"${id}"`)
  const more = ids.length - MAX_SHOWN
  const shown = more > 0 ? [...ids.slice(0, MAX_SHOWN), `${more} more`] : ids
  return [...shown, ids[0]].join(' -> ')
}

const MAX_SHOWN = 20
