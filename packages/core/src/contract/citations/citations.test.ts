import { expect, test } from 'vitest'
import { ContractRig } from '../../testing/contract-rig.ts'

const A = [
  'const one = 1',
  'const two = 2 // {{ x }}',
  '',
  '  return one',
  'end()',
  'end()',
  '}',
].join('\n')
const FILES = {
  'src/a.ts': `${A}\n`,
  'src/deep/b.js': 'let x = "secret"\r\nlet y\t= `q`\r\n',
  Dockerfile: 'FROM node\n',
  'docs/with space.md': 'Hello\n',
  'bin.png': 'a\0b',
}

async function check(
  markdown: string,
  minimum = 0,
): Promise<{ problems: readonly string[]; notes: readonly string[] }> {
  const before = '9e9699c407d8^'
  const rig = new ContractRig({
    before: FILES,
    commits: { [before]: { 'src/a.ts': 'const old = 0\n' } },
    artifacts: { report: markdown },
  })
  const { problems, notes = [] } = await rig.check({
    type: 'citations',
    source: 'report',
    minimum,
    onFailure: undefined,
  })
  return { problems, notes }
}

test.each<[string, string]>([
  ['No citation at 14:30 UTC, db:5432, node:24, v1.2:3, https://x.io/src/a.ts:1.', '0 citations'],
  ['`src/a.ts:1`', '1 citation: 1 verified'],
  ['See src/a.ts:1, (src/a.ts:2) and `src/a.ts:4`.', '3 citations: 3 verified'],
  ['`src/a.ts:1` `const one = 1`', '1 citation: 1 verified'],
  ['`src/a.ts:1`: `const one`', '1 citation: 1 verified'],
  ['`src/a.ts:1` — `const one = 1` is the first', '1 citation: 1 verified'],
  ['src/a.ts:4: "return one"', '1 citation: 1 verified'],
  ['[src/a.ts:1](src/a.ts#L1) `const one = 1`', '1 citation: 1 verified'],
  ['[the first](./src/a.ts#L1-L2)', '1 citation: 1 verified'],
  ['`src/a.ts:1-2` `const two = 2 // {{ x }}`', '1 citation: 1 verified'],
  ['`/src/src/a.ts:1` `const one = 1`', '1 citation: 1 verified'],
  ['`src/a.ts:1:7` `const one = 1`', '1 citation: 1 verified'],
  ['`docs/with space.md:1` `Hello`', '1 citation: 1 verified'],
  ['`Dockerfile:1` `FROM node`', '1 citation: 1 verified'],
  [
    '`src/a.ts:1-2`:\n\n```ts\nconst one = 1\nconst two = 2 // {{ x }}\n```',
    '1 citation: 1 verified',
  ],
  [
    '`src/a.ts:1`:\n```\n1 | const one = 1\n2 | const two = 2 // {{ x }}\n```',
    '1 citation: 1 verified',
  ],
  ['`src/a.ts:4`\n> return one', '1 citation: 1 verified'],
  ['| `src/a.ts:2` `const two = 2 // {{ x }}` | x |', '1 citation: 1 verified'],
  ['`src/a.ts:2` `const two = 2 // {\\u{7b} x }}`', '1 citation: 1 verified'],
  ['`src/deep/b.js:1` `let x = <redacted>`', '1 citation: 1 verified'],
  ['`src/deep/b.js:1` `let … "secret"`', '1 citation: 1 verified'],
  ['`src/deep/b.js:2` ``let y\t= `q` ``', '1 citation: 1 verified'],
  ['`9e9699c407d8^:src/a.ts:1` `const old = 0`', '1 citation: 1 verified'],
  ['`src/a.ts:1`, `src/a.ts:2`', '2 citations: 2 verified'],
  ['`src/a.ts:1`, `nowhere` reads it', '1 citation: 1 verified'],
  ['`src/a.ts:99` `const one = 1`', '1 citation: 1 relocated'],
  ['`src/a.ts:5` `end()`', '1 citation: 1 verified'],
  ['`src/a.ts:1` `end()`', '1 citation: 1 ambiguous'],
  ['```\nsrc/none.ts:1\n```', '0 citations'],
  ['`/app/src/none.ts:1` and `app.log:12` are not of the project', '0 citations'],
])('PI-13 citations accepts %j: %s', async (markdown, figures) => {
  const { problems, notes } = await check(markdown)
  expect(problems).toEqual([])
  expect(notes[0]).toBe(figures)
})

