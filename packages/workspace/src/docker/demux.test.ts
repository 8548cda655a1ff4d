import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { demux } from './demux.ts'

function frame(fd: number, content: string): Buffer {
  const head = Buffer.alloc(8)
  head[0] = fd
  head.writeUInt32BE(Buffer.byteLength(content), 4)
  return Buffer.concat([head, Buffer.from(content)])
}

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0
  for (const size of [...sizes, bytes.length]) {
    yield bytes.subarray(start, start + size)
    start += size
  }
}

test('the two outputs come apart wherever the stream is cut', async () => {
  const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string({ maxLength: 20 })))
  const sizes = fc.array(fc.integer({ min: 0, max: 11 }))
  await fc.assert(
    fc.asyncProperty(frames, sizes, async (sent, at) => {
      const seen = { 1: '', 2: '' }
      const raw = Buffer.concat(sent.map(([fd, content]) => frame(fd, content)))
      for await (const { fd, bytes } of demux(cut(raw, at))) seen[fd] += bytes.toString('latin1')
      for (const fd of [1, 2] as const) {
        const expected = sent.filter(([to]) => to === fd).map(([, content]) => content)
        expect(seen[fd]).toBe(Buffer.from(expected.join('')).toString('latin1'))
      }
    }),
  )
})

test('a consumer that stops ends the source', async () => {
  let ended = false
  async function* endless(): AsyncGenerator<Buffer> {
    try {
      for (;;) yield frame(1, 'x'.repeat(1000))
    } finally {
      ended = true
    }
  }
  for await (const { bytes } of demux(endless())) if (bytes.length > 0) break
  expect(ended).toBe(true)
})
