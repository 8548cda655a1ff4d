import { expect, test } from 'vitest'
import { createRedactor, secretsOf } from './redact.ts'

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
    MY_LLM: 'aaaaaaaa',
    GITHUB_TOKEN: 'bbbbbbbb',
    ANTHROPIC_API_KEY: 'cccccccc',
    HOME: '/home/x',
  }
  expect(secretsOf(env, ['MY_LLM'])).toEqual(['aaaaaaaa', 'bbbbbbbb', 'cccccccc'])
})
