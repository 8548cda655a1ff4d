import { createHash } from 'node:crypto'
import type { Commit, History, Snapshot } from '../snapshot.ts'

/** A snapshot of these files, without history unless commits are given. */
export function memorySnapshot(
  files: Readonly<Record<string, string>> = {},
  commits: readonly Commit[] = [],
): Snapshot {
  const contents = new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]))
  const snapshot: Snapshot = {
    root: '/project',
    tree: sha1(JSON.stringify(files)),
    head: commits[0]?.id,
    branch: commits.length === 0 ? undefined : 'main',
    dirty: false,
    dropped: [],
    files: [...contents].map(([path, content]) => ({
      path,
      mode: '100644',
      oid: sha1(`blob ${content.length}\0${content.toString()}`),
      sizeBytes: content.length,
    })),
    read: (path) => Promise.resolve(contents.get(path)),
    history: memoryHistory(commits),
    at: (tree) => Promise.resolve(tree === snapshot.tree ? snapshot : undefined),
    changesTo: () => Promise.resolve(undefined),
    atRef: () => Promise.resolve(undefined),
    merge: () =>
      Promise.resolve({
        ok: false,
        conflicts: [{ index: 0, path: '.', message: 'is in memory, where nothing is merged' }],
      }),
  }
  return snapshot
}

function memoryHistory(commits: readonly Commit[]): History {
  return {
    log: ({ max }) => Promise.resolve(commits.slice(0, max)),
    diff: () => Promise.resolve(undefined),
    diffs: () => Promise.resolve(new Map()),
    read: () => Promise.resolve(undefined),
    blame: () => Promise.resolve([]),
    people: () => Promise.resolve([]),
    revert: () => Promise.resolve({ applies: false, problem: 'There is no history.' }),
  }
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
