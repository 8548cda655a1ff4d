import { isComposed } from './frame.ts'
import type { Frame, Task } from './frame.ts'

/**
 * How many steps of one graph may run at once. Steps that work need a slot of the run as well; gates need
 * nothing: they only wait.
 */
export class Places {
  readonly #frame: Frame
  #taken = 0

  constructor(frame: Frame) {
    this.#frame = frame
  }

  /** False when the graph or the run has none left. */
  take(task: Task): boolean {
    if (task.planned.step.kind === 'gate') return true
    if (this.#taken >= this.#frame.concurrency) return false
    if (!isComposed(task) && !this.#frame.run.slots.take()) return false
    this.#taken += 1
    return true
  }

  release(task: Task): void {
    if (task.planned.step.kind === 'gate') return
    this.#taken -= 1
    if (!isComposed(task)) this.#frame.run.slots.release()
  }
}
