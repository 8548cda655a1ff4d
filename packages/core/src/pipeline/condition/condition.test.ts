import { expect, test } from 'vitest'
import { checkCondition, evaluateCondition, itemSchemaOf, textsOf, usedSteps } from './condition.ts'
import type { Wanted } from './condition.ts'
import type { TemplateScope } from '../template/template.ts'
import type { TemplateNames } from '../template/template-names.ts'

const condition = (text: string) => ({ text, location: { file: 'p.yaml', line: 10, column: 9 } })
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

const TRIAGE = {
  severity: 'P1',
  score: 7,
  ratio: 0.5,
  open: true,
  nothing: null,
  changes: [
    { id: 'a', risky: true },
    { id: 'b', risky: false },
  ],
  tags: ['db', 'web'],
  owner: { name: 'ops' },
  constructor: 'x',
  __proto__x: 1,
}

const SCOPE: TemplateScope = {
  input: 'the input',
  run: { id: 'r1', name: 'demo', started_at: '2026-01-01T00:00:00.000Z' },
  step: { id: 'fix', attempt: 2 },
  artifacts: new Map(),
  steps: new Map([
    [
      'triage',
      {
        outcome: 'completed',
        artifacts: new Map([
          ['triage', { type: 'json', content: bytes(TRIAGE) }],
          ['text', { type: 'text', content: new TextEncoder().encode('some text') }],
          ['broken', { type: 'json', content: new TextEncoder().encode('{') }],
          ['large', { type: 'text', content: new Uint8Array(1024 * 1024 + 1) }],
        ]),
      },
    ],
    ['root-cause', { outcome: 'skipped', artifacts: new Map() }],
    ['constructor', { outcome: 'failed', artifacts: new Map() }],
  ]),
  project: { test_command: 'npm test', folders: ['a', 'b'] },
  env: { depth: 'quick' },
  gates: { 'sign-off': { choice: 'y', text: 'go' } },
  item: { name: 'one', size: 3 },
  iteration: 2,
  extra: { execution: { id: 'e1' } },
}

const SCHEMA = {
  type: 'object',
  properties: {
    severity: { type: 'string', enum: ['P1', 'P2', 'P3'] },
    score: { type: 'integer' },
    ratio: { type: 'number' },
    open: { type: 'boolean' },
    summary: { type: 'string' },
    maybe: { type: ['string', 'null'] },
    changes: { type: 'array', items: { $ref: '#/$defs/change' } },
    tags: { type: 'array', items: { enum: ['db', 'web'] } },
    owner: { type: 'object', properties: { name: { type: 'string' } } },
    free: {},
  },
  $defs: {
    change: { type: 'object', properties: { id: { type: 'string' }, risky: { type: 'boolean' } } },
  },
}

const NAMES: TemplateNames = {
  input: 'string',
  run: true,
  artifacts: new Map(),
  steps: () =>
    new Map([
      [
        'triage',
        new Map<string, Readonly<Record<string, unknown>> | undefined>([
          ['triage', SCHEMA],
          ['text', { type: 'string' }],
          ['other', undefined],
        ]),
      ],
      ['root-cause', new Map([['finding', undefined]])],
    ]),
  project: ['test_command', 'folders'],
  gates: () => new Map([['sign-off', ['y', 'n']]]),
  env: ['depth'],
  item: true,
  itemSchema: { type: 'object', properties: { name: { type: 'string' } } },
  iteration: true,
  extra: ['execution'],
  trustedOnly: false,
}

/** `T.x` stands for the field `x` of triage's artifact. */
const long = (text: string): string => text.replaceAll('T.', 'steps.triage.artifacts.triage.')

