import { fold } from '../state.ts'
import type { ResumeRequest, RunResult } from '../request.ts'

/** What is to be said of a run that has completed, and of which nothing is to run again. */
export function completedBefore({
  recovered,
  fromStep,
}: ResumeRequest): Omit<RunResult, 'runId'> | undefined {
  const last = recovered.at(-1)
  if (last?.type !== 'run-finished' || last.outcome !== 'completed') return undefined
  if (fromStep !== undefined) return undefined
  const { outcome, verdict, exitCode, delivered } = last
  const state = fold(recovered)
  return { outcome, verdict, exitCode, delivered, state, problems: [], hadCompleted: true }
}
