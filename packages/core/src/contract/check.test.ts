import { expect, test } from 'vitest'
import type { ArtifactDeclaration, CommandStep, Contract } from '../pipeline/pipeline.ts'
import { checkArtifacts, runContracts } from './check.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const location = { file: 'p.yaml', line: 1, column: 1 }

function step(
  artifact: Partial<ArtifactDeclaration>,
  contracts: readonly Contract[] = [],
): CommandStep {
  const declared: ArtifactDeclaration = {
    name: 'out',
    path: 'output/out',
    type: 'text',
    required: true,
    source: 'file',
    ...artifact,
  }
  return {
    kind: 'command',
    id: 's',
    dependencies: [],
    inject: [],
    artifacts: [declared],
    mount: undefined,
    contracts,
    retry: {
      maxAttempts: 1,
      backoff: 'fixed',
      baseDelayMs: 0,
      maxDelayMs: 0,
      onFailure: 'fail',
    },
    timeoutMs: 1000,
    message: undefined,
    location,
    script: { text: 'true', location },
    dir: undefined,
  }
}

const given = (content: string | Uint8Array): Map<string, Uint8Array> =>
  new Map([['out', typeof content === 'string' ? bytes(content) : content]])

test.each<[string, Partial<ArtifactDeclaration>, Map<string, Uint8Array>, string]>([
  ['a missing artifact', {}, new Map(), 'write it to /work/output/out'],
  ['an empty artifact', {}, given(''), 'is empty'],
  ['an artifact of blanks', { type: 'markdown' }, given(' \n\t'), 'is empty'],
  ['an empty binary', { type: 'binary' }, given(''), 'is empty'],
  ['a missing stdout artifact', { source: 'stdout' }, new Map(), 'final message'],
  ['prose as JSON', { type: 'json' }, given('Here it is: {}'), 'It is not JSON'],
  ['two fences', { type: 'json' }, given('```json\n{}\n```\n```\n{}\n```'), 'It is not JSON'],
  ['a fence around prose', { type: 'json' }, given('```json\nhello\n```'), 'It is not JSON'],
  ['bytes that are no UTF-8', {}, given(new Uint8Array([0x61, 0xff])), 'not valid UTF-8'],
  ['a NUL in text', {}, given('a\0b'), 'NUL character, at character 2'],
])('AR-20 %s is a problem', (_, artifact, artifacts, message) => {
  const check = checkArtifacts(step(artifact), artifacts)
  expect(check.problems).toHaveLength(1)
  expect(check.problems[0]?.problems.join('\n')).toContain(message)
  expect(check.artifacts.size).toBe(0)
})

test('what is optional may be missing or empty, but not of the wrong type', () => {
  const optional = step({ type: 'json', required: false })
  expect(checkArtifacts(optional, new Map()).problems).toEqual([])
  expect(checkArtifacts(optional, given('')).problems).toEqual([])
  expect(checkArtifacts(optional, given('x')).problems).toHaveLength(1)
})

test('one code fence around JSON is removed with a warning, and the clean text is what is stored', () => {
  const check = checkArtifacts(step({ type: 'json' }), given('\n```json\n{"a": 1}\n```\n'))
  expect(check.problems).toEqual([])
  expect(check.warnings).toEqual(['artifact "out": a code fence around the JSON was removed'])
  expect(new TextDecoder().decode(check.artifacts.get('out'))).toBe('{"a": 1}')
})

test('what is fine is kept byte for byte, and what was not declared is dropped', () => {
  const artifacts = new Map([...given(' {"a": 1} \n'), ['other', bytes('x')] as const])
  const check = checkArtifacts(step({ type: 'json' }), artifacts)
  expect([...check.artifacts.keys()]).toEqual(['out'])
  expect(new TextDecoder().decode(check.artifacts.get('out'))).toBe(' {"a": 1} \n')
  expect(
    checkArtifacts(step({ type: 'binary' }), given(new Uint8Array([0, 255]))).problems,
  ).toEqual([])
})

