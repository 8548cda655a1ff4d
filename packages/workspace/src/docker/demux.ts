/** A piece of a container's output. */
export interface Piece {
  readonly fd: 1 | 2
  readonly bytes: Buffer
}

/**
 * Splits the engine's multiplexed stream: an 8-byte header (stream number, zeros, big-endian length),
 * then the bytes. A generator, so that a slow consumer slows the container and not our memory.
 */
export async function* demux(raw: AsyncIterable<Buffer | string>): AsyncGenerator<Piece> {
  let head = Buffer.alloc(0)
  let left = 0
  let fd: 1 | 2 = 1
  for await (const received of raw) {
    let chunk = typeof received === 'string' ? Buffer.from(received, 'latin1') : received
    while (chunk.length > 0) {
      if (left > 0) {
        const bytes = chunk.subarray(0, left)
        chunk = chunk.subarray(bytes.length)
        left -= bytes.length
        yield { fd, bytes }
        continue
      }
      const missing = 8 - head.length
      head = Buffer.concat([head, chunk.subarray(0, missing)])
      chunk = chunk.subarray(missing)
      if (head.length < 8) break
      fd = head[0] === 2 ? 2 : 1
      left = head.readUInt32BE(4)
      head = Buffer.alloc(0)
    }
  }
}
