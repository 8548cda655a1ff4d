import { posix } from 'node:path'
import { escapeInvisible } from '../data-block.ts'

/**
 * The one spelling of a path: relative below `base`, absolute elsewhere, without `.` and `..`. Permissions
 * are matched against it and the workspace gets it, so both speak of the same file.
 */
export function normalisePath(path: string, base: string): string {
  const absolute = posix.resolve(base, path)
  if (absolute === base) return '.'
  return absolute.startsWith(`${base}/`) ? absolute.slice(base.length + 1) : absolute
}

/** A name as one line of plain text: repositories may hold any byte in a file name. */
export function showPath(path: string): string {
  return escapeInvisible(path).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}
