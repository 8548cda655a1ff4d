import { expect, test } from 'vitest'
import { canonicalJson, requestKey } from './request-key.ts'
import type { ModelRequest } from './messages.ts'

function request(id: string, more: Partial<ModelRequest> = {}): ModelRequest {
  const call = { id, name: 'read', input: '{"path":"a"}' }
  return {
    model: 'm',
    system: 's',
    messages: [
      { role: 'user', results: [], text: 'go' },
      { role: 'assistant', reply: { text: '', toolCalls: [call], wire: { id } } },
      { role: 'user', results: [{ callId: id, text: 'x', isError: false }], text: '' },
    ],
    tools: [],
    toolChoice: 'auto',
    maxOutputTokens: 10,
    ...more,
  }
}

test('Call ids, wire items and cache hints do not change the key', () => {
  expect(requestKey(request('toolu_1'))).toBe(requestKey(request('toolu_2', { cacheKey: 'x' })))
})

test('Everything that the model reads changes the key', () => {
  const key = requestKey(request('1'))
  for (const more of [{ model: 'n' }, { system: 't' }, { toolChoice: { name: 'submit' } }]) {
    expect(requestKey(request('1', more))).not.toBe(key)
  }
})

test('The order of keys does not matter in canonical JSON, the order of items does', () => {
  expect(canonicalJson({ b: { d: 1, c: 2 }, a: 0 })).toBe('{"a":0,"b":{"c":2,"d":1}}')
  expect(canonicalJson([2, 1])).toBe('[2,1]')
})
