import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { journalPath, WaveError } from '@wave/core'
import { glanceAtRun, listRuns, type RunCondition, type RunGlance } from '@wave/core/runs'

/** Which runs may go. */
export interface RunLimits {
  /** So many of the newest stay, whatever else is said. */
  readonly keep: number
  /** Milliseconds; undefined: age does not count. */
  readonly olderThanMs: number | undefined
  /** Also those that could still go on, although they are not that old. */
  readonly unfinished: boolean
}

export interface JudgedRun {
  readonly run: string
  readonly directory: string
  readonly condition: RunCondition
  /** As it was before the run was judged; undefined: it may not be looked at. */
  readonly journal: JournalState | undefined
  /** Undefined: it may go. */
  readonly kept: KeptBecause | undefined
  /** Why it cannot be told whose it is; undefined: it can, or need not. */
  readonly problem: string | undefined
}

/** A run that went on, or ended, since then has another. */
export interface JournalState {
  readonly sizeBytes: number
  readonly writtenMs: number
}

type KeptBecause = 'recent' | 'running' | 'unfinished' | 'not started here' | 'unknown'

/**
 * Which runs of a project are old; `isOwn` may throw a `WaveError`. Clocks jump, so that neither its id nor the time
 * of its file alone makes a run old: the younger of the two counts, and a run is among the newest if it is by one of
 * them.
 */
export function judgeRuns(
  folder: string,
  isOwn: (run: string) => boolean,
  limits: RunLimits & { readonly nowMs: number },
): readonly JudgedRun[] {
  const ids = listRuns(folder)
  const journals = new Map(ids.map((run) => [run, journalState(join(folder, run))]))
  // One that may not be looked at is no old one.
  const writtenMs = (run: string): number => journals.get(run)?.writtenMs ?? Infinity
  const byFile = ids.toSorted((left, right) => writtenMs(right) - writtenMs(left))
  const newest = new Set([...ids.slice(0, limits.keep), ...byFile.slice(0, limits.keep)])
  return ids.map((run) => {
    const directory = join(folder, run)
    const glance = glanceAtRun(directory, limits.nowMs)
    const { condition } = glance
    const ageMs = limits.nowMs - Math.max(writtenMs(run), startedMs(run))
    const isRecent = newest.has(run) || ageMs < (limits.olderThanMs ?? -Infinity)
    const { kept, problem } = isRecent ? RECENT : judge(glance, isOwn, limits)
    return { run, directory, condition, journal: journals.get(run), kept, problem }
  })
}

type Judgement = Pick<JudgedRun, 'kept' | 'problem'>

const RECENT: Judgement = { kept: 'recent', problem: undefined }

function judge(glance: RunGlance, isOwn: (run: string) => boolean, limits: RunLimits): Judgement {
  try {
    return { kept: keptBecause(glance, isOwn(glance.run), limits), problem: undefined }
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    return { kept: 'unknown', problem: error.message }
  }
}

function keptBecause(
  glance: RunGlance,
  isOwn: boolean,
  { olderThanMs, unfinished }: RunLimits,
): KeptBecause | undefined {
  if (!isOwn) return 'not started here'
  if (glance.condition === 'running') return 'running'
  const mayGoOn = !unfinished && olderThanMs === undefined && !isOver(glance)
  return mayGoOn ? 'unfinished' : undefined
}

/**
 * Whether there is nothing left to go on with. A run can be partial although each of its steps was carried out, and
 * be cut off before it began.
 */
export function isOver({
  condition,
  steps,
  startedAt,
}: Pick<RunGlance, 'condition' | 'startedAt' | 'steps'>): boolean {
  if (condition === 'interrupted') return startedAt === undefined
  return condition === 'completed' || (condition === 'partial' && steps?.done === steps?.total)
}

/** Undefined: there is none, or it may not be looked at. */
export function journalState(directory: string): JournalState | undefined {
  try {
    const { size, mtimeMs } = lstatSync(journalPath(directory))
    return { sizeBytes: size, writtenMs: mtimeMs }
  } catch {
    return undefined
  }
}

/** As the id tells: `20261122-192220-…`, UTC. */
function startedMs(run: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-/.exec(run)?.slice(1).map(Number) ?? []
  const [year, month, day, hour, minute, second] = parts
  if (year === undefined || month === undefined) return 0
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
