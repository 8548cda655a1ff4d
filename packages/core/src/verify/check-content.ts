import { createHash } from 'node:crypto'
import { openPlainFile } from '../run/journal/plain-file.ts'

/**
 * What is wrong with a content that a run keeps, in words that follow its name; undefined: nothing. Follows no
 * link, and holds a small part of it at a time.
 */
export function checkContent(
  folder: string,
  ref: { readonly digest: string; readonly sizeBytes: number | undefined },
): string | undefined {
  const { digest, sizeBytes } = ref
  // It becomes a part of a path.
  if (!/^[0-9a-f]{64}$/u.test(digest)) return 'has no valid digest'
  using file = openPlainFile(folder, digest.slice(0, 2), digest)
  if (file === undefined) return 'is missing'
  const found = file.sizeBytes()
  if (sizeBytes !== undefined && found !== sizeBytes) {
    return `was changed: it has ${found} bytes, not ${sizeBytes}`
  }
  return digestOf(file) === digest ? undefined : 'was changed'
}

/** SHA-256 of an open file, hex. */
export function digestOf(file: { read(offset: number, length: number): Buffer }): string {
  const hash = createHash('sha256')
  for (let offset = 0; ;) {
    const piece = file.read(offset, PIECE_BYTES)
    if (piece.length === 0) return hash.digest('hex')
    hash.update(piece)
    offset += piece.length
  }
}

const PIECE_BYTES = 2 ** 20
