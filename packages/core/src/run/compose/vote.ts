import type { VoteStrategy } from '../../pipeline/pipeline.ts'
import { readBallot } from './ballot.ts'
import type { BallotInput } from './ballot.ts'

/** The result of a vote, as its JSON artifact tells it. */
export interface Count {
  readonly success: boolean
  /** The verdict with the most votes; null when there is no single one. */
  readonly result: string | null
  /** Votes of the leading verdict, as a share of the denominator. */
  readonly agreement: number
  readonly votes: Readonly<Record<string, number>>
  readonly confidence: 'high' | 'good' | 'medium' | 'low'
  readonly ballots: readonly CountedBallot[]
}

/** `index` counts from 0, in the order of the voters. A ballot without a verdict has a reason. */
interface CountedBallot {
  readonly index: number
  readonly provider?: string
  readonly model?: string
  readonly verdict?: string
  readonly reason?: string
}

/** Counts the ballots of all voters; those that delivered nothing belong to them. */
export function countVotes(strategy: VoteStrategy, ballots: readonly BallotInput[]): Count {
  const counted = countBallots(strategy, ballots)
  const groups = [...groupByKey(counted)].toSorted((left, right) => right.length - left.length)
  const tally = tallyOf(strategy, { groups, ballots: ballots.length, pending: 0 })
  const leader = tally.isTied ? undefined : groups[0]?.[0]?.verdict
  return {
    success: isAgreed(strategy, tally),
    result: leader ?? null,
    agreement: tally.denominator === 0 ? 0 : tally.leading / tally.denominator,
    votes: Object.fromEntries(groups.map((group) => [group[0]?.verdict ?? '', group.length])),
    confidence: confidenceOf(tally),
    ballots: counted.map(({ key: _key, ...ballot }) => ballot),
  }
}

/** Whether agreement can no longer be reached, whatever the pending voters say. */
export function isLost(
  strategy: VoteStrategy,
  ballots: readonly (BallotInput | 'pending')[],
): boolean {
  const known = ballots.filter((ballot) => ballot !== 'pending')
  const groups = [...groupByKey(countBallots(strategy, known))]
  const pending = ballots.length - known.length
  // Nothing helps a verdict more than every pending vote, and the leading one needs the fewest.
  return !isAgreed(strategy, tallyOf(strategy, { groups, ballots: ballots.length, pending }))
}

/** The lowest index among those who voted for the result. */
export function winnerOf({ result, ballots }: Count): number | undefined {
  if (result === null) return undefined
  // Spellings may differ; the result has the one of its first voter.
  return ballots.find(({ verdict }) => verdict === result)?.index
}

type KeyedBallot = CountedBallot & { readonly key?: string }

function countBallots(
  strategy: VoteStrategy,
  ballots: readonly BallotInput[],
): readonly KeyedBallot[] {
  return ballots.map((ballot, index) => {
    const { provider, model } = ballot
    return {
      index,
      ...(provider === undefined ? {} : { provider }),
      ...(model === undefined ? {} : { model }),
      ...readBallot(strategy, ballot),
    }
  })
}

/** The votes for each verdict, abstentions left out. */
function groupByKey(ballots: readonly KeyedBallot[]): Iterable<readonly KeyedBallot[]> {
  const votes = ballots.filter(({ key }) => key !== undefined)
  return Map.groupBy(votes, ({ key }) => key).values()
}

interface Tally {
  readonly leading: number
  readonly isTied: boolean
  readonly valid: number
  readonly denominator: number
}

/** With every pending vote given to the leading verdict. */
function tallyOf(
  { allowPartial }: VoteStrategy,
  cast: {
    readonly groups: readonly (readonly unknown[])[]
    readonly ballots: number
    readonly pending: number
  },
): Tally {
  const [first = 0, second = 0] = cast.groups
    .map((group) => group.length)
    .toSorted((left, right) => right - left)
  const valid = cast.groups.reduce((sum, group) => sum + group.length, cast.pending)
  const leading = first + cast.pending
  return {
    leading,
    isTied: leading === second,
    valid,
    denominator: allowPartial ? valid : cast.ballots,
  }
}

const MIN_PARTIAL_BALLOTS = 2

function isAgreed(
  { require, allowPartial }: VoteStrategy,
  { leading, isTied, valid, denominator }: Tally,
): boolean {
  if (leading === 0 || isTied) return false
  if (allowPartial && valid < MIN_PARTIAL_BALLOTS) return false
  if (require === 'unanimous') return leading === denominator
  if (require === 'majority') return 2 * leading > denominator
  return leading * require.of >= require.votes * denominator
}

/** In whole numbers, so that 3 of 5 is 0.6. */
function confidenceOf({ leading, denominator }: Tally): Count['confidence'] {
  if (denominator === 0) return 'low'
  if (leading === denominator) return 'high'
  if (4 * leading >= 3 * denominator) return 'good'
  return 5 * leading >= 3 * denominator ? 'medium' : 'low'
}
