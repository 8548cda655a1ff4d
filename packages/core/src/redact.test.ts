import { expect, test } from 'vitest'
import { array, assert, constantFrom, nat, property } from 'fast-check'
import { createPieceRedactor, createRedactor, secretsOf } from './redact.ts'

const CANARY = 'canary/8f2c+"11d0'

test.each([
  ['as it is', CANARY],
  ['as Base64', Buffer.from(CANARY).toString('base64')],
  ['as hexadecimal', Buffer.from(CANARY).toString('hex')],
  ['URL-encoded', encodeURIComponent(CANARY)],
  ['JSON-escaped', JSON.stringify(CANARY).slice(1, -1)],
])('SC-03 a known secret is replaced %s', (_, form) => {
  expect(createRedactor([CANARY])(`before ${form} after`)).toBe('before [redacted] after')
})

test('shapes of common tokens are replaced without being known', () => {
  const redact = createRedactor([])
  expect(redact('Authorization: Bearer abcdefghijklmnop1234')).toBe(
    'Authorization: Bearer [redacted]',
  )
  expect(redact('key sk-ant-api03-abcdefghijklmnop here')).toBe('key [redacted] here')
  expect(redact('ghp_abcdefghijklmnopqrst1234')).toBe('[redacted]')
})

test('ordinary text and short values stay', () => {
  const redact = createRedactor(['short', ''])
  expect(redact('a short risk-free task, commit 0123456789abcdef')).toBe(
    'a short risk-free task, commit 0123456789abcdef',
  )
})

test('secrets are the named variables and those that are called a key or token', () => {
  const env = {
    MY_LLM: 'aaaa-1111',
    GITHUB_TOKEN: 'bbbb-1111',
    ANTHROPIC_API_KEY: 'cccc-1111',
    HOME: '/home/x',
  }
  expect(secretsOf(env, ['MY_LLM'])).toEqual(['aaaa-1111', 'bbbb-1111', 'cccc-1111'])
})

