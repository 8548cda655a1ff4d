import type { RunEvent, RunOutcome, StepFailure } from '@wave/core'
import { describeFailure } from './format.ts'

/** Remembers the steps that failed for good, to tell at the end of the run what a person needs to act on. */
export class FailedSteps {
  readonly #failures = new Map<string, StepFailure>()

  watch(event: RunEvent): void {
    if (event.type === 'step-succeeded') this.#failures.delete(event.step)
    if (event.type !== 'step-failed' || event.willRetry) return
    if (event.failure.reason !== 'cancelled') this.#failures.set(event.step, event.failure)
  }

  /** A run that completed had no need of what failed in it. */
  lines(outcome: RunOutcome): readonly string[] {
    if (outcome === 'completed') return []
    // A step around the one that failed has nothing to add.
    const told = [...this.#failures].filter(
      ([, failure]) => failure.reason !== 'child-failed' || !this.#failures.has(failure.step),
    )
    const lines = told.slice(0, MAX_STEPS).flatMap(([step, failure]) => tell(step, failure))
    const left = told.length - MAX_STEPS
    return left > 0 ? [...lines, `${left} more ${left === 1 ? 'step' : 'steps'} failed`] : lines
  }
}

const MAX_STEPS = 20

function tell(step: string, failure: StepFailure): readonly string[] {
  return [`Step ${step} failed: ${describeFailure(failure)}`, ...details(failure)]
}

function details(failure: StepFailure): readonly string[] {
  if (failure.reason === 'child-failed') return details(failure.failure)
  if ('problems' in failure) return failure.problems.map((problem) => `  ${problem}`)
  if (failure.reason === 'artifact-missing') return [`  ${failure.message}`]
  if (failure.reason === 'command-failed') return lastLines(failure.output)
  if (failure.reason === 'environment' && failure.hint) return [`  hint: ${failure.hint}`]
  return []
}

function lastLines(output: string): readonly string[] {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  const shown = lines.slice(-MAX_OUTPUT_LINES).map((line) => `  ${line}`)
  return lines.length > shown.length ? ['  …', ...shown] : shown
}

const MAX_OUTPUT_LINES = 5