test.each<[string, unknown]>([
  // Comparison
  ['T.severity == "P1"', true],
  ['T.severity == "P2"', false],
  ['T.severity != "P1"', false],
  ["T.severity == 'P1'", true],
  ['T.score == 7', true],
  ['T.score == 7.0', true],
  ['T.score > 6', true],
  ['T.score >= 7', true],
  ['T.score < 7', false],
  ['T.score <= 6', false],
  ['T.score > -1', true],
  ['T.ratio == 0.5', true],
  ['T.ratio < 1', true],
  ['7 == T.score', true],
  ['"a" < "b"', true],
  ['T.nothing == null', true],
  ['T.nothing == "P1"', false],
  ['T.severity != null', true],
  ['T.tags == ["db", "web"]', true],
  ['T.tags == ["db"]', false],
  ['T.open == true', true],
  // Logic
  ['true && true', true],
  ['true && false', false],
  ['false && true', false],
  ['false && false', false],
  ['true || true', true],
  ['true || false', true],
  ['false || true', true],
  ['false || false', false],
  ['!true', false],
  ['!T.open || T.score > 3 && T.open', true],
  ['T.open ? "yes" : "no"', 'yes'],
  // An error beside a decided side does not count, on either side.
  ['false && T.missing', false],
  ['T.missing && false', false],
  ['true || T.missing', true],
  ['T.missing || true', true],
  // Membership and functions
  ['T.severity in ["P1", "P2"]', true],
  ['"x" in T.tags', false],
  ['7 in [T.score]', true],
  ['"name" in T.owner', true],
  ['size(T.changes) == 2', true],
  ['T.changes.size() == 2', true],
  ['size("äö") == 2', true],
  ['T.severity.contains("1")', true],
  ['T.severity.startsWith("P")', true],
  ['T.severity.endsWith("P")', false],
  ['T.changes.exists(c, c.risky)', true],
  ['T.changes.all(c, c.risky)', false],
  ['T.changes.filter(c, c.risky)', [{ id: 'a', risky: true }]],
  ['T.changes.map(c, c.id)', ['a', 'b']],
  ['T.changes.map(c, c.risky, c.id)', ['a']],
  ['T.changes.exists(c, T.tags.exists(t, t == c.id))', false],
  ['T.changes[1].id', 'b'],
  ['T.changes[size(["a"])].id', 'b'],
  ['has(T.severity)', true],
  ['has(T.missing)', false],
  ['has(T.owner.name) && T.owner.name == "ops"', true],
  ['has(T.missing) && T.missing > 3', false],
  ['T.score', 7],
  ['size(T.tags)', 2],
  // Names
  ['input == "the input"', true],
  ['run.id == "r1"', true],
  ['project.folders', ['a', 'b']],
  ['env.depth == "quick"', true],
  ['gate["sign-off"].choice == "y"', true],
  ['gate["sign-off"].text', 'go'],
  ['item.name', 'one'],
  ['iteration == 2', true],
  ['iteration >= 3', false],
  ['execution.id', 'e1'],
  ['steps.triage.outcome == "completed"', true],
  ['steps["root-cause"].outcome', 'skipped'],
  ['steps["root-cause"].outcome == "completed" && steps["root-cause"].artifacts.finding.ok', false],
  ['steps.triage.artifacts.text', 'some text'],
  ['steps.triage["artifacts"]["triage"]["severity"]', 'P1'],
  // Written with braces
  ['{{ T.severity == "P1" }}', true],
  ['  ${{T.open}}  ', true],
  // Fields that a prototype has
  ['T.constructor', 'x'],
  ['has(T.toString)', false],
  ['steps.constructor.outcome', 'failed'],
])('%s is %j', (text, expected) => {
  const result = evaluateCondition(condition(long(text)), SCOPE)
  expect(result).toMatchObject({ ok: true, value: expected })
})

test.each([
  ['T.missing', '"missing" does not exist'],
  ['T.missing == "x"', '"missing" does not exist'],
  ['T.owner.name.first', 'cannot be evaluated'],
  ['T.severity > 3', 'no such overload'],
  ['!T.score', 'no such overload'],
  ['T.score && true', 'requires bool'],
  ['T.changes[7].id', 'out of bounds'],
  ['T.score.contains("x")', 'no matching overload'],
  ['T.changes.exists(c, c.missing)', '"missing" does not exist'],
  ['steps.other.outcome', '"other" does not exist'],
  ['steps["root-cause"].artifacts.finding.ok', '"finding" does not exist'],
  ['steps.triage.artifacts.broken.a', 'the artifact "broken" is not JSON'],
  ['steps.triage.artifacts.large', 'too many for a template'],
  ['T.severity.matches("P.")', 'no regular expressions'],
  ['T.severity ==', 'cannot be read'],
  ['nothing', '"nothing" does not exist'],
  ['__proto__.x', 'cannot be read'],
  ['cel.bind(x, 1, x)', 'no function "bind"'],
])('%s fails with "%s"', (text, message) => {
  const result = evaluateCondition(condition(long(text)), SCOPE)
  expect(result).toMatchObject({ ok: false, message: expect.stringContaining(message) })
  expect(result).toMatchObject({ message: expect.stringMatching(/\(p\.yaml:10:9\)$/u) })
})

