import type { PatchedFile } from '@wave/core'
import { expect, test } from 'vitest'
import { renderChangedFiles } from './changed-files.ts'

const FILE = { path: 'a', status: 'modified', added: 0, deleted: 0, verdict: 'plain' } as const
const MODES = { from: '100755', to: '100644' }

test.each<[string, Partial<PatchedFile>]>([
  ['  modified  +2 -1  a\n', { added: 2, deleted: 1 }],
  ['  modified  mode 755 → 644  a\n', { modes: MODES }],
  ['  modified  binary  a\n', { isBinary: true }],
  ['  modified  binary, mode 755 → 644  a\n', { isBinary: true, modes: MODES }],
  ['  modified  +2 -1, mode 755 → 644  a\n', { added: 2, deleted: 1, modes: MODES }],
  ['  added  +0 -0  a\n', { status: 'added' }],
  ['  modified  +0 -0  a  rejected: is a link\n', { verdict: 'rejected', because: 'is a link' }],
])('a changed file is shown as %j', (shown, more) => {
  expect(renderChangedFiles([{ ...FILE, ...more }])).toBe(shown)
})
