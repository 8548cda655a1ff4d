import type { RunOutcome, StepFailure, Verdict } from '../events.ts'
import type { DispatchEnd } from './dispatch-end.ts'
import { failureExitCode } from './failure.ts'

/** What the end of a run is decided by. */
export interface Facts {
  readonly end: DispatchEnd
  /** Set when a person or the system ended the run. */
  readonly cancelledBy: 'SIGINT' | 'SIGTERM' | undefined
  readonly verdict: Verdict | undefined
  readonly verdictDeclared: boolean
  readonly undelivered: boolean
  /** Of the steps that wait, one waits for a provider. */
  readonly waitsForProvider: boolean
  /** Exit code 0 where 3 would be used. */
  readonly inconclusiveOk: boolean
}

/** How the run ended, and the exit code that says so. */
export function decideOutcome(facts: Facts): {
  readonly outcome: RunOutcome
  readonly exitCode: number
} {
  const outcome = outcomeOf(facts)
  const codes = [...signalCode(facts), ...failureCodes(facts.end)]
  if (facts.undelivered) codes.push(4)
  if (outcome === 'rejected' || outcome === 'failed') codes.push(1)
  if (outcome === 'suspended') codes.push(facts.waitsForProvider ? 7 : 6)
  if (outcome === 'partial' && !facts.inconclusiveOk) codes.push(3)
  return { outcome, exitCode: PRECEDENCE.find((code) => codes.includes(code)) ?? 0 }
}

/** The first that applies wins. */
const PRECEDENCE = [130, 143, 70, 2, 4, 7, 6, 5, 1, 3]

function outcomeOf(facts: Facts): RunOutcome {
  const { failures, stopped } = facts.end
  if (facts.cancelledBy !== undefined) return 'cancelled'
  if (failures.some(({ effect }) => effect === 'rejected')) return 'rejected'
  if (stopped !== undefined || failures.some(({ effect }) => effect === 'fail')) return 'failed'
  if (facts.end.waiting.length > 0) return 'suspended'
  if (failures.length > 0 || facts.end.partial || facts.undelivered) return 'partial'
  const inconclusive =
    facts.verdict === 'inconclusive' || (facts.verdictDeclared && facts.verdict === undefined)
  return inconclusive ? 'partial' : 'completed'
}

function signalCode(facts: Facts): number[] {
  if (facts.cancelledBy === undefined) return []
  return [facts.cancelledBy === 'SIGTERM' ? 143 : 130]
}

/** Of the failures that ended the run; siblings that were cancelled for them do not count. */
function failureCodes(end: DispatchEnd): readonly number[] {
  const decisive = end.failures
    .filter(({ effect }) => effect === 'fail' || effect === 'rejected')
    .map(({ failure }) => failure)
  return [...decisive, ...stoppedBy(end)]
    .filter((failure) => failure.reason !== 'cancelled')
    .map(failureExitCode)
}

function stoppedBy(end: DispatchEnd): readonly StepFailure[] {
  return end.stopped === undefined ? [] : [end.stopped]
}
