import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlameLine, Commit, History, RevertCheck, Snapshot, SnapshotFile } from '@wave/core'
import type { GitRepository } from './git-repository.ts'

/** A plain `Snapshot` of what is committed in a test's repository. */
export function snapshotOf(repository: GitRepository): Snapshot {
  const head = attempt(() => repository.git(['rev-parse', '--verify', 'HEAD']).toString().trim())
  const tree =
    head === undefined ? '4b825dc642cb6eb9a060e54bf8d69288fbee4904' : treeOf(repository, head)
  return {
    root: repository.root,
    tree,
    head,
    branch: head === undefined ? undefined : 'main',
    dirty: false,
    dropped: [],
    files: head === undefined ? [] : filesOf(repository, tree),
    read: async (path) => attempt(() => repository.git(['cat-file', 'blob', `${tree}:${path}`])),
    history: head === undefined ? noHistory() : historyOf(repository, tree),
    at: async () => undefined,
    atRef: async () => undefined,
    changesTo: async () => undefined,
    merge: async () => ({ ok: false, conflicts: [] }),
  }
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}

function treeOf(repository: GitRepository, commit: string): string {
  return repository
    .git(['rev-parse', `${commit}^{tree}`])
    .toString()
    .trim()
}

function filesOf(repository: GitRepository, tree: string): SnapshotFile[] {
  return repository
    .git(['ls-tree', '-r', '-l', '-z', tree])
    .toString()
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const [meta = '', path = ''] = line.split('\t')
      const [mode, , oid = '', size] = meta.split(/ +/)
      return { path, oid, sizeBytes: Number(size), mode: mode === '100755' ? '100755' : '100644' }
    })
}

function noHistory(): History {
  return {
    log: async () => [],
    diff: async () => undefined,
    diffs: async () => new Map(),
    read: async () => undefined,
    blame: async () => [],
    people: async () => [],
    revert: async () => ({ applies: false, problem: 'no history' }),
  }
}

function historyOf(repository: GitRepository, tree: string): History {
  return {
    log: async ({ max }) => logOf(repository, max),
    diff: async (commit, paths = []) =>
      attempt(() => repository.git(['show', '--format=', '-p', commit, '--', ...paths]).toString()),
    diffs: async (commits) =>
      new Map(
        commits.map((id) => [id, repository.git(['show', '--format=', '-p', id]).toString()]),
      ),
    read: async (commit, path) =>
      attempt(() => repository.git(['cat-file', 'blob', `${commit}:${path}`])),
    blame: async (path, from, to) => blameOf(repository, path, [from, to]),
    people: async () => [],
    revert: async (commit) => revertOf(repository, tree, commit),
  }
}

function logOf(repository: GitRepository, max: number): Commit[] {
  const format = '%x01%H%x00%P%x00%aI%x00%cI%x00%s%x00%b%x00'
  const text = repository.git(['log', `-n${max}`, `--format=${format}`, '--numstat']).toString()
  return text
    .split('\u0001')
    .slice(1)
    .map((entry) => {
      const [
        id = '',
        parents = '',
        authored = '',
        committed = '',
        subject = '',
        body = '',
        stat = '',
      ] = entry.split('\0')
      return {
        id,
        parents: parents.split(' ').filter((parent) => parent !== ''),
        authoredAt: new Date(authored).toISOString(),
        committedAt: new Date(committed).toISOString(),
        subject,
        body,
        files: stat
          .trim()
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => {
            const [added = '', deleted = '', path = ''] = line.split('\t')
            return { path, added: count(added), deleted: count(deleted) }
          }),
      }
    })
}

function count(text: string): number | undefined {
  return text === '-' ? undefined : Number(text)
}

function blameOf(repository: GitRepository, path: string, range: [number, number]): BlameLine[] {
  const text = attempt(() =>
    repository.git(['blame', '--line-porcelain', '-L', range.join(','), '--', path]).toString(),
  )
  return [...(text ?? '').matchAll(/^([0-9a-f]{40}) \d+ (\d+).*\n(?:(?!\t).*\n)*\t(.*)$/gm)].map(
    ([, commit = '', line = '', code = '']) => ({ commit, line: Number(line), text: code }),
  )
}

function revertOf(repository: GitRepository, tree: string, commit: string): RevertCheck {
  const index = join(tmpdir(), `wave-index-${randomUUID()}`)
  const env = { GIT_INDEX_FILE: index }
  try {
    const input = repository.git(['diff', '--binary', commit, `${commit}^`])
    repository.git(['read-tree', tree], { env })
    repository.git(['apply', '--cached'], { env, input })
    const reverted = repository.git(['write-tree'], { env }).toString().trim()
    const trees = [tree, reverted]
    const args = ['diff-tree', '-r', '-p', '--binary', '--full-index', '--no-renames']
    const names = repository
      .git(['diff-tree', '-r', '--name-only', ...trees])
      .toString()
      .trim()
      .split('\n')
    const files = names.map((path) => ({
      path,
      status: 'modified' as const,
      added: 1,
      deleted: 1,
      verdict: 'plain' as const,
    }))
    return {
      applies: true,
      patch: { baseTree: tree, tree: reverted, text: repository.git([...args, ...trees]), files },
    }
  } catch (error) {
    return {
      applies: false,
      problem: error instanceof Error ? error.message.slice(0, 200) : 'unknown',
    }
  } finally {
    rmSync(index, { force: true })
  }
}
