/** The folder of a run as one knows it without a disk: what was acknowledged, and what may be found after a crash. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** What is on the disk behind the last acknowledged byte, and whether it can be trimmed. */
export interface Tail {
  /** Records of it that are whole, from its beginning. */
  readonly whole: number
  /** Something is left behind them. */
  readonly isTorn: boolean
  /** It is more than one torn record: nobody may go on. */
  readonly isDamage: boolean
}

/**
 * Looks at a tail by what the format says, not by how wave reads it: the records that were on their way, in order; then
 * at most one piece that is none of them and holds no record.
 */
export function judgeTail(tail: Buffer, lines: readonly Buffer[]): Tail {
  let at = 0
  let whole = 0
  for (const line of lines) {
    if (!tail.subarray(at, at + line.length).equals(line)) break
    at += line.length
    whole += 1
  }
  const rest = tail.subarray(at)
  const isTorn = rest.length > 0
  const lineFeed = rest.indexOf('\n')
  const isOnePiece = lineFeed === -1 || lineFeed === rest.length - 1
  // The record that was being written may lack its last byte only.
  const isDamage = isTorn && (!isOnePiece || holdsRecord(lineFeed === -1 ? rest.subarray(1) : rest))
  return { whole, isTorn, isDamage }
}

/** At any place, up to the end of its line. */
function holdsRecord(bytes: Buffer): boolean {
  return Array.from(bytes.keys()).some((start) => {
    const lineFeed = bytes.indexOf('\n', start)
    const line = bytes.subarray(start, lineFeed === -1 ? undefined : lineFeed).toString('latin1')
    const [, sum, body] = /^([0-9a-f]{8}) (\{.*\})$/su.exec(line) ?? []
    return body !== undefined && crc32(Buffer.from(body, 'latin1')) === Number(`0x${sum}`)
  })
}

/** Checks the chain of a file by itself: the numbers, and that each record names the one before it. */
export function chainProblem(bytes: Buffer): string | undefined {
  const lines = bytes.toString('utf8').split('\n')
  if (lines.pop() !== '') return 'the last record has no end'
  let prev = '0'.repeat(64)
  for (const [seq, line] of lines.entries()) {
    const body = line.slice(9)
    const record: { readonly seq?: unknown; readonly prev?: unknown } = JSON.parse(body)
    if (record.seq !== seq) return `record ${seq} says that it is ${String(record.seq)}`
    if (record.prev !== prev) return `record ${seq} does not name the one before it`
    if (crc32(Buffer.from(body)) !== Number(`0x${line.slice(0, 8)}`))
      return `record ${seq}: checksum`
    prev = createHash('sha256').update(body).digest('hex')
  }
  return undefined
}
