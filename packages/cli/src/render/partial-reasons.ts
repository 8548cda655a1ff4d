import type { RunEvent, RunOutcome } from '@wave/core'

/** What is known of a step that bears on why a run is partial. */
interface Part {
  readonly parent: string | undefined
  readonly dependencies: readonly string[]
  end?: 'complete' | 'partial' | 'failed' | 'skipped'
  /** Why it was skipped. */
  because?: string
  /** Of a loop whose condition did not come true in any of them. */
  rounds?: number
}

/**
 * Remembers why a run is not complete although it went to its end. Steps that failed are not told here:
 * they have lines of their own.
 */
export class PartialReasons {
  readonly #parts = new Map<string, Part>()

  watch(event: RunEvent): void {
    if (event.type === 'run-started') this.#add(undefined, event.steps)
    else if (event.type === 'steps-added') this.#add(event.step, event.steps)
    else if (event.type === 'step-started') {
      if (event.attempt > 1) this.#forgetInside(event.step)
    } else this.#watchEnd(event)
  }

  lines(outcome: RunOutcome): readonly string[] {
    if (outcome !== 'partial') return []
    const reasons = [...this.#parts].flatMap(([id, part]) => {
      const reason = this.#counts(part) ? this.#reasonOf(id, part) : undefined
      return reason === undefined ? [] : [`Partial: ${reason}`]
    })
    const left = reasons.length - MAX_REASONS
    if (left <= 0) return reasons
    const rest = `Partial: ${left} more ${left === 1 ? 'reason' : 'reasons'}`
    return [...reasons.slice(0, MAX_REASONS), rest]
  }

  #watchEnd(event: RunEvent): void {
    const part = 'step' in event ? this.#parts.get(event.step) : undefined
    if (part === undefined) return
    if (event.type === 'step-succeeded') part.end = event.partial ? 'partial' : 'complete'
    else if (event.type === 'step-failed') {
      if (!event.willRetry) part.end = 'failed'
    } else if (event.type === 'step-skipped') {
      // With `on_failure: skip` it failed first, and that is told already.
      if (part.end === 'failed') return
      part.end = 'skipped'
      part.because = event.because
    } else if (event.type === 'round-ended' && event.end === 'exhausted') {
      part.rounds = event.iteration
    }
  }

  #add(
    parent: string | undefined,
    steps: readonly { readonly id: string; readonly dependencies: readonly string[] }[],
  ): void {
    for (const { id, dependencies } of steps) this.#parts.set(id, { parent, dependencies })
  }

  /** What the attempt before came to is not what the run came to. */
  #forgetInside(step: string): void {
    const whole = this.#parts.get(step)
    if (whole !== undefined) delete whole.rounds
    for (const [id, part] of this.#parts) {
      if (this.#isInside(part, step)) this.#add(part.parent, [{ id, ...part }])
    }
  }

  #isInside({ parent }: Part, step: string): boolean {
    const around = parent === undefined ? undefined : this.#parts.get(parent)
    return parent === step || (around !== undefined && this.#isInside(around, step))
  }

  /** What is within a step that failed, or that is complete all the same, made nothing partial. */
  #counts({ parent }: Part): boolean {
    if (parent === undefined) return true
    const around = this.#parts.get(parent)
    return around?.end === 'partial' && this.#counts(around)
  }

  #reasonOf(id: string, part: Part): string | undefined {
    if (part.end === 'skipped') return this.#skipReason(id, part)
    if (part.end !== 'partial') return undefined
    if (part.rounds !== undefined) {
      return `loop ${id} used all ${part.rounds} ${part.rounds === 1 ? 'round' : 'rounds'}`
    }
    const inside = [...this.#parts].filter(([, { parent }]) => parent === id)
    const items = inside.filter(([inner]) => inner.startsWith(`${id}[`))
    const failed = items.filter(([, { end }]) => end === 'failed' || end === 'skipped')
    if (failed.length > 0) return `${failed.length} of ${items.length} items of ${id} failed`
    const isTold = inside.some(([inner, { end }]) => end === 'partial' || this.#isBroken(inner))
    return isTold ? undefined : `step ${id} completed only in part`
  }

  #skipReason(id: string, { because = '' }: Part): string | undefined {
    if (because === LEFT_OUT) return `step ${id} was ${LEFT_OUT}`
    return this.#isBroken(id) ? `step ${id} was skipped: ${because}` : undefined
  }

  /** Whether it failed, was left out, or was skipped because of such a step: not because of a condition. */
  #isBroken(id: string): boolean {
    const { end, because, dependencies = [] } = this.#parts.get(id) ?? {}
    if (end === 'failed' || because === LEFT_OUT) return true
    return end === 'skipped' && dependencies.some((dependency) => this.#isBroken(dependency))
  }
}

const LEFT_OUT = 'left out by the user'

const MAX_REASONS = 20