test.each<[string, string]>([
  ['`src/none.ts:1`', 'report: Line 1 cites src/none.ts:1: there is no such file.'],
  ['`b.js:1`', 'there is no such file; there is src/deep/b.js.'],
  ['src/a.ts:99', 'cites src/a.ts:99: the file has 7 lines.'],
  ['src/a.ts:0', 'the file has 7 lines'],
  ['`src/a.ts:6-8`', 'the file has 7 lines'],
  ['`src/a.ts:3`', 'line 3 is blank'],
  [
    'x\n\n`src/a.ts:1` `const one = 2`',
    'Line 3 cites src/a.ts:1: the quote "const one = 2" is nowhere in the file, which reads "const one = 1" there.',
  ],
  ['`src/a.ts:1`: `Const one = 1`', 'is nowhere in the file'],
  ['`src/a.ts:1`:\n```\nconst one = 1\nconst three = 3\n```', 'is nowhere in the file'],
  ['`src/a.ts:1`\n> const 1', 'is nowhere in the file'],
  ['[const](src/a.ts#L1) `const 1`', 'is nowhere in the file'],
  ['`bin.png:1`', 'the file is not text'],
  ['`9e9699c407d8^:src/a.ts:1` `const one = 1`', 'is nowhere in the file'],
  ['`1234567:src/a.ts:1`', 'there is no such file at 1234567'],
  ['`src/a.ts:1` `x … const one`', 'is nowhere in the file'],
])('PI-13 citations refuses %j', async (markdown, problem) => {
  const { problems } = await check(markdown)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toContain(problem)
})

test('quotes that stand elsewhere are told with their true lines', async () => {
  const { notes } = await check('`src/a.ts:2` `const one = 1`\n\n`src/a.ts:1` `end()`')
  expect(notes).toEqual([
    '2 citations: 1 relocated, 1 ambiguous',
    'line 1 cites src/a.ts:2: the quote stands on line 1.',
    'line 3 cites src/a.ts:1: the quote stands several times, first on lines 5 and 6, not on line 1.',
  ])
})

test('citations that do not hold do not count for the minimum', async () => {
  const { problems } = await check('`src/a.ts:1` and `src/none.ts:1`', 2)
  expect(problems).toHaveLength(2)
  expect(problems[1]).toBe('report: 1 citation holds, and at least 2 must: cite `path:line`.')
})

test('more than 2,000 citations and more than 1 MiB are refused', async () => {
  expect((await check('src/a.ts:1\n'.repeat(2000))).problems).toEqual([])
  expect((await check('src/a.ts:1\n'.repeat(2001))).problems[0]).toContain('more than 2000')
  expect((await check('x '.repeat(600_000))).problems[0]).toContain('larger than 1 MiB')
})

test('a mounted folder is cited by the paths that the step sees', async () => {
  const mount = { source: 'packages/api', target: '/code', mode: 'readonly' } as const
  const rig = new ContractRig({
    before: { 'packages/api/src/a.ts': 'x\n' },
    artifacts: { report: 'src/a.ts:1, /code/src/a.ts:1 and packages/api/src/a.ts:1' },
    step: { mount },
  })
  const contract = {
    type: 'citations',
    source: 'report',
    minimum: 3,
    onFailure: undefined,
  } as const
  expect(await rig.check(contract)).toMatchObject({ passed: true })
})
