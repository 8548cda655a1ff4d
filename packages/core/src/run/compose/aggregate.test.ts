import { expect, test } from 'vitest'
import type { ArtifactType } from '../../events.ts'
import type { AggregateStep } from '../../pipeline/pipeline.ts'
import { sketchArtifact, sketchCommand } from '../../testing/plans.ts'
import { joinArtifacts } from './aggregate.ts'
import type { JoinInput } from './aggregate.ts'

function stepWith(
  strategy: AggregateStep['strategy'],
  artifacts = [sketchArtifact('all', 'output/all')],
): AggregateStep {
  const { script: _script, dir: _dir, ...base } = sketchCommand({ id: 'merged' })
  return { ...base, kind: 'aggregate', from: [], strategy, artifacts }
}

function input(
  content: unknown,
  type: ArtifactType = 'json',
  more: Partial<JoinInput> = {},
): JoinInput {
  const text = type === 'json' ? JSON.stringify(content) : String(content)
  return {
    step: 'review',
    artifact: 'note',
    type,
    content: Buffer.from(text),
    fanOut: false,
    ...more,
  }
}

const ABSENT = input('', 'text', { content: undefined })

function fanOut(...values: readonly unknown[]): JoinInput {
  const entries = values.map((value, at) => ({
    iteration: at + 1,
    item: at,
    outcome: value === null ? 'failed' : 'completed',
    value,
  }))
  return input(entries, 'json', { fanOut: true })
}

function joined(
  strategy: AggregateStep['strategy'],
  inputs: readonly JoinInput[],
  artifacts?: AggregateStep['artifacts'],
): Readonly<Record<string, string>> {
  const result = joinArtifacts(stepWith(strategy, artifacts && [...artifacts]), inputs)
  if (!result.ok) throw new Error(result.message)
  return Object.fromEntries(
    [...result.artifacts].map(([name, content]) => [name, Buffer.from(content).toString()]),
  )
}

const ARRAYS = { type: 'merge_arrays', key: undefined } as const
const OBJECTS = { type: 'merge_objects' } as const

function merged(inputs: readonly JoinInput[], key?: string): unknown {
  return JSON.parse(joined({ ...ARRAYS, key }, inputs)['all'] ?? '')
}

test('Texts are joined with a blank line between them, in the order given', () => {
  const texts = [
    input('\n\n  - one\n\n', 'markdown'),
    ABSENT,
    input('', 'text'),
    fanOut('two', null, { three: 3 }),
  ]
  expect(joined({ type: 'concat' }, texts)).toEqual({
    all: '  - one\n\ntwo\n\n{\n  "three": 3\n}\n',
  })
})

test('Lists are joined; what is no list counts as one element', () => {
  expect(merged([input([1, [2]]), input({ a: 3 }), input('words', 'text'), ABSENT])).toEqual([
    1,
    [2],
    { a: 3 },
    'words',
  ])
})

test('A fan-out contributes the values of its completed items', () => {
  expect(merged([fanOut([1, 2], null, { a: 3 }), fanOut()])).toEqual([1, 2, { a: 3 }])
})

test('The first of equal keys stays, and what has no key stays as well', () => {
  const first = input([{ id: { a: 1, b: 2 }, from: 1 }, { id: '1' }, { other: 1 }])
  const second = input([{ id: { b: 2, a: 1 }, from: 2 }, { id: 1 }, { other: 1 }, 'x', 'x'])
  expect(merged([first, second], 'id')).toEqual([
    { id: { a: 1, b: 2 }, from: 1 },
    { id: '1' },
    { other: 1 },
    { id: 1 },
    { other: 1 },
    'x',
    'x',
  ])
  expect(merged([input([{}, {}])], 'constructor')).toEqual([{}, {}])
})

test('Of objects the later one wins, key by key and no deeper', () => {
  const inputs = [input({ a: { x: 1 }, b: 1 }), input({ a: { y: 2 } })]
  expect(JSON.parse(joined(OBJECTS, inputs)['all'] ?? '')).toEqual({ a: { y: 2 }, b: 1 })
})

