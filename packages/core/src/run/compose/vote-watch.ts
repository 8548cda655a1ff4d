import type { AggregateStep, Step } from '../../pipeline/pipeline.ts'
import { stateOf } from '../frame.ts'
import type { Task } from '../frame.ts'
import type { BallotInput } from './ballot.ts'
import { isLost } from './vote.ts'

/** A step that counts votes. */
export function isVote(step: Step): step is AggregateStep {
  return step.kind === 'aggregate' && step.strategy.type === 'vote'
}

/** The steps that only this vote waits for, by their ids in the journal. */
export function ballotsOf({ frame, local: { step } }: Task): readonly string[] {
  const from = isVote(step) ? step.from.map(({ step: id }) => id) : []
  return frame.tasks
    .filter(({ local }) => from.includes(local.step.id) && local.dependents.length === 1)
    .map(({ planned }) => planned.step.id)
}

/** Whether agreement can no longer be reached, whatever the ballots that are still open say. */
export function isVoteLost({ frame, local: { step } }: Task): boolean {
  if (!isVote(step) || step.strategy.type !== 'vote') return false
  const voters = new Set(step.from.map(({ step: id }) => id))
  // How many ballots a fan-out casts is known only when they are counted.
  if (frame.tasks.some(({ local }) => voters.has(local.step.id) && local.step.iterate)) return false
  const ballots = step.from.map(({ step: id, artifact }): BallotInput | 'pending' => {
    const state = stateOf(frame, id)
    const hasEnded = ['succeeded', 'failed', 'skipped'].includes(state?.status ?? '')
    if (!hasEnded) return 'pending'
    const found = state?.artifacts.find(({ name }) => name === artifact)
    if (found === undefined) return { content: undefined, type: 'text' }
    return { content: frame.run.request.store.get(found), type: found.type }
  })
  return ballots.includes('pending') && isLost(step.strategy, ballots)
}
