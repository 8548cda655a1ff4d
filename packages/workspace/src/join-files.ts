import type { PatchedFile } from '@wave/core'

/** Each path once: what the patches that change it, in their order, make of it. Lines are added up. */
export function joinFiles(files: readonly PatchedFile[]): readonly PatchedFile[] {
  const joined = new Map<string, PatchedFile>()
  for (const file of files) {
    const before = joined.get(file.path)
    joined.set(file.path, before === undefined ? file : join(before, file))
  }
  return [...joined.values()]
}

function join(before: PatchedFile, after: PatchedFile): PatchedFile {
  const worse = VERDICTS[after.verdict] >= VERDICTS[before.verdict] ? after : before
  const { verdict, because } = worse
  return {
    path: after.path,
    status: statusOf(before, after),
    added: before.added + after.added,
    deleted: before.deleted + after.deleted,
    ...modesOf(before, after),
    ...((before.isBinary ?? after.isBinary) && { isBinary: true }),
    verdict,
    ...(because !== undefined && { because }),
  }
}

const VERDICTS = { plain: 0, flagged: 1, rejected: 2 }

function statusOf(before: PatchedFile, after: PatchedFile): PatchedFile['status'] {
  if (after.status === 'deleted') return 'deleted'
  return before.status === 'added' ? 'added' : 'modified'
}

function modesOf(before: PatchedFile, after: PatchedFile): Pick<PatchedFile, 'modes'> | undefined {
  const from = before.modes?.from ?? after.modes?.from
  const to = after.modes?.to ?? before.modes?.to
  const isChanged = from !== undefined && to !== undefined && from !== to
  return isChanged && before.status === 'modified' ? { modes: { from, to } } : undefined
}
