import { expect, test } from 'vitest'
import { parseToolInput } from './json.ts'

test('An object is read as it is', () => {
  expect(parseToolInput('{"a":[{"b":1},{"b":2}],"c":"{\\"c\\":1}"}')).toEqual({
    ok: true,
    value: { a: [{ b: 1 }, { b: 2 }], c: '{"c":1}' },
  })
})

test('MA-13 text that is not JSON is told apart from JSON that is not acceptable', () => {
  for (const raw of ['', '{"path": "src/a', '{"a":1}}', "{'a':1}", 'undefined']) {
    expect(parseToolInput(raw)).toMatchObject({ ok: false, problem: 'not-json' })
  }
})

test.each([
  ['a duplicate key', '{"a":1,"a":2}'],
  ['a duplicate key in a nested object', '{"x":[0,{"a":1,"b":{},"a":2}]}'],
  ['a duplicate key in another spelling', String.raw`{"a":1,"\u0061":2}`],
  ['__proto__', '{"__proto__":{"x":1}}'],
  ['__proto__ in another spelling', String.raw`{"o":{"__\u0070roto__":1}}`],
  ['an array', '[1]'],
  ['null', 'null'],
  ['a string', '"{}"'],
])('MA-14 %s is refused', (_what, raw) => {
  expect(parseToolInput(raw)).toMatchObject({ ok: false, problem: 'not-acceptable' })
})

test('Equal keys of different objects and keys inside strings are not duplicates', () => {
  const raw = String.raw`{"a":{"a":"\"a\":1,\"a\":{"},"b":["a","a"]}`
  expect(parseToolInput(raw).ok).toBe(true)
})

test('A string of megabytes is read without exhausting the stack', () => {
  const raw = JSON.stringify({ content: '\\"x'.repeat(1_000_000) })
  expect(parseToolInput(raw).ok).toBe(true)
})