const SCHEMA = {
  type: 'object',
  required: ['symptom', 'severity'],
  additionalProperties: false,
  properties: {
    symptom: { type: 'string', minLength: 1 },
    severity: { enum: ['P1', 'P2'] },
    changes: { type: 'array', items: { $ref: '#/$defs/change' } },
    at: { type: 'string', format: 'date-time' },
    count: { type: 'integer', minimum: 1 },
  },
  $defs: { change: { type: 'object', required: ['id'] } },
}

async function problemsOf(contract: Contract, text: string): Promise<readonly string[]> {
  const [report] = await runContracts(step({ type: 'json' }, [contract]), given(text))
  expect(report?.passed).toBe(report?.problems.length === 0)
  return report?.problems ?? []
}

test('json_schema names every violation with pointer, expectation and finding', async () => {
  const contract: Contract = {
    type: 'json_schema',
    source: 'out',
    schema: SCHEMA,
    onFailure: undefined,
  }
  expect(
    await problemsOf(contract, '{"symptom":"x","severity":"P1","changes":[{"id":1}]}'),
  ).toEqual([])
  const bad = '{"severity":"high","changes":[{}],"at":"soon","count":0,"extra":1}'
  expect(await problemsOf(contract, bad)).toEqual([
    'out: the top level: the property "symptom" is missing',
    'out: the top level: the property "extra" is not allowed',
    'out: /severity: expected one of "P1", "P2", got "high"',
    'out: /changes/0: the property "id" is missing',
    'out: /at: expected the format date-time, got "soon"',
    'out: /count: expected it to be >= 1, got 0',
  ])
  expect(await problemsOf(contract, '[]')).toEqual([
    'out: the top level: expected object, got array []',
  ])
  expect((await problemsOf(contract, 'x'))[0]).toContain('It is not JSON')
})

test('json_schema with a schema that never ends fails instead of throwing', async () => {
  const contract: Contract = {
    type: 'json_schema',
    source: 'out',
    schema: { $ref: '#' },
    onFailure: undefined,
  }
  expect(await problemsOf(contract, '{}')).toHaveLength(1)
})

test.each<[string, readonly string[]]>([
  ['# findings\ntext\n## 2. Root Cause:\ntext', []],
  ['**Findings**\n===\ntext\n\nRoot cause\n---\ntext', []],
  ['## Findings ##\n### Sub\ntext\n## ROOT CAUSE\n```\ncode\n```', []],
  ['## Findings\ntext', ['The section "Root Cause" is missing']],
  ['```\n## Findings\n```\n## Root Cause\nx', ['The section "Findings" is missing']],
  ['## Findings\n\n## Root Cause\ntext', ['The section "Findings" is empty']],
  ['## Findings\n### Sub\n<!-- note -->\n## Root Cause\nt', ['The section "Findings" is empty']],
  ['## Findings\n{{ x }}\n## Root Cause\n{{y}} `{{ code }}`', ['2 unfilled placeholders remain']],
])('markdown_spec over %j finds %j', async (markdown, expected) => {
  const contract: Contract = {
    type: 'markdown_spec',
    source: 'out',
    sections: ['Findings', 'Root Cause'],
    maxUnresolved: 0,
    onFailure: undefined,
  }
  const problems = await problemsOf(contract, markdown)
  expect(problems).toHaveLength(expected.length)
  for (const [index, text] of expected.entries()) expect(problems[index]).toContain(text)
})

test('a section may begin with a number of its own', async () => {
  const contract: Contract = {
    type: 'markdown_spec',
    source: 'out',
    sections: ['5 Whys'],
    maxUnresolved: 0,
    onFailure: undefined,
  }
  expect(await problemsOf(contract, '## 5 Whys\n1. x')).toEqual([])
  expect(await problemsOf(contract, '## 2. 5 Whys\n1. x')).toEqual([])
  expect(await problemsOf(contract, '## Whys\n1. x')).toHaveLength(1)
})

test('every contract runs even when one fails, and one without its artifact fails', async () => {
  const empty: Contract = { type: 'non_empty_file', source: 'out', onFailure: undefined }
  const contracts: Contract[] = [{ ...empty, source: 'other' }, empty]
  const reports = await runContracts(step({}, contracts), given('x'))
  expect(reports.map((report) => report.passed)).toEqual([false, true])
  const [blank] = await runContracts(step({}, [empty]), given(' \n'))
  expect(blank?.passed).toBe(false)
})