test.each<[string, Wanted, string]>([
  ['T.severity', 'bool', 'The condition gave "P1", not true or false.'],
  ['T.owner', 'list', 'The condition gave {"name":"ops"}, not a list.'],
  ['T.score', 'string', 'The condition gave 7, not text.'],
])('%s is no %s', (text, want, message) => {
  const result = evaluateCondition(condition(long(text)), SCOPE, want)
  expect(result).toMatchObject({ ok: false, message: `${message} (p.yaml:10:9)` })
})

test('what each name stood for is told, cut to 200 characters', () => {
  const text = long('T.severity == "P1" && has(T.missing) || T.score > iteration && input != ""')
  const result = evaluateCondition(condition(text), { ...SCOPE, input: 'x'.repeat(300) })
  expect(result).toEqual({
    ok: true,
    value: true,
    values: {
      'steps.triage.artifacts.triage.severity': '"P1"',
      'steps.triage.artifacts.triage.missing': 'missing',
      'steps.triage.artifacts.triage.score': '7',
      iteration: '2',
      input: `"${'x'.repeat(198)}…`,
    },
  })
})

test('lists within lists end with a failure instead of taking for ever', () => {
  const steps = new Map([
    [
      'a',
      {
        outcome: 'completed' as const,
        artifacts: new Map([
          [
            'n',
            { type: 'json' as const, content: bytes(Array.from({ length: 50_000 }, (_, i) => i)) },
          ],
        ]),
      },
    ],
  ])
  const list = 'steps.a.artifacts.n'
  const text = `${list}.all(x, ${list}.all(y, ${list}.all(z, z >= 0)))`
  const result = evaluateCondition(condition(text), { ...SCOPE, steps })
  expect(result).toMatchObject({ ok: false, message: expect.stringContaining('took longer than') })
})

test('values nested too deep are a failure', () => {
  const content = new TextEncoder().encode('['.repeat(100_000) + ']'.repeat(100_000))
  const artifacts = new Map([['n', { type: 'json' as const, content }]])
  const steps = new Map([['a', { outcome: 'completed' as const, artifacts }]])
  const result = evaluateCondition(condition('size(steps.a.artifacts.n) > 0'), { ...SCOPE, steps })
  expect(result).toMatchObject({ ok: false, message: expect.stringContaining('nested too deep') })
})

test.each<[string, Wanted]>([
  ['T.severity == "P1" && size(T.changes) > 0', 'bool'],
  ['T.severity in ["P1", "P2"]', 'bool'],
  ['T.score > 3 || T.ratio > 1', 'bool'],
  ['T.open', 'bool'],
  ['T.free == 3 || T.free.deep.x == "a"', 'bool'],
  ['T.maybe == "x" || T.maybe == null', 'bool'],
  ['T.severity == null', 'bool'],
  ['has(T.owner) && T.owner.name.contains("o")', 'bool'],
  ['T.changes.exists(change, change.risky && change.id == "a")', 'bool'],
  ['"db" in T.tags', 'bool'],
  ['T.changes', 'list'],
  ['T.changes.filter(c, c.risky).map(c, c.id)', 'list'],
  ['["a", "b"]', 'list'],
  ['steps.triage.artifacts.other.a.b', 'bool'],
  ['steps.triage.artifacts.other.a.b', 'list'],
  ['steps["root-cause"].outcome == "completed"', 'bool'],
  ['T.severity', 'string'],
  ['T.open ? "a" : "b"', 'string'],
  ['gate["sign-off"].choice == "n"', 'bool'],
  ['item.name == "x" && iteration > 1 && env.depth != "" && input == run.name', 'bool'],
  ['execution.anything == 1', 'bool'],
  ['{{ T.open }}', 'bool'],
])('%s has no problem as a %s', (text, want) => {
  expect(checkCondition(condition(long(text)), NAMES, want)).toEqual([])
})

