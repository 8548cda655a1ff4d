/** What the schedule needs to know of a step. */
export interface Schedulable {
  readonly id: string
  readonly dependencies: readonly string[]
  readonly dependents: readonly string[]
}

/**
 * How a step left the graph. `missing`: it failed or was skipped, and dependents that do without its
 * artifacts may run. `blocked`: nothing behind it may run.
 */
export type Departure = 'done' | 'missing' | 'blocked'

export interface Skip {
  readonly id: string
  readonly because: string
}

/**
 * Which steps may start: each the moment its own dependencies have left, in file order where several
 * are ready. No step starts twice or before its dependencies. Work per step and edge is constant, apart
 * from the order of the ready ones.
 */
export class Schedule {
  readonly #steps: readonly Schedulable[]
  readonly #places: ReadonlyMap<string, number>
  readonly #open: number[]
  readonly #blockedBy = new Map<string, string>()
  readonly #ready = new PlaceHeap()
  readonly #left = new Set<string>()
  readonly #started = new Set<string>()
  readonly #unmet: (id: string) => string | undefined

  /** `unmet` says why a step whose dependencies have left cannot run after all: the need rule. */
  constructor(steps: readonly Schedulable[], unmet: (id: string) => string | undefined) {
    this.#steps = steps
    this.#unmet = unmet
    this.#places = new Map(steps.map((step, place) => [step.id, place]))
    this.#open = steps.map((step) => step.dependencies.length)
    for (const [place, open] of this.#open.entries()) if (open === 0) this.#ready.push(place)
  }

  /** The step that `take` would give. */
  peek(): string | undefined {
    for (let place = this.#ready.peek(); place !== undefined; place = this.#ready.peek()) {
      const id = this.#steps[place]?.id
      if (id !== undefined && !this.#left.has(id)) return id
      this.#ready.pop()
    }
    return undefined
  }

  /** The next step to start; undefined while none is ready. */
  take(): string | undefined {
    const id = this.peek()
    if (id === undefined) return undefined
    this.#ready.pop()
    this.#started.add(id)
    return id
  }

  /** A started step has ended. Gives the steps that are skipped because of it, in that order. */
  leave(id: string, departure: Departure): readonly Skip[] {
    const skipped: Skip[] = []
    const queue: { id: string; departure: Departure }[] = [{ id, departure }]
    for (const next of queue) {
      this.#left.add(next.id)
      for (const dependent of this.#dependentsOf(next.id)) {
        const skip = this.#release(dependent, next)
        if (skip === undefined) continue
        skipped.push({ id: dependent, because: skip.because })
        queue.push({ id: dependent, departure: skip.departure })
      }
    }
    return skipped
  }

  /** Takes steps out that have not started; gives those that it took. Steps behind them may still run. */
  drop(ids: readonly string[]): readonly string[] {
    const dropped = ids.filter((id) => !this.#started.has(id) && !this.#left.has(id))
    for (const id of dropped) this.#left.add(id)
    for (const id of dropped) this.leave(id, 'missing')
    return dropped
  }

  /** Starts nothing any more. Gives the steps that never started, in file order. */
  stop(): readonly string[] {
    this.#ready.clear()
    const rest = this.#steps.filter(
      (step) => !this.#started.has(step.id) && !this.#left.has(step.id),
    )
    for (const step of rest) this.#left.add(step.id)
    return rest.map((step) => step.id)
  }

  #dependentsOf(id: string): readonly string[] {
    return this.#steps[this.#place(id)]?.dependents ?? []
  }

  /** One dependency of `id` has left: it becomes ready, keeps waiting, or is skipped. */
  #release(
    id: string,
    by: { readonly id: string; readonly departure: Departure },
  ): { readonly because: string; readonly departure: Departure } | undefined {
    const place = this.#place(id)
    if (by.departure === 'blocked' && !this.#blockedBy.has(id)) this.#blockedBy.set(id, by.id)
    const open = (this.#open[place] ?? 0) - 1
    this.#open[place] = open
    if (open > 0 || this.#left.has(id)) return undefined
    const blocker = this.#blockedBy.get(id)
    if (blocker !== undefined) {
      return { because: `${blocker} did not complete`, departure: 'blocked' }
    }
    const because = this.#unmet(id)
    if (because !== undefined) return { because, departure: 'missing' }
    this.#ready.push(place)
    return undefined
  }

  #place(id: string): number {
    const place = this.#places.get(id)
    if (place === undefined) throw new Error(`Internal error: unknown step ${id}`)
    return place
  }
}

/** Smallest place first. */
class PlaceHeap {
  readonly #items: number[] = []

  push(place: number): void {
    const items = this.#items
    let at = items.length
    for (let parent = (at - 1) >> 1; at > 0 && (items[parent] ?? 0) > place;) {
      items[at] = items[parent] ?? 0
      at = parent
      parent = (at - 1) >> 1
    }
    items[at] = place
  }

  peek(): number | undefined {
    return this.#items[0]
  }

  pop(): number | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return top
    let at = 0
    for (let child = this.#smallerChild(at); child !== undefined; child = this.#smallerChild(at)) {
      const value = items[child] ?? 0
      if (value >= last) break
      items[at] = value
      at = child
    }
    items[at] = last
    return top
  }

  clear(): void {
    this.#items.length = 0
  }

  #smallerChild(at: number): number | undefined {
    const left = 2 * at + 1
    if (left >= this.#items.length) return undefined
    const right = left + 1
    return (this.#items[right] ?? Infinity) < (this.#items[left] ?? Infinity) ? right : left
  }
}
