import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Gathered } from './gathered.ts'

test('what was gathered is what came, whatever the sizes of the pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 20 }), (sizes) => {
      const gathered = new Gathered()
      const pieces = sizes.map((size, index) => Buffer.alloc(size, index + 1))
      for (const piece of pieces) gathered.add(piece)
      expect(gathered.toBuffer().equals(Buffer.concat(pieces))).toBe(true)
      expect(gathered.sizeBytes).toBe(Buffer.concat(pieces).length)
    }),
  )
})

test('SB-18 a million pieces of one byte take little more than a million bytes', () => {
  const source = Buffer.alloc(65_536, 'x')
  const gathered = new Gathered()
  const before = process.memoryUsage()
  for (let index = 0; index < 1_000_000; index += 1) {
    gathered.add(source.subarray(index % 65_536, (index % 65_536) + 1))
  }
  const after = process.memoryUsage()
  expect(gathered.toBuffer()).toHaveLength(1_000_000)
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(4_000_000)
})
