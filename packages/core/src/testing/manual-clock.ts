import type { Clock, Ids } from '../ports.ts'

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #nowMs = 0
  readonly #epochMs: number
  readonly #timers = new Set<{ readonly dueMs: number; readonly callback: () => void }>()

  constructor(startUtc = '2026-11-22T10:00:00.000Z') {
    this.#epochMs = Date.parse(startUtc)
  }

  nowUtc(): string {
    return new Date(this.#epochMs + this.#nowMs).toISOString()
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(ms: number, callback: () => void): Disposable {
    const timer = { dueMs: this.#nowMs + ms, callback }
    this.#timers.add(timer)
    return { [Symbol.dispose]: () => this.#timers.delete(timer) }
  }

  /** When the next timer is due, in `monotonicMs`. */
  get nextDueMs(): number | undefined {
    const dues = [...this.#timers].map((timer) => timer.dueMs)
    return dues.length === 0 ? undefined : Math.min(...dues)
  }

  /** Goes on, timer by timer in order; what a timer sets off has settled before the next one. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await settle()
    for (
      let dueMs = this.nextDueMs;
      dueMs !== undefined && dueMs <= endMs;
      dueMs = this.nextDueMs
    ) {
      this.#nowMs = Math.max(this.#nowMs, dueMs)
      this.#fireDue()
      await settle()
    }
    this.#nowMs = endMs
  }

  #fireDue(): void {
    const due = [...this.#timers].filter((timer) => timer.dueMs <= this.#nowMs)
    for (const timer of due) {
      if (this.#timers.delete(timer)) timer.callback()
    }
  }
}

/** Waits until everything that needs no timer, file or network has happened. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

/** Always the same ids and no jitter. */
export function fixedIds(runId = '20261122-100000-000-aaaaaa', fraction = 1): Ids {
  return { runId: () => runId, fraction: () => fraction }
}
