import { dirname, relative } from 'node:path'

import { storageError, WaveError } from '@wave/core'

import { printable } from './apply-state.ts'

/** A failure after which all files are what they were: says so, and names the folder that stood in the way. */
export function nothingDone(
  cause: unknown,
  workTree: string,
  done: 'applied' | 'taken back',
): unknown {
  const known = storageError(cause, workTree)
  if (!(known instanceof WaveError) || known.code !== 'path-unwritable') return known
  const folder = folderOf(cause, workTree)
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  const message = `Nothing was ${done}: ${folder} cannot be written (${code}).`
  const hint = `Make ${folder} writable, then run the command again.`
  return new WaveError('path-unwritable', message, { hint, cause })
}

/** The names of temporary files say nothing to anybody. */
function folderOf(cause: unknown, workTree: string): string {
  const path = cause instanceof Error && 'path' in cause ? cause.path : undefined
  if (typeof path !== 'string' || !path.startsWith(`${workTree}/`)) return workTree
  const folder = relative(workTree, dirname(path))
  return folder === '' ? workTree : printable(folder)
}
