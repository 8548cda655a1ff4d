import type { Step } from './pipeline.ts'

/**
 * The steps as a graph, by index. Everything takes time in proportion to what is looked at, and
 * nothing is kept per pair of steps, so that a chain of 10,000 steps costs no more than it must.
 */
export class StepGraph {
  readonly steps: readonly Step[]
  readonly #indexById: ReadonlyMap<string, number>
  readonly #parents: readonly (readonly number[])[]
  /** The last search that visited a step. */
  readonly #visited: Uint32Array
  #search = 0

  /** Unknown dependencies are left out. Of equal ids, the first counts. */
  constructor(steps: readonly Step[]) {
    const indexById = new Map<string, number>()
    for (const [index, step] of steps.entries()) {
      if (!indexById.has(step.id)) indexById.set(step.id, index)
    }
    this.steps = steps
    this.#indexById = indexById
    this.#parents = steps.map((step) => step.dependencies.flatMap((id) => indexById.get(id) ?? []))
    this.#visited = new Uint32Array(steps.length)
  }

  find(id: string): Step | undefined {
    return this.steps[this.#indexById.get(id) ?? -1]
  }

  ids(): Iterable<string> {
    return this.#indexById.keys()
  }

  /** Whether a step is reachable from another one through dependencies. */
  isAncestor(ancestor: string, step: Step): boolean {
    if (step.dependencies.includes(ancestor)) return true
    const wanted = this.#indexById.get(ancestor)
    if (wanted === undefined) return false
    return this.#walk(step, (index) => index === wanted)
  }

  /** Everything reachable through dependencies. */
  ancestorsOf(step: Step): ReadonlySet<string> {
    const ancestors = new Set<string>()
    this.#walk(step, (index) => {
      ancestors.add(this.steps[index]?.id ?? '')
      return false
    })
    return ancestors
  }

  /** The ids of the steps that name each step as a dependency, in file order. */
  dependents(): ReadonlyMap<string, readonly string[]> {
    const dependents = new Map<string, string[]>(this.steps.map((step) => [step.id, []]))
    for (const step of this.steps) {
      for (const dependency of step.dependencies) dependents.get(dependency)?.push(step.id)
    }
    return dependents
  }

  /** The steps of one circle, each of which depends on the next and the last on the first. */
  findCycle(): readonly string[] | undefined {
    const stuck = this.#findStuck()
    let current = stuck.findIndex((isStuck) => isStuck)
    if (current === -1) return undefined
    const positions = new Map<number, number>()
    // Every stuck step has a stuck dependency, so that following them must come back.
    while (!positions.has(current)) {
      positions.set(current, positions.size)
      current = this.#parents[current]?.find((parent) => stuck[parent]) ?? current
    }
    const circle = [...positions.keys()].slice(positions.get(current))
    return circle.map((index) => this.steps[index]?.id ?? '')
  }

  /** By index: whether a step could never start, because a circle is above it. */
  #findStuck(): boolean[] {
    const children = this.steps.map((): number[] => [])
    const waiting = this.#parents.map((parents) => parents.length)
    for (const [index, parents] of this.#parents.entries()) {
      for (const parent of parents) children[parent]?.push(index)
    }
    const ready = waiting.flatMap((count, index) => (count === 0 ? [index] : []))
    for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
      for (const child of children[index] ?? []) {
        waiting[child] = (waiting[child] ?? 0) - 1
        if (waiting[child] === 0) ready.push(child)
      }
    }
    return waiting.map((count) => count > 0)
  }

  /** Visits ancestors, nearest first, until the visitor says stop. */
  #walk(step: Step, visit: (index: number) => boolean): boolean {
    this.#search += 1
    const stack = [this.#indexById.get(step.id) ?? -1]
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      for (const parent of this.#parents[index] ?? []) {
        if (this.#visited[parent] === this.#search) continue
        if (visit(parent)) return true
        this.#visited[parent] = this.#search
        stack.push(parent)
      }
    }
    return false
  }
}
