import { dirname } from 'node:path'
import { TOLD } from './strace.ts'
import type { SystemCall } from './strace.ts'

/**
 * Where a run that was not disturbed relies on what a power cut would take: something was told, or another file
 * took its name, while what was written before had not been synced. A kill shows none of that.
 */
export function unsyncedIn(calls: readonly SystemCall[]): readonly string[] {
  /** Files with bytes, and folders with names, that are not on disk yet. */
  const open = new Set<string>()
  const problems: string[] = []
  for (const { call, path } of calls) {
    if (call === 'fsync' || call === 'fdatasync') open.delete(path)
    if (call === 'write' || call === 'pwrite64') open.add(path)
    if (/^(?:rename|link|mkdir)/u.test(call)) {
      if (open.delete(path)) problems.push(`${path} took its place before it was synced.`)
      open.add(dirname(path))
    }
    if (path === TOLD) {
      problems.push(...[...open].map((one) => `An event was told, and ${one} was not synced.`))
      open.clear()
    }
  }
  return problems
}
