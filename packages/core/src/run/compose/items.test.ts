import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseItems } from './items.ts'

test.each<[string, string, unknown[]]>([
  ['a JSON array', ' [1, {"a": 2}, "x"] ', [1, { a: 2 }, 'x']],
  ['an array in a fence', '```json\n["a",\n"b"]\n```\n', ['a', 'b']],
  ['one object per line', '{"a": 1}\n\n{"a": 2}\r\n', [{ a: 1 }, { a: 2 }]],
  ['lines', '  first\r\n\n  - second \n', ['first', '- second']],
  ['lines in a fence without a tag', '```\none\ntwo\n```', ['one', 'two']],
  ['nothing', ' \n ', []],
])('Point 21: items are read from %s', (_what, text, items) => {
  expect(parseItems(text)).toEqual({ ok: true, items })
})

test.each([
  ['an array that is cut off', '["a", "b"'],
  ['an array with words behind it', '["a"] and more'],
  ['an object over several lines', '{\n"a": 1\n}'],
  ['an object followed by a line', '{"a": 1}\nsecond'],
  ['an object followed by an array', '{"a": 1}\n[1]'],
  ['a fenced array that is cut off', '```json\n["a"\n```'],
  ['an array nested without end', '['.repeat(2 ** 20)],
])('Point 21: %s is an error, never lines', (_what, text) => {
  expect(parseItems(text)).toMatchObject({ ok: false })
})

test('The error names the line', () => {
  expect(parseItems('{"a": 1}\n{"b": }')).toEqual({
    ok: false,
    message: expect.stringContaining('Line 2 of the list has to be one JSON object, but'),
  })
})

test('Two fences do not surround the text', () => {
  const text = '```\na\n```\n```\nb\n```'
  expect(parseItems(text)).toEqual({ ok: true, items: ['```', 'a', '```', '```', 'b', '```'] })
})

test('Whatever the text, there are items or an error', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.json().map((one) => `{${one}`),
  )
  fc.assert(
    fc.property(texts, (text) => {
      const { ok } = parseItems(text)
      expect(ok || /^[[{`~]/u.test(text.trim())).toBe(true)
    }),
    { numRuns: 50 },
  )
})
