import type { Snapshot } from '@wave/core'
import { createHash } from 'node:crypto'
import { asGitSnapshot } from '../git-snapshot.ts'
import { isTreeId } from '../tree-files.ts'

/** What a snapshot volume holds, as its label tells it. */
export interface VolumeHolding {
  readonly tree: string
  /** The commit behind it; none on an unborn HEAD, without git, and where history is left out. */
  readonly head: string | undefined
  readonly branch: string | undefined
  readonly hasHistory: boolean
  /** Keys of the volumes that it needs below it; none: all of the tree is in it. */
  readonly below: readonly string[]
}

/** Changes whenever what is written for the same snapshot changes. */
const FORMAT = 2

/** Of the volume that holds all of a snapshot. */
export function snapshotKey(of: Snapshot): string {
  return wholeKey(holdingOf(of, []))
}

/** Of the volume that holds what differs between two snapshots, each known by its key. */
export function changesKey(kind: 'changes' | 'nearby', base: string, snapshot: string): string {
  return digest([FORMAT, kind, base, snapshot])
}

export function holdingOf(of: Snapshot, below: readonly string[]): VolumeHolding {
  const { tree, head, branch, hasHistory } = asGitSnapshot(of)
  return { tree, head, branch, hasHistory, below }
}

export function renderHolding({ head, branch, ...rest }: VolumeHolding): string {
  return JSON.stringify({ ...rest, head: head ?? null, branch: branch ?? null })
}

/** Labels are text of the engine. Undefined: not one of ours, or of another version. */
export function parseHolding(label: string | undefined): VolumeHolding | undefined {
  const value = parseObject(label)
  if (value === undefined) return undefined
  const { tree, head, branch, hasHistory, below } = value
  if (!isId(tree) || typeof hasHistory !== 'boolean' || !Array.isArray(below)) return undefined
  if ((head !== null && !isId(head)) || (branch !== null && typeof branch !== 'string'))
    return undefined
  return {
    tree,
    head: head ?? undefined,
    branch: branch ?? undefined,
    hasHistory,
    below: below.filter((key) => typeof key === 'string'),
  }
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && isTreeId(value)
}

function parseObject(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** A volume whose label gives its own key is what it says it is, or wave did not make it. */
export function wholeKey({ tree, head, branch, hasHistory }: VolumeHolding): string {
  const identity = [FORMAT, tree, head ?? null, branch ?? null]
  return digest(hasHistory ? identity : [...identity, 'none'])
}

function digest(identity: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex')
}
