import type { Dispatcher } from './dispatch.ts'
import type { RunLog } from './log.ts'
import type { Clock } from '../ports.ts'

/** The time that a run may take. It stands still while nothing but a gate is waited for. */
export class RunTime implements Disposable {
  readonly #clock: Clock
  readonly #totalMs: number
  readonly #log: RunLog
  #dispatcher: Dispatcher | undefined
  #timers: readonly Disposable[] = []
  #usedMs = 0
  #sinceMs: number | undefined
  #pauses = 0

  constructor(clock: Clock, minutes: number, log: RunLog) {
    this.#clock = clock
    this.#totalMs = minutes * 60_000
    this.#log = log
  }

  /** Starts: warns at 80 % and 95 % of the time, and ends the run when it is over. */
  watch(dispatcher: Dispatcher): void {
    this.#dispatcher = dispatcher
    this.#run()
  }

  /** Stands still until the pause is disposed. */
  pause(): Disposable {
    this.#pauses += 1
    this.#stop()
    return {
      [Symbol.dispose]: () => {
        this.#pauses -= 1
        if (this.#pauses === 0) this.#run()
      },
    }
  }

  [Symbol.dispose](): void {
    this.#dispatcher = undefined
    this.#stop()
  }

  #run(): void {
    const dispatcher = this.#dispatcher
    if (dispatcher === undefined || this.#pauses > 0) return
    this.#sinceMs = this.#clock.monotonicMs()
    const marks = [0.8, 0.95].filter((share) => share * this.#totalMs > this.#usedMs)
    const after = (ms: number, act: () => void): Disposable =>
      this.#clock.after(ms - this.#usedMs, act)
    this.#timers = [
      ...marks.map((share) => after(share * this.#totalMs, () => this.#warn(dispatcher, share))),
      after(this.#totalMs, () =>
        dispatcher.abort({ reason: 'limit-reached', limit: 'time', scope: 'run' }),
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
      this.#log.append({ type: 'limit-warning', step, limit: 'time', share })
    } catch (error) {
      dispatcher.crash(error)
    }
  }
}