test.each<[string, string, string, string]>([
  ['T.severity > 3', '10:9', '"T.severity" is text, but 3 is a number.', ''],
  ['T.severity == "SEV5"', '10:51', '"T.severity" is never "SEV5".', 'It can be "P1", "P2", "P3".'],
  ['"P4" == T.severity', '10:9', 'is never "P4"', 'It can be'],
  ['T.severity in ["P1", "SEV5"]', '10:58', 'is never "SEV5"', 'It can be'],
  ['"db2" in T.tags', '10:9', 'is never "db2"', 'Did you mean "db"?'],
  ['T.changes.exists(c, c.id == 1)', '10:57', '"c.id" is text, but 1 is a number.', ''],
  ['T.changes.exists(c, c.name == "x")', '10:57', 'no field "name" in "c"', ''],
  ['T.changes[0].name == "x"', '10:9', 'no field "name" in "T.changes[0].name"', ''],
  ['T.severity == 3', '10:9', 'is text, but 3 is a number', ''],
  ['T.score == "7"', '10:9', 'is a number, but "7" is text', ''],
  ['T.score && T.open', '10:9', '"T.score" is a number, not true or false.', ''],
  ['!T.severity', '10:10', 'is text, not true or false', ''],
  ['T.score.contains("x")', '10:9', 'is a number, not text: it has no "contains"', ''],
  ['T.tags.contains("x")', '10:9', 'is a list, not text', 'Write "…" in T.tags.'],
  ['"x" in T.severity', '10:16', 'is text, not a list', 'Write T.severity.contains(…).'],
  ['size(T.score) > 1', '10:14', 'is a number, not something with a size', ''],
  ['T.severity.exists(x, x == "P")', '10:9', 'is text, not a list', ''],
  ['T.severty == "P1"', '10:9', 'has no "severty"', 'Did you mean "severity"?'],
  ['T.severity', '10:9', '"T.severity" is text, not true or false.', ''],
  ['steps.triage.outcome == "done"', '10:33', 'never "done"', '"completed", "failed", "skipped"'],
  ['gate["sign-off"].choice == "maybe"', '10:36', 'never "maybe"', '"y", "n"'],
  ['gate.sign.choice == "y"', '10:9', 'unknown "gate.sign"', 'Known earlier gates: sign-off.'],
  ['a == 1 &&\n  b == 2', '10:9', 'The condition names the unknown "a"', 'Known names'],
  ['steps.triag.outcome == "x"', '10:9', 'unknown "steps.triag"', 'Did you mean "triage"?'],
  ['steps.later.outcome == "x"', '10:9', 'unknown "steps.later"', 'Known earlier steps'],
  ['true &&\n  steps.later.outcome == "x"', '11:11', 'unknown "steps.later"', ''],
  ['steps.triage.artifacts.triag.x', '10:9', 'unknown "steps.triage.artifacts.triag"', 'triage'],
  ['steps[input].outcome == "x"', '10:9', '"steps" needs a name after it', ''],
  [
    'steps.root-cause.outcome == "completed"',
    '10:9',
    'A condition cannot subtract.',
    'Write steps["root-cause"].outcome for a name with a hyphen.',
  ],
  ['true && steps.root-cause-b.x', '10:17', 'cannot subtract', 'Write steps["root-cause-b"].x'],
  ['steps.fix-2.outcome == "x"', '10:9', 'cannot subtract', 'Write steps["fix-2"].outcome'],
  ['T.severity.matches("P.")', '10:9', '"matches" is not available', 'Use contains'],
  ['lower(T.severity) == "x"', '10:9', 'no function "lower"', 'Available: all, contains,'],
  ['T.severity.upperAscii() == "x"', '10:9', 'no function "upperAscii"', 'Available'],
  ['cel.bind(x, true, x)', '10:9', 'no function "bind"', ''],
  ['T.score + 1 == 2', '10:9', 'cannot calculate with "+"', ''],
  ['b"a" == b"a"', '10:9', 'Bytes', ''],
  ['T.severity = "P1"', '10:48', '"=" is not expected here', 'Write "==" to compare.'],
  ['T.open and true', '10:44', '"and" is not expected here', 'Write "&&" for "and".'],
  ['T.open & true', '10:44', '"&" is not expected here', 'Write "&&"'],
  ['(T.open', '10:44', 'cannot be read: Expected ")", got the end', ''],
  ['', '10:9', 'is empty', ''],
  ['{{ }}', '10:11', 'is empty', ''],
  ['{{ nope }}', '10:12', 'unknown "nope"', ''],
  ['{{ a }} == {{ b }}', '10:14', 'has "}}" inside', 'only the whole condition'],
  ['size(T.tags, 1) > 0', '10:9', 'no matching overload', ''],
  ['size() > 0', '10:9', 'no matching overload', ''],
  ['artifacts.triage.json.x', '10:9', 'unknown "artifacts.triage.json.x"', 'steps.<id>.artifacts'],
  ['step_id == "x"', '10:9', 'unknown "step_id"', ''],
  ['item.nme == "x"', '10:9', 'no "nme"', 'Did you mean "name"?'],
  ['env.dpth == "x"', '10:9', 'unknown "env.dpth"', 'Did you mean "depth"?'],
  ['input.x == 1', '10:9', '"input" is text here', 'input.type'],
  ['T.severity.level == "x"', '10:9', 'it belongs to text', ''],
  ['steps.triage.artifacts.text.x == "x"', '10:9', 'is text: it has no field "x"', ''],
  ['constructor == 1', '10:9', 'unknown "constructor"', ''],
])('%s is refused at %s', (text, place, message, hint) => {
  const [problem] = checkCondition(condition(long(text)), NAMES, 'bool')
  expect(problem?.message).toContain(long(message))
  expect(`${problem?.location?.line}:${problem?.location?.column}`).toBe(place)
  expect(problem?.hint ?? '').toContain(long(hint))
})

