import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { VoteStrategy } from '../../pipeline/pipeline.ts'
import type { BallotInput } from './ballot.ts'
import { countVotes, isLost, winnerOf } from './vote.ts'

function strategy(more: Partial<VoteStrategy> = {}): VoteStrategy {
  return {
    type: 'vote',
    require: 'unanimous',
    allowPartial: false,
    verdicts: ['YES', 'NO'],
    field: 'verdict',
    ...more,
  }
}

/** Undefined: a voter that failed. */
function ballots(...texts: readonly (string | undefined)[]): readonly BallotInput[] {
  return texts.map((text) => ({
    type: 'markdown',
    content: text === undefined ? undefined : Buffer.from(text),
  }))
}

/** The verdict of one reply, or undefined for an abstention. */
function verdictOf(text: string, more: Partial<VoteStrategy> = {}): string | undefined {
  return countVotes(strategy(more), ballots(text)).ballots[0]?.verdict
}

test('Point 18: three YES with their reasons are three votes', () => {
  const count = countVotes(
    strategy(),
    ballots('YES because the tests pass', 'YES because there is no risk', 'YES because I say so'),
  )
  expect(count).toMatchObject({
    success: true,
    result: 'YES',
    agreement: 1,
    votes: { YES: 3 },
    confidence: 'high',
  })
})

test('Point 18: "No failures found, so SUCCESS" is SUCCESS', () => {
  const verdicts = ['SUCCESS', 'FAIL']
  expect(verdictOf('No failures found, so SUCCESS', { verdicts })).toBe('SUCCESS')
})

test('Point 18: A, A, B under unanimous fails', () => {
  const count = countVotes(strategy({ verdicts: ['A', 'B'] }), ballots('A', 'A', 'B'))
  expect(count).toMatchObject({ success: false, result: 'A', votes: { A: 2, B: 1 } })
})

test('Point 18: two answers of three fail under unanimous, and pass with allow_partial', () => {
  const cast = ballots('YES', undefined, 'YES')
  expect(countVotes(strategy(), cast)).toMatchObject({ success: false, agreement: 2 / 3 })
  expect(countVotes(strategy({ allowPartial: true }), cast)).toMatchObject({
    success: true,
    agreement: 1,
    ballots: [{ index: 0, verdict: 'YES' }, { index: 1, reason: 'it delivered nothing' }, {}],
  })
  expect(countVotes(strategy({ allowPartial: true }), cast.slice(0, 2)).success).toBe(false)
})

test('Equal replies of equal voters are votes of their own', () => {
  const same = { provider: 'local', model: 'm', type: 'text', content: Buffer.from('YES') } as const
  expect(countVotes(strategy(), [same, same])).toMatchObject({
    votes: { YES: 2 },
    ballots: [
      { index: 0, provider: 'local', model: 'm', verdict: 'YES' },
      { index: 1, provider: 'local', model: 'm', verdict: 'YES' },
    ],
  })
})

test.each<[string, VoteStrategy['require'], string, boolean]>([
  ['all', 'unanimous', 'YYY', true],
  ['all', 'unanimous', 'YY-', false],
  ['more than half', 'majority', 'YYN', true],
  ['half', 'majority', 'YYN-', false],
  ['two thirds', { votes: 2, of: 3 }, 'YYN', true],
  ['two thirds of six', { votes: 2, of: 3 }, 'YYYYNN', true],
  ['less than two thirds', { votes: 2, of: 3 }, 'YYYN--', false],
  ['equal leaders', { votes: 1, of: 2 }, 'YYNN', false],
  ['one third, leading', { votes: 1, of: 3 }, 'Y--', true],
  ['nobody', { votes: 1, of: 3 }, '---', false],
])('Of %s, %j: %s gives %s', (_what, require, cast, success) => {
  const texts = cast.split('').map((one) => ({ Y: 'YES', N: 'NO' })[one])
  expect(countVotes(strategy({ require }), ballots(...texts)).success).toBe(success)
})

test.each<[string, string]>([
  ['YYYY', 'high'],
  ['YYYN', 'good'],
  ['YYYNN', 'medium'],
  ['YYN-', 'low'],
  ['', 'low'],
])('The confidence of %s is %s', (cast, confidence) => {
  const texts = cast.split('').map((one) => ({ Y: 'YES', N: 'NO' })[one])
  expect(countVotes(strategy(), ballots(...texts)).confidence).toBe(confidence)
})

