import type { Step } from './pipeline.ts'

/**
 * The steps as a graph, by index. Everything takes time in proportion to what is looked at, and
 * nothing is kept per pair of steps, so that a chain of 10,000 steps costs no more than it must.
 */
export class StepGraph {
  readonly steps: readonly Step[]
  readonly #indexById: ReadonlyMap<string, number>
  readonly #parents: readonly (readonly number[])[]
  readonly #children: readonly (readonly number[])[]
  /** What was asked for lately: many steps ask for the same early one. */
  readonly #descendants = new Map<number, Uint8Array>()

  /** Answers most questions at once, so that a long chain does not cost a walk for each. */
  #tree: SpanningTree | undefined

  /** Unknown dependencies are left out. Of equal ids, the first counts. */
  constructor(steps: readonly Step[]) {
    const indexById = new Map<string, number>()
    for (const [index, step] of steps.entries()) {
      if (!indexById.has(step.id)) indexById.set(step.id, index)
    }
    this.steps = steps
    this.#indexById = indexById
    this.#parents = steps.map((step) => step.dependencies.flatMap((id) => indexById.get(id) ?? []))
    const children = steps.map((): number[] => [])
    for (const [index, parents] of this.#parents.entries()) {
      for (const parent of parents) children[parent]?.push(index)
    }
    this.#children = children
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
    const from = this.#indexById.get(ancestor)
    const to = this.#indexById.get(step.id)
    if (from === undefined || to === undefined) return false
    this.#tree ??= spanningTree(this.#parents, this.#children)
    if (isBelow(this.#tree, from, to)) return true
    return this.#descendantsOf(from)[to] === 1
  }

  /** Everything reachable through dependencies. */
  ancestorsOf(step: Step): ReadonlySet<string> {
    const start = this.#indexById.get(step.id)
    const ancestors = new Set<string>()
    const found = start === undefined ? [] : reach(start, this.#parents).found
    for (const index of found) ancestors.add(this.steps[index]?.id ?? '')
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

  /**
   * Circles of steps, each of which depends on the next and the last on the first. Of circles that share
   * steps only the first is found; enough of them to break every one that has no step in common with it.
   */
  findCycles(): readonly (readonly string[])[] {
    const cycles: (readonly string[])[] = []
    const broken = new Set<number>()
    for (let cycle = this.#findCycle(broken); cycle !== undefined;) {
      for (const index of cycle) broken.add(index)
      cycles.push(cycle.map((index) => this.steps[index]?.id ?? ''))
      cycle = cycles.length < MAX_CYCLES ? this.#findCycle(broken) : undefined
    }
    return cycles
  }

  /** One that none of the given steps is part of. */
  #findCycle(broken: ReadonlySet<number>): readonly number[] | undefined {
    const stuck = this.#findStuck(broken)
    let current = stuck.findIndex((isStuck) => isStuck)
    if (current === -1) return undefined
    const positions = new Map<number, number>()
    // Every stuck step has a stuck dependency, so that following them must come back.
    while (!positions.has(current)) {
      positions.set(current, positions.size)
      current = this.#parents[current]?.find((parent) => stuck[parent]) ?? current
    }
    return [...positions.keys()].slice(positions.get(current))
  }

  /** By index: whether a step could never start, because a circle is above it; the given ones can. */
  #findStuck(broken: ReadonlySet<number>): boolean[] {
    const waiting = this.#parents.map((parents, index) => (broken.has(index) ? 0 : parents.length))
    const ready = waiting.flatMap((count, index) => (count === 0 ? [index] : []))
    for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
      for (const child of this.#children[index] ?? []) {
        waiting[child] = (waiting[child] ?? 0) - 1
        if (waiting[child] === 0) ready.push(child)
      }
    }
    return waiting.map((count) => count > 0)
  }

  #descendantsOf(index: number): Uint8Array {
    const known = this.#descendants.get(index)
    if (known !== undefined) return known
    if (this.#descendants.size >= MAX_REMEMBERED) this.#descendants.clear()
    const { visited } = reach(index, this.#children)
    this.#descendants.set(index, visited)
    return visited
  }
}

const MAX_REMEMBERED = 64
/** Nobody mends more at once. */
const MAX_CYCLES = 100

/** When a walk along one path to each node comes to it and leaves it; 0: it is never reached. */
interface SpanningTree {
  readonly entered: Uint32Array
  readonly left: Uint32Array
}

function spanningTree(
  parents: readonly (readonly number[])[],
  children: readonly (readonly number[])[],
): SpanningTree {
  const entered = new Uint32Array(children.length)
  const left = new Uint32Array(children.length)
  let time = 0
  const stack = parents.flatMap((above, index) => (above.length === 0 ? [index] : []))
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    if (entered[node] === 0) {
      entered[node] = time += 1
      for (const child of children[node] ?? []) stack.push(child)
    } else {
      stack.pop()
      if (left[node] === 0) left[node] = time += 1
    }
  }
  return { entered, left }
}

/** Whether that walk came to one node while it was below the other. */
function isBelow({ entered, left }: SpanningTree, upper: number, lower: number): boolean {
  const start = entered[upper] ?? 0
  const end = left[upper] ?? 0
  const inner = entered[lower] ?? 0
  return start > 0 && start < inner && (left[lower] ?? 0) < end
}

/** What can be reached from a node, which itself counts only if a circle leads back. */
function reach(
  start: number,
  edges: readonly (readonly number[])[],
): { readonly visited: Uint8Array; readonly found: readonly number[] } {
  const visited = new Uint8Array(edges.length)
  const found: number[] = []
  const stack = [start]
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    for (const next of edges[index] ?? []) {
      if (visited[next] === 1) continue
      visited[next] = 1
      found.push(next)
      stack.push(next)
    }
  }
  return { visited, found }
}
