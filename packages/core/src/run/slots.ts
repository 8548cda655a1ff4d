/** How many steps may run at once, over all graphs of a run. Steps that are made of others take no place. */
export class Slots {
  #free: number
  readonly #listeners = new Set<() => void>()

  constructor(count: number) {
    this.#free = count
  }

  /** False when no place is free. */
  take(): boolean {
    if (this.#free === 0) return false
    this.#free -= 1
    return true
  }

  release(): void {
    this.#free += 1
    for (const listener of this.#listeners) listener()
  }

  /** Called whenever a place becomes free. */
  onFree(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }
}