test('No key of a merged object reaches its prototype', () => {
  const evil = input(null, 'json', {
    content: Buffer.from('{"__proto__": {"admin": true}, "a": 1}'),
  })
  const value: unknown = JSON.parse(joined(OBJECTS, [evil, input({ constructor: 1 })])['all'] ?? '')
  expect(Object.keys(value ?? {})).toEqual(['a', 'constructor'])
  expect({}).not.toHaveProperty('admin')
})

test.each<[string, AggregateStep['strategy'], JoinInput[], string]>([
  ['nothing exists', { type: 'concat' }, [ABSENT], 'none of review.note exists'],
  ['a part is no object', OBJECTS, [input({}), input([])], 'review.note is not a JSON object'],
  [
    'a part of a fan-out is none',
    OBJECTS,
    [fanOut({}, 'text')],
    'review.note[2] is not a JSON object',
  ],
  [
    'JSON is broken',
    ARRAYS,
    [input('', 'json', { content: Buffer.from('[1') })],
    'review.note cannot be read as JSON',
  ],
  [
    'JSON is nested without end',
    ARRAYS,
    [input('', 'json', { content: Buffer.from('['.repeat(2 ** 20)) })],
    'nested more than 200 levels deep',
  ],
  [
    'text is none',
    { type: 'concat' },
    [input('', 'text', { content: Buffer.from([0xff]) })],
    'not valid UTF-8',
  ],
  [
    'a fan-out is none',
    ARRAYS,
    [input({}, 'json', { fanOut: true })],
    'is not the result of a fan-out',
  ],
])('It is told when %s', (_what, strategy, inputs, message) => {
  expect(joinArtifacts(stepWith(strategy), inputs)).toEqual({
    ok: false,
    message: expect.stringContaining(message),
  })
})

const VOTE = {
  type: 'vote',
  require: 'majority',
  allowPartial: false,
  verdicts: ['YES', 'NO'],
  field: 'verdict',
} as const

const RESULTS = [
  sketchArtifact('fields', 'fields.json', { type: 'json' }),
  sketchArtifact('output', 'output/gate.md', { type: 'markdown' }),
]

test('A vote gives its count and the first reply of the winners', () => {
  const inputs = [
    input('NO, not yet', 'markdown'),
    input('YES because it works', 'markdown', { provider: 'local', model: 'm' }),
    input('YES.', 'text'),
  ]
  const { fields = '', output } = joined(VOTE, inputs, RESULTS)
  expect(output).toBe('YES because it works')
  expect(JSON.parse(fields)).toEqual({
    success: true,
    result: 'YES',
    agreement: 2 / 3,
    votes: { YES: 2, NO: 1 },
    confidence: 'medium',
    ballots: [
      { index: 0, verdict: 'NO' },
      { index: 1, provider: 'local', model: 'm', verdict: 'YES' },
      { index: 2, verdict: 'YES' },
    ],
  })
})

test('A vote without agreement says who said what, and who said nothing', () => {
  const inputs = [input('YES', 'text'), ABSENT, input('both YES and NO', 'text')]
  expect(joinArtifacts(stepWith(VOTE, RESULTS), inputs)).toEqual({
    ok: false,
    message:
      'no agreement (majority) among 3 ballots; 1 × YES; review.note: it delivered nothing; ' +
      'review.note: it names several verdicts: YES, NO',
  })
})

test('The items of a fan-out vote one by one, failed ones against agreement', () => {
  const result = joinArtifacts(stepWith(VOTE, RESULTS), [fanOut({ verdict: 'YES' }, 'YES', null)])
  expect(result).toMatchObject({ ok: true })
  const lost = joinArtifacts(stepWith({ ...VOTE, require: 'unanimous' }, RESULTS), [
    fanOut({ verdict: 'YES' }, null),
  ])
  expect(lost).toMatchObject({ ok: false })
})