test.each([
  ['a list', 'T.severity', 'list' as const, 'is text, not a list'],
  ['text', 'T.score > 1', 'string' as const, 'is true or false, not text'],
])('what must be %s is told', (_, text, want, message) => {
  const [problem] = checkCondition(condition(long(text)), NAMES, want)
  expect(problem?.message).toContain(message)
})

test('every unknown name of a condition is told', () => {
  expect(
    checkCondition(condition('a1 == b2 || c3.exists(x, x == d4)'), NAMES, 'bool'),
  ).toHaveLength(4)
})

test.each([
  ['bytes', `"${'x'.repeat(4096)}" == input`, 'longer than 4096 bytes'],
  [
    'parts',
    Array.from({ length: 200 }, () => 'true').join(' && ') + ' && (input == "")'.repeat(40),
    'more than 500 parts',
  ],
  ['levels', `${'('.repeat(25)}true${')'.repeat(25)}`, 'deeper than 20 levels'],
])('too many %s are refused', (_, text, message) => {
  expect(checkCondition(condition(text), NAMES, 'bool')[0]?.message).toContain(message)
  expect(evaluateCondition(condition(text), SCOPE).ok).toBe(false)
})

test('a condition with thousands of signs in a row is refused or read, never an exception', () => {
  for (const sign of ['!', '-', '(', '[', '{', '?', '"', '.', 'a.', '!(', '[[']) {
    const text = sign.repeat(2000)
    checkCondition(condition(text), NAMES, 'bool')
    expect(evaluateCondition(condition(text), SCOPE).ok).toBe(false)
  }
})

test('the texts that a condition can give are known from its schema', () => {
  expect(textsOf(condition(long('T.severity')), NAMES)).toEqual(['P1', 'P2', 'P3'])
  expect(textsOf(condition(long('T.open ? "a" : "b"')), NAMES)).toEqual(['a', 'b'])
  expect(textsOf(condition(long('T.summary')), NAMES)).toBeUndefined()
})

test('a condition needs the steps whose artifacts it names, and gates', () => {
  const text =
    'steps.a.outcome == "completed" && steps["b-c"].artifacts.x.ok || gate.d.choice == "y"'
  expect(usedSteps(condition(text))).toEqual(['b-c', 'd'])
})

test('what the items of a list satisfy is known from its schema', () => {
  const list = condition(long('T.changes.filter(c, c.risky)'))
  expect(itemSchemaOf(list, NAMES)).toEqual(SCHEMA.$defs.change)
  expect(itemSchemaOf(condition(long('T.free')), NAMES)).toBeUndefined()
})
