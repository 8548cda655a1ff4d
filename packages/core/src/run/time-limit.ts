import type { Dispatcher } from './dispatch.ts'
import type { RunLog } from './log.ts'
import type { Clock } from '../ports.ts'
import type { Slots } from './slots.ts'

/** The time that a run may take. It stands still while a gate waits and no step works. */
export class RunTime implements Disposable {
  readonly #clock: Clock
  readonly #totalMs: number
  readonly #log: RunLog
  readonly #slots: Slots
  #watching: Disposable | undefined
  #dispatcher: Dispatcher | undefined
  #timers: readonly Disposable[] = []
  #usedMs: number
  #sinceMs: number | undefined
  #pauses = 0

  /** `usedMs`: before the run was resumed. */
  constructor(
    clock: Clock,
    minutes: number,
    { log, slots, usedMs = 0 }: { log: RunLog; slots: Slots; usedMs?: number },
  ) {
    this.#usedMs = usedMs
    this.#clock = clock
    this.#totalMs = minutes * 60_000
    this.#log = log
    this.#slots = slots
  }

  /** Starts: warns at 80 % and 95 % of the time, and ends the run when it is over. */
  watch(dispatcher: Dispatcher): void {
    this.#dispatcher = dispatcher
    this.#watching = this.#slots.onChange(() => this.#update())
    this.#run()
  }

  /** Stands still, unless a step works, until the pause is disposed. */
  pause(): Disposable {
    this.#pauses += 1
    this.#update()
    return {
      [Symbol.dispose]: () => {
        this.#pauses -= 1
        this.#update()
      },
    }
  }

  [Symbol.dispose](): void {
    this.#dispatcher = undefined
    this.#watching?.[Symbol.dispose]()
    this.#stop()
  }

  #update(): void {
    if (this.#pauses > 0 && this.#slots.isIdle) this.#stop()
    else this.#run()
  }

  #run(): void {
    const dispatcher = this.#dispatcher
    if (dispatcher === undefined || this.#sinceMs !== undefined) return
    this.#sinceMs = this.#clock.monotonicMs()
    const marks = [0.8, 0.95].filter((share) => share * this.#totalMs > this.#usedMs)
    const after = (ms: number, act: () => void): Disposable =>
      this.#clock.after(ms - this.#usedMs, act)
    this.#timers = [
      ...marks.map((share) => after(share * this.#totalMs, () => this.#warn(dispatcher, share))),
      after(this.#totalMs, () =>
        dispatcher.abort({
          reason: 'limit-reached',
          limit: 'time',
          scope: 'run',
          allowed: this.#totalMs,
        }),
      ),
    ]
  }

  #stop(): void {
    if (this.#sinceMs !== undefined) this.#usedMs += this.#clock.monotonicMs() - this.#sinceMs
    this.#sinceMs = undefined
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#timers = []
  }

  #warn(dispatcher: Dispatcher, share: number): void {
    const [step] = dispatcher.running
    if (step === undefined) return
    try {
      this.#log.append({ type: 'limit-warning', step, limit: 'time', share, scope: 'run' })
    } catch (error) {
      dispatcher.crash(error)
    }
  }
}
