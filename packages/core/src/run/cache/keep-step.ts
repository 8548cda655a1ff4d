import type { NewRunEvent } from '../../events.ts'
import type { AttemptEnd } from '../step/attempt-result.ts'
import { warning } from '../step/attempt-result.ts'
import type { StepEnd } from '../step/step-end.ts'
import type { Task } from '../frame.ts'
import type { RunRequest } from '../request.ts'
import type { KeptStep } from './step-cache.ts'

/** The end of a step that is kept for later runs once it is recorded, where it may be. */
export function keeping(task: Task, end: StepEnd, { made, isReused }: AttemptEnd): StepEnd {
  const { log, request } = task.frame.run
  const { cache } = request
  if (cache === undefined || made === undefined || isReused || !mayKeep(end, request)) return end
  const step = keptStep(end.events, request.runId)
  if (step === undefined) return end
  const keep = (): void => {
    // A journal that failed has not recorded it.
    if (log.state.steps.get(end.id)?.status !== 'succeeded') return
    try {
      cache.keep(made.key, step)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      log.append(warning(end.id, `It could not be kept for later runs: ${why}`))
    }
  }
  const close = async (): Promise<void> => {
    try {
      keep()
    } finally {
      await end.close()
    }
  }
  return { ...end, close }
}

/** A run that was forced to go on is no example. */
function mayKeep({ effect, partial }: StepEnd, { resume }: RunRequest): boolean {
  return effect === 'succeeded' && !partial && resume?.force !== true
}

function keptStep(events: readonly NewRunEvent[], run: string): KeptStep | undefined {
  const success = events.find((event) => event.type === 'step-succeeded')
  if (success === undefined) return undefined
  const { step, artifacts, patch, verdict, message } = success
  return { run, step, artifacts, ...(patch && { patch }), ...(verdict && { verdict }), message }
}
