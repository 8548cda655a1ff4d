/** How many steps may run at once, over all graphs of a run. Steps that are made of others take no place. */
export class Slots {
  readonly #count: number
  #free: number
  readonly #listeners = new Set<() => void>()
  readonly #watchers = new Set<() => void>()

  constructor(count: number) {
    this.#count = count
    this.#free = count
  }

  /** Whether no step works. */
  get isIdle(): boolean {
    return this.#free === this.#count
  }

  /** False when no place is free. */
  take(): boolean {
    if (this.#free === 0) return false
    this.#free -= 1
    for (const watcher of this.#watchers) watcher()
    return true
  }

  release(): void {
    this.#free += 1
    for (const watcher of this.#watchers) watcher()
    for (const listener of this.#listeners) listener()
  }

  /** Called whenever a place becomes free. */
  onFree(listener: () => void): Disposable {
    return listening(this.#listeners, listener)
  }

  /** Called whenever a place is taken or becomes free. */
  onChange(listener: () => void): Disposable {
    return listening(this.#watchers, listener)
  }
}

function listening(listeners: Set<() => void>, listener: () => void): Disposable {
  listeners.add(listener)
  return { [Symbol.dispose]: () => listeners.delete(listener) }
}
