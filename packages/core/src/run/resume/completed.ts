import { isOfApply } from '../../of-apply.ts'
import { fold } from '../state.ts'
import type { ResumeRequest, RunResult } from '../request.ts'

/** What is to be said of a run that has completed, and of which nothing is to run again. */
export function completedBefore({
  recovered,
  fromStep,
}: ResumeRequest): Omit<RunResult, 'runId'> | undefined {
  const last = recovered.findLast((event) => !isOfApply(event))
  if (last?.type !== 'run-finished' || last.outcome !== 'completed') return undefined
  if (fromStep !== undefined) return undefined
  const { outcome, verdict, exitCode, delivered } = last
  const state = fold(recovered)
  return { outcome, verdict, exitCode, delivered, state, problems: [], hadCompleted: true }
}
