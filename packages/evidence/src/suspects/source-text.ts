import type { Snapshot } from '@wave/core'
import { LIMITS } from '../limits.ts'

const decoder = new TextDecoder()

/** A file as text; undefined for binary, missing and very large ones. */
export async function textOf(snapshot: Snapshot, path: string): Promise<string | undefined> {
  const bytes = await snapshot.read(path)
  if (bytes === undefined || bytes.byteLength > LIMITS.scannedFileBytes) return undefined
  if (bytes.subarray(0, 8_000).includes(0)) return undefined
  return decoder.decode(bytes)
}

/** A file as lines, without line ends. */
export async function linesOf(
  snapshot: Snapshot,
  path: string,
): Promise<readonly string[] | undefined> {
  return (await textOf(snapshot, path))?.replace(/\r?\n$/, '').split(/\r?\n/)
}
