import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutMiddle, cutTail } from './truncate.ts'

test('A text that fits is left alone', () => {
  expect(cutTail('äöü', 6)).toEqual({ text: 'äöü', droppedBytes: 0 })
  expect(cutMiddle('äöü', 6)).toEqual({ text: 'äöü', droppedBytes: 0 })
})

test('A cut never splits a character', () => {
  expect(cutTail('äöü', 3)).toEqual({ text: 'ä', droppedBytes: 4 })
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, maxBytes) => {
      const head = cutTail(text, maxBytes)
      expect(text.startsWith(head.text)).toBe(true)
      expect(Buffer.byteLength(head.text)).toBeLessThanOrEqual(maxBytes)
      expect(Buffer.byteLength(head.text) + head.droppedBytes).toBe(Buffer.byteLength(text))
      const parts = cutMiddle(text, maxBytes).text.split(/\n\[… \d+ bytes left out …\]\n/)
      expect(text.startsWith(parts.at(0) ?? '')).toBe(true)
      expect(text.endsWith(parts.at(-1) ?? '')).toBe(true)
    }),
    // The text that once failed a weaker form of this: it may hold the mark of a broken character itself.
    { examples: [['\u{FFFD}', 3]] },
  )
})

test('The middle goes, head and tail stay, and the gap says how much is missing', () => {
  const { text, droppedBytes } = cutMiddle(`head${'x'.repeat(1000)}tail`, 8)
  expect(droppedBytes).toBe(1000)
  expect(text).toBe('head\n[… 1000 bytes left out …]\ntail')
})
