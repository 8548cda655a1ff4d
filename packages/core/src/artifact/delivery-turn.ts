import { WaveError } from '../errors.ts'
import { makeDirectory } from '../run/journal/durable-fs.ts'
import { takeLock } from '../run/journal/lock.ts'

/**
 * One run of a project delivers at a time. Another one that ends at this moment would find files that are in no
 * record yet, take them for a person's, and lose entries of the record. Where no turn can be had, there is none:
 * results are worth more than their order.
 */
export function takeDeliveryTurn(runs: string): Disposable {
  const latest = performance.now() + LONGEST_WAIT_MS
  for (;;) {
    try {
      makeDirectory(runs)
      return takeLock(runs, 'Results are being delivered')
    } catch (error) {
      const isTaken = error instanceof WaveError && error.code === 'run-locked'
      if (!isTaken || performance.now() > latest) return { [Symbol.dispose]() {} }
    }
    // Delivering is synchronous, and done in a moment.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
  }
}

const PAUSE_MS = 20
const LONGEST_WAIT_MS = 10_000
