import type { Commit, Snapshot } from '@wave/core'
import type { File as DiffFile } from 'parse-diff'
import type { ChangedLine } from '../findings.ts'
import { LIMITS, mapBounded } from '../limits.ts'
import { kindOf } from './path-kind.ts'

const SMALL_LINES = 3_000

/** A commit that may be ranked, with the lines it changed. */
export interface Candidate {
  readonly commit: Commit
  readonly changes: readonly ChangedLine[]
  /** Files that it adds. */
  readonly created: ReadonlySet<string>
}

export interface Candidates {
  /** Newest first. */
  readonly candidates: readonly Candidate[]
  readonly merges: number
  readonly roots: number
}

/**
 * The last commits of the history. Merges and roots are left out: the first change nothing by themselves,
 * the second change everything.
 */
export async function readCandidates(snapshot: Snapshot): Promise<Candidates> {
  const commits = await snapshot.history.log({ max: 2 * LIMITS.commits })
  const singles = commits.filter((commit) => commit.parents.length === 1).slice(0, LIMITS.commits)
  const { default: parseDiff } = await import('parse-diff')
  const together = await snapshot.history.diffs(singles.filter(isSmall).map(({ id }) => id))
  const candidates = await mapBounded(singles, async (commit) => {
    const text = together.get(commit.id) ?? (await diffOf(snapshot, commit))
    const files = parseDiff(text.slice(0, LIMITS.diffChars))
    const created = files.flatMap((file) => (file.new === true ? (file.to ?? []) : []))
    return { commit, changes: files.flatMap(changedLines), created: new Set(created) }
  })
  return {
    candidates,
    merges: commits.filter((commit) => commit.parents.length > 1).length,
    roots: commits.filter((commit) => commit.parents.length === 0).length,
  }
}

/** Fit to be read together with others: a few hundred lines that people wrote. */
function isSmall(commit: Commit): boolean {
  const lines = commit.files.reduce((sum, { added = 0, deleted = 0 }) => sum + added + deleted, 0)
  return lines <= SMALL_LINES && commit.files.every(({ path }) => kindOf(path) !== 'generated')
}

/** Only what people wrote: no lock files, no binaries, no vendored code. */
async function diffOf(snapshot: Snapshot, commit: Commit): Promise<string> {
  const paths = commit.files
    .filter((file) => file.added !== undefined && kindOf(file.path) !== 'generated')
    .map((file) => file.path)
    .slice(0, LIMITS.diffFiles)
  if (paths.length === 0) return ''
  return (await snapshot.history.diff(commit.id, paths)) ?? ''
}

function changedLines(file: DiffFile): ChangedLine[] {
  return file.chunks.flatMap((chunk) =>
    chunk.changes.flatMap((change): ChangedLine[] => {
      if (change.type === 'normal' || change.content.startsWith('\\')) return []
      const sign = change.type === 'add' ? '+' : '-'
      const path = (sign === '+' ? file.to : file.from) ?? ''
      return [{ path, line: change.ln, sign, text: change.content.slice(1, 401) }]
    }),
  )
}
