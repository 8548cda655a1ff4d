import { performance } from 'node:perf_hooks'
import type { Clock } from '../ports.ts'

/** The machine's clock. Timers do not keep the process alive. */
export const systemClock: Clock = {
  nowUtc: () => new Date().toISOString(),
  monotonicMs: () => performance.now(),
  after(ms, callback) {
    // What is over time already is due at once; of a negative time Node warns.
    const timer = setTimeout(callback, Math.max(0, Math.min(ms, LONGEST_TIMER_MS)))
    timer.unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}

/** A longer `setTimeout` fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Waits on the injected clock; returns early when the signal aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = clock.after(ms, end)
    signal.addEventListener('abort', end, { once: true })
    function end(): void {
      timer[Symbol.dispose]()
      signal.removeEventListener('abort', end)
      resolve()
    }
  })
}
