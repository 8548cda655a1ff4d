import { join } from 'node:path'
import { explainStep, listRuns, readRunEvents } from '@wave/core/runs'
import type { StepMade } from '@wave/core'
import { WaveError } from '@wave/core/language'

/** An earlier run of the same pipeline in which it is known what went into a step. */
export interface EarlierStep {
  readonly run: string
  readonly made: StepMade
}

/** Of the runs before this one, the latest that got as far as to give this step its work. */
export function findEarlierStep(
  folder: string,
  of: { readonly run: string; readonly pipeline: string; readonly step: string },
): EarlierStep | undefined {
  const ids = listRuns(folder).filter((id) => id < of.run)
  for (const run of ids.slice(0, MAX_RUNS)) {
    const made = madeIn(join(folder, run), of)
    if (made !== undefined) return { run, made }
  }
  return undefined
}

/** Who looks further back says how far. */
const MAX_RUNS = 200

function madeIn(
  directory: string,
  { pipeline, step }: { readonly pipeline: string; readonly step: string },
): StepMade | undefined {
  try {
    const { events } = readRunEvents(directory)
    const [first] = events
    if (first?.type !== 'run-started' || first.pipeline.name !== pipeline) return undefined
    return explainStep(events, step)?.made
  } catch (error) {
    // A run that cannot be read is none to compare with.
    if (error instanceof WaveError) return undefined
    throw error
  }
}
