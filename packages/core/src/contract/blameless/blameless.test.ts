import { expect, test } from 'vitest'
import { checkBlameless } from './blameless.ts'

const PEOPLE = [
  'Jane Doe',
  'José Núñez',
  'Mark Grant',
  'Orders Team',
  'dependabot[bot]',
  'root',
  'alice',
  "Pat O'Brien",
  'Bo',
  'kim.larsen@example.com',
]

test.each([
  'Jane Doe was paged at 14:31 and found the dead connections.',
  'Commit 9e9699c broke the order list. Jane Doe reviewed the revert.',
  'Commit 9e9699c broke the order list;\n\n- Jane Doe is on call.',
  'The subject reads `Jane Doe broke the build`, which caused confusion.',
  '```\nJane Doe broke it\nshe should have tested it\n```',
  'Mark the row as broken, because the import caused a duplicate.',
  'We grant access, which caused no harm. Grant it again.',
  'The orders failed to load. Orders failed to load.',
  'The root cause is a missing index, and root failed to log in.',
  'Every request needs a timeout; the default fault page is shown.',
  'The effect was negligible. A careful reader sees it.',
  '| 1 | Fix what broke | Jane Doe | open |',
  'It could have been slower. <!-- Jane Doe broke it -->',
  'This review is blameless: nobody is named.',
  'A boat caused a Bordeaux fault.',
])('blameless accepts %j', (markdown) => {
  expect(checkBlameless(markdown, PEOPLE)).toEqual([])
})

test.each<[string, string]>([
  ['Jane Doe broke the order list.', 'Line 1 names "Jane Doe" beside "broke"'],
  ['# What happened\n\nThe outage was\ncaused by **Jane** Doe.', 'Line 3 names "Jane Doe"'],
  ['It was Jane’s mistake.', '"Jane Doe" beside "mistake"'],
  ['jane Doe forgot the index', '"Jane Doe" beside "forgot"'],
  ['- José Núñez failed to run the tests', '"José Núñez" beside "failed to"'],
  ["O'Brien ignored the alert", `"Pat O'Brien" beside "ignored"`],
  ['We saw that Mark caused the outage.', '"Mark Grant" beside "caused"'],
  ['Mark Grant caused the outage.', '"Mark Grant"'],
  ['| 14:30 | Jane Doe broke prod |', '"Jane Doe"'],
  ['alice did not test the change', '"alice" beside "did not test"'],
  ['Then Alice missed it', '"alice" beside "missed"'],
  ['@alice introduced the bug', '"alice" beside "introduced the bug"'],
  ['Bo broke it', '"Bo" beside "broke"'],
  ['Kim Larsen is responsible for the outage', '"kim.larsen" beside "responsible for the outage"'],
  ['[Jane Doe](https://x.example/jane) broke it', '"Jane Doe"'],
  ['The check should have run.', 'Line 1 says "should have"'],
  ['It shouldn’t have been merged.', `says "shouldn't have"`],
  ['They ought to have known.', 'says "ought to have"'],
  ['A careless change.', 'says "careless"'],
  ['The cause is human\nerror.', 'Line 1 says "human error"'],
  ['Who is to blame?', 'says "to blame"'],
  ['It could have been avoided if only it were tested.', 'says "could have … if only"'],
  ['This was negligent.', 'says "negligent"'],
  ['The should **have** been', 'says "should have"'],
])('blameless refuses %j', (markdown, problem) => {
  const problems = checkBlameless(markdown, PEOPLE)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toContain(problem)
})

test('a violation quotes its sentence and says what to write instead', () => {
  expect(checkBlameless('Fine. Jane Doe broke it. Fine.', PEOPLE)).toEqual([
    'Line 1 names "Jane Doe" beside "broke": "Jane Doe broke it.". ' +
      'Write about the change or the system instead: a commit id, a role, what the check did not cover.',
  ])
})