test.each([
  ['Stripe', 'k = sk_live_abcdefghijklmnop1234'],
  ['GitHub', 'gho_abcdefghijklmnopqrst1234'],
  ['npm', `npm_${'a'.repeat(36)}`],
  ['Slack', 'xoxb-1234567890-abc'],
  ['AWS', 'AKIAABCDEFGHIJKLMNOP'],
  ['JWT', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl`],
  ['a password in an address', 'postgres://app:S3cr3tPass@db.internal/orders'],
])('a token of %s is replaced', (_, text) => {
  const redacted = createRedactor([])(text)
  expect(redacted).toContain('[redacted]')
  expect(createRedactor([])(redacted)).toBe(redacted)
})

const AWS_SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'

test.each([
  ['a blank', `aws AKIAABCDEFGHIJKLMNOP secret ${AWS_SECRET} x`],
  ['an equals sign', `aws_secret_access_key = ${AWS_SECRET}`],
  ['no blanks', `SECRET=${AWS_SECRET}`],
  ['a colon', `secretKey: '${AWS_SECRET}'`],
  ['JSON', `{"SecretAccessKey": "${AWS_SECRET}", "a": 1}`],
])('a secret of AWS is replaced behind its label and %s', (_, text) => {
  const redacted = createRedactor([])(text)
  expect(redacted).not.toContain(AWS_SECRET)
  expect(redacted).toContain('[redacted]')
  expect(createRedactor([])(redacted)).toBe(redacted)
})

test.each([
  ['a commit id', 'key 3f786850e387550fdab836ed7e6dc881de23001b'],
  ['a commit id in capitals', 'KEY=3F786850E387550FDAB836ED7E6DC881DE23001B'],
  ['a digest', `key: ${'0a1B'.repeat(16)}`],
  ['a path', 'secret: src/Components2/administration/SecretVie'],
  ['a longer path', 'key packages/Core7/src/testing/memory/Snapsho.ts'],
  ['a name', 'key getUserAccountSettings2FromDatabaseCache'],
  ['a text without a label', `token ${AWS_SECRET}`],
])('%s behind a label is no secret', (_, text) => {
  expect(createRedactor([])(text)).toBe(text)
})

const KEY = `-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/\n-----END RSA PRIVATE KEY-----`

test.each([
  ['as it is', `a ${KEY} b`, 'a [redacted] b'],
  ['in JSON', JSON.stringify({ key: KEY, b: 1 }), '{"key":"[redacted]","b":1}'],
  ['with line numbers', KEY.replaceAll('\n', '\n    12\t'), '[redacted]'],
  ['without its end', KEY.slice(0, 50), '[redacted]'],
])('a private key is replaced %s', (_, text, redacted) => {
  expect(createRedactor([])(text)).toBe(redacted)
})

test.each([
  ['shifted', Buffer.from(`x${CANARY}`).toString('base64')],
  ['reversed', Array.from(CANARY).toReversed().join('')],
  ['spaced', Array.from(CANARY).join(' ')],
])('SC-03 a known secret is not found %s: a net, not a wall', (_, form) => {
  expect(createRedactor([CANARY])(form)).toBe(form)
})

test('SC-03 a known secret is found in Base64 whatever follows it', () => {
  const encoded = Buffer.from(`${CANARY}\n`).toString('base64')
  expect(createRedactor([CANARY])(encoded)).toMatch(/^\[redacted\]\S{0,4}$/)
})

test('words and numbers under the name of a password are no secrets, unless they are named', () => {
  const env = { DB_PASSWORD: 'password', CI_TOKEN: '1234567890', MY_KEY: 'localkey' }
  expect(secretsOf(env, ['MY_KEY'])).toEqual(['localkey'])
})

test('a secret that the mark itself holds is left alone', () => {
  expect(createRedactor(['redacted'])('this was redacted')).toBe('this was redacted')
})

test.each([
  '-----BEGIN PRIVATE KEY-----',
  '://a:',
  'eyaaaaaaaaaaaa.ey',
  'bearer ',
  'sk-',
  '-ey',
  'key ',
])('takes time in proportion to a text made of %j', (piece) => {
  const redact = createRedactor([CANARY])
  const text = `ey ${piece.repeat(200_000)}`
  const started = performance.now()
  redact(text)
  expect(performance.now() - started).toBeLessThan(5000)
})

const TOKEN = 'ghp_abcdefghijklmnopqrst1234'

test('a secret is found however the text is cut into pieces', () => {
  const part = constantFrom(
    CANARY,
    TOKEN,
    KEY,
    `Bearer ${TOKEN}`,
    'a word',
    ' ',
    '\n',
    'x',
    '"',
    '-----BEGIN',
    'Bearer ',
    'secret ',
    '"aws_key": "',
    AWS_SECRET,
    'https://u:S3cr3tPass@h/',
    Buffer.from(CANARY).toString('base64'),
    encodeURIComponent(CANARY),
  )
  const text = array(part, { maxLength: 8 }).map((parts) => parts.join(''))
  const cuts = array(nat({ max: 400 }), { maxLength: 6 })
  const known = createRedactor([CANARY, 'two words'])
  assert(
    property(text, cuts, (whole, places) => {
      const pieces = createPieceRedactor(() => known)
      const ends = [...places, whole.length].toSorted((left, right) => left - right)
      const out = ends.map((end, at) => pieces.write(whole.slice(ends[at - 1] ?? 0, end)))
      expect(out.join('') + pieces.end()).toBe(known(whole))
    }),
    { numRuns: 2000 },
  )
})

test('a question on the terminal is not held back, nor a line', () => {
  const pieces = createPieceRedactor(() => createRedactor([CANARY]))
  expect(pieces.write('Apply it? [y/N] ')).toBe('Apply it? [y/N] ')
  expect(pieces.write('completed triage\n')).toBe('completed triage\n')
  expect(pieces.write('waiting …')).toBe('waiting ')
  expect(pieces.end()).toBe('…')
})
