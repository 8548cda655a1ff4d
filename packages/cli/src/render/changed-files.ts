import type { LeftOut, PatchedFile } from '@wave/core'
import { escapeName } from '../sanitise.ts'
import { renderRows } from './rows.ts'

/** A line for each file of a patch: what happens to it, and what speaks against that. */
export function renderChangedFiles(files: readonly PatchedFile[]): string {
  const rows = files.map((file) => [
    file.status,
    extentOf(file),
    escapeName(file.path),
    file.verdict === 'plain' ? '' : `${file.verdict}: ${file.because ?? ''}`,
  ])
  return renderRows(rows, '  ')
}

/** What a run changed as well, and is never applied. */
export function renderLeftOut(leftOut: readonly LeftOut[]): string {
  const rows = leftOut.map(({ path, because }) => [
    'left out',
    escapeName(path),
    `rejected: ${because}`,
  ])
  return renderRows(rows, '  ')
}

/** That it is done, and what is not. */
export function renderApplied(leftOut: readonly LeftOut[]): string {
  const note = leftOut.length > 0 ? `Left out, never applied: ${leftOut.length}.\n` : ''
  return `Applied. Nothing is staged or committed.\n${note}`
}

/** `+1 -1`, `binary`, `mode 644 → 755`, or more than one of them. */
function extentOf({ added, deleted, isBinary, modes }: PatchedFile): string {
  const mode = modes && `mode ${modes.from.slice(-3)} → ${modes.to.slice(-3)}`
  const isModeOnly = mode !== undefined && added === 0 && deleted === 0
  const content = isBinary === true ? 'binary' : isModeOnly ? undefined : `+${added} -${deleted}`
  return [content, mode].filter((part) => part !== undefined).join(', ')
}
