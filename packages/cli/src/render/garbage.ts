import type { GarbageKind } from '@wave/workspace'
import { showSize } from '../runs/cells.ts'

export interface Garbage {
  readonly dryRun: boolean
  readonly rows: readonly GarbageKind[]
  /** Newest first. */
  readonly removedRuns: readonly string[]
  /** Runs that were to go as well. */
  readonly notRemoved: readonly RunProblem[]
  /** What stays of runs that were removed. */
  readonly leftBehind: readonly RunProblem[]
  /** Why nothing was looked at on an engine. */
  readonly engineProblem: string | undefined
}

interface RunProblem {
  readonly run: string
  readonly why: string
}

/** A table, the runs that go, and how much room that makes. */
export function renderGarbage(garbage: Garbage, freedBytes: number): string {
  const { dryRun, removedRuns } = garbage
  const runs =
    removedRuns.length === 0
      ? ''
      : `\n${dryRun ? 'Would remove' : 'Removed'} these runs:\n${removedRuns.map((run) => `  ${run}\n`).join('')}`
  const freed = `\n${dryRun ? 'Would free' : 'Freed'} ${showSize(freedBytes)}.\n`
  return renderTable(garbage) + runs + freed
}

function renderTable({ rows, dryRun }: Garbage): string {
  const head = ['', 'before', dryRun ? 'would remove' : 'removed', dryRun ? 'would keep' : 'kept']
  const cells = rows.map(({ kind, kept, removed }) => [
    kind,
    cell(kept.count + removed.count, kept.bytes + removed.bytes),
    cell(removed.count, removed.bytes),
    cell(kept.count, kept.bytes),
  ])
  const lines = [head, ...cells].map(([name = '', ...rest]) =>
    [name.padEnd(WIDTH), ...rest.map((text) => text.padStart(WIDTH))].join(' ').trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

const WIDTH = 18

/** What has no known size is only counted. */
function cell(count: number, bytes: number): string {
  if (count === 0) return '-'
  return bytes === 0 ? String(count) : `${count} (${showSize(bytes)})`
}
