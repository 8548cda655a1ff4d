export interface Cut {
  readonly text: string
  /** Bytes left out; 0 when all of it is there. */
  readonly droppedBytes: number
}

/** The first `maxBytes` bytes of a text, never half a character. */
export function cutTail(text: string, maxBytes: number): Cut {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return { text, droppedBytes: 0 }
  const end = boundaryAtOrBefore(bytes, maxBytes)
  return { text: bytes.toString('utf8', 0, end), droppedBytes: bytes.length - end }
}

/** The first and the last part of a text, `maxBytes` together, with a line between them that says so. */
export function cutMiddle(text: string, maxBytes: number): Cut {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return { text, droppedBytes: 0 }
  const headEnd = boundaryAtOrBefore(bytes, Math.floor(maxBytes / 2))
  const tailStart = boundaryAtOrAfter(bytes, bytes.length - (maxBytes - headEnd))
  const droppedBytes = tailStart - headEnd
  const head = bytes.toString('utf8', 0, headEnd)
  const tail = bytes.toString('utf8', tailStart)
  return { text: `${head}\n[… ${droppedBytes} bytes left out …]\n${tail}`, droppedBytes }
}

function boundaryAtOrBefore(bytes: Buffer, at: number): number {
  let index = at
  while (index > 0 && isContinuation(bytes[index])) index -= 1
  return index
}

function boundaryAtOrAfter(bytes: Buffer, at: number): number {
  let index = at
  while (index < bytes.length && isContinuation(bytes[index])) index += 1
  return index
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