test.each<[string, string | undefined]>([
  ['{"verdict": "yes", "note": "NO"}', 'YES'],
  ['{"verdict": "maybe", "note": "YES"}', undefined],
  ['{"other": "YES"}', undefined],
  ['"YES"', 'YES'],
  ['I weighed it: {"verdict": "NO"}. YES was close.', 'NO'],
  ['There are reasons for NO.\n\n**Verdict:** YES', 'YES'],
  ['- Decision: no\nYES would be too early', 'NO'],
  ['Answer: YES\nResult: NO', undefined],
  ['Result: 3 tests\nall green, YES', 'YES'],
  ['YES\n\nOthers say NO, and no is no.', 'YES'],
  ['One could say NO.\n**Yes.**', 'YES'],
  ['YES\nor rather\nNO', undefined],
  ['[YES/NO]', undefined],
  ["Yes, because there's NO risk", undefined],
  ['NO failures, so YES', undefined],
  ['YESTERDAY I said no, today YES', undefined],
  ['nobody knows', undefined],
  ['', undefined],
])('The verdict of %j is %s', (text, verdict) => {
  expect(verdictOf(text)).toBe(verdict)
})

test('The field of a JSON ballot can have another name', () => {
  expect(verdictOf('{"choice": "NO"}', { field: 'choice' })).toBe('NO')
  expect(verdictOf('My choice: NO\nChoice: YES', { field: 'choice' })).toBe('YES')
})

test('Without a set of verdicts a line is one, whatever its case, spaces and final punctuation', () => {
  const open = strategy({ verdicts: undefined, require: 'majority' })
  const cast = ballots(
    'Ship it.',
    'ship  IT',
    '{"verdict": "ship it!"}',
    'Verdict: ship it',
    'Wait',
  )
  expect(countVotes(open, cast)).toMatchObject({
    result: 'Ship it',
    votes: { 'Ship it': 4, Wait: 1 },
  })
  const none = ballots('one\ntwo', 'x'.repeat(65), '{"a": 1}', '...')
  expect(countVotes(open, none).votes).toEqual({})
})

test('The winner is the first who voted for the result', () => {
  const majority = strategy({ require: 'majority' })
  expect(winnerOf(countVotes(majority, ballots('NO', 'YES', undefined, 'YES', 'YES')))).toBe(1)
  expect(winnerOf(countVotes(majority, ballots('NO', 'YES')))).toBeUndefined()
})

test.each<[VoteStrategy['require'], string, boolean]>([
  ['unanimous', 'YN?', true],
  ['unanimous', 'Y??', false],
  ['unanimous', '-??', true],
  ['majority', 'YN?', false],
  ['majority', '--?', true],
  [{ votes: 2, of: 3 }, 'NY?', false],
  [{ votes: 3, of: 4 }, 'NY??', false],
  [{ votes: 3, of: 4 }, 'NY-?', true],
])('Point 19: with %j, %s is lost: %s', (require, cast, lost) => {
  expect(isLost(strategy({ require }), votersOf(cast))).toBe(lost)
})

function votersOf(cast: string): readonly (BallotInput | 'pending')[] {
  return cast.split('').map((one) =>
    one === '?'
      ? 'pending'
      : {
          type: 'text',
          content: one === '-' ? undefined : Buffer.from(one === 'Y' ? 'YES' : 'NO'),
        },
  )
}

test('A vote is lost exactly when no answer of the pending voters leads to agreement', () => {
  const requires = fc.constantFrom<VoteStrategy['require']>(
    ...(['unanimous', 'majority'] as const),
    ...[1, 2, 3].map((votes) => ({ votes, of: 3 })),
  )
  const casts = fc.array(fc.constantFrom('Y', 'N', '-', '?'), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(requires, fc.boolean(), casts, (require, allowPartial, cast) => {
      const rules = strategy({ require, allowPartial })
      const canWin = completions(cast).some((one) => {
        const known = votersOf(one.join('')).filter((ballot) => ballot !== 'pending')
        return countVotes(rules, known).success
      })
      expect(isLost(rules, votersOf(cast.join('')))).toBe(!canWin)
    }),
  )
})

function completions(cast: readonly string[]): readonly (readonly string[])[] {
  const at = cast.indexOf('?')
  if (at === -1) return [cast]
  return ['Y', 'N', '-'].flatMap((one) => completions(cast.with(at, one)))
}

test('Whatever a voter delivers, it is a vote or an abstention with a reason', () => {
  const verdicts = fc.constantFrom(undefined, ['YES', 'NO'])
  const contents = fc.oneof(
    fc.uint8Array(),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
  )
  fc.assert(
    fc.property(verdicts, contents, (set, content) => {
      const count = countVotes(strategy({ verdicts: set }), [{ type: 'text', content }])
      expect(Object.keys(count.ballots[0] ?? {}).toSorted()).toEqual([
        'index',
        count.success ? 'verdict' : 'reason',
      ])
    }),
    { numRuns: 50 },
  )
})

test('1 MiB of labels, verdicts or braces is counted in one go', () => {
  const texts = ['Verdict: YES\nVerdict: NO\n', 'YES NO ', '{"verdict":', 'Verdict:\n']
  const cast = ballots(...texts.map((unit) => unit.repeat(2 ** 20 / unit.length)))
  expect(countVotes(strategy(), cast).votes).toEqual({})
})
