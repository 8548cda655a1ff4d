import type { AggregateStep, Step } from '../../pipeline/pipeline.ts'
import { stateOf } from '../frame.ts'
import type { Task } from '../frame.ts'
import type { BallotInput } from './ballot.ts'
import { isLost } from './vote.ts'

/** A step that counts votes. */
export function isVote(step: Step): step is AggregateStep {
  return step.kind === 'aggregate' && step.strategy.type === 'vote'
}

/** Whether agreement can no longer be reached, whatever the ballots that are still open say. */
export function isVoteLost({ frame, local: { step } }: Task): boolean {
  if (!isVote(step) || step.strategy.type !== 'vote') return false
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
