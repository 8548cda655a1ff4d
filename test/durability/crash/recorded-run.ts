import { join } from 'node:path'
import { readRunEvents } from '../../../packages/core/src/run/journal/run-events.ts'
import { verifyRun } from '../../../packages/core/src/verify/verify-run.ts'
import { REFERENCE_RUN } from './reference.ts'

/** What is missing of what was acknowledged, and what does not verify, in the reference run of a folder. */
export async function lostOf(folder: string, lastSeq: number): Promise<readonly string[]> {
  const directory = join(folder, REFERENCE_RUN)
  const count = recordedEvents(folder)
  const lost =
    count > lastSeq ? [] : [`${lastSeq + 1 - count} of ${lastSeq + 1} acknowledged events are lost`]
  if (count === 0) return lost
  const checks = await verifyRun({ directory, projectRoot: folder, snapshots: NO_SNAPSHOTS })
  const problems = checks.filter(({ level }) => level === 'error').map(({ message }) => message)
  return [...lost, ...problems]
}

/** How many there are; 0 also where there is no journal at all. */
export function recordedEvents(folder: string): number {
  try {
    return readRunEvents(join(folder, REFERENCE_RUN)).events.length
  } catch {
    return 0
  }
}

/** What keeps the reference run of a folder from being complete: exactly one success of each step. */
export async function incompleteIn(folder: string): Promise<readonly string[]> {
  const problems = await lostOf(folder, -1)
  const { events } = readRunEvents(join(folder, REFERENCE_RUN))
  const succeeded = events.flatMap((event) => (event.type === 'step-succeeded' ? event.step : []))
  const twice = succeeded.filter((step, at) => succeeded.indexOf(step) !== at)
  const last = events.findLast((event) => event.type === 'run-finished')
  return [
    ...problems,
    ...twice.map((step) => `step ${step} succeeded more than once`),
    ...(last?.type === 'run-finished' && last.outcome === 'completed'
      ? []
      : ['the run did not complete']),
  ]
}

const NO_SNAPSHOTS = { reopen: () => Promise.resolve(undefined) }
