import type { Commit } from '@wave/core'
import { kindOf } from './path-kind.ts'
import type { Candidate } from './candidates.ts'

const DAY_MS = 86_400_000
/** Commits this many usual gaps before the start count half. */
const HALF_LIFE_GAPS = 3
const NO_START_COMMITS = 60
/** A file that worked since it was added is not made suspicious by the commit that added it. */
const CREATED_WEIGHT = 0.5

/** How likely a commit's age makes it, from 0 to 1, evidence aside. */
export type Prior = (candidate: Candidate) => number

/**
 * What broke at a known time was most likely changed shortly before, measured by how often this project
 * changes; and by a change of what was there, more than by its first version. Without a time, age says little.
 */
export function priorFor(candidates: readonly Candidate[], startUtc: string | undefined): Prior {
  const before = candidates.filter(({ commit }) => !isAfter(commit, startUtc))
  const ages = new Map(before.map(({ commit }, age) => [commit.id, age]))
  if (startUtc === undefined) {
    return ({ commit }) => 1 / (1 + (ages.get(commit.id) ?? 0) / NO_START_COMMITS)
  }
  const times = before.map(({ commit }) => Date.parse(commit.committedAt)).toSorted((a, b) => b - a)
  const newestMs = times[0] ?? 0
  const halfLifeMs = Math.max(DAY_MS, HALF_LIFE_GAPS * medianGapMs(times))
  return (candidate) => {
    const ageMs = Math.max(0, newestMs - Date.parse(candidate.commit.committedAt))
    return (1 - (1 - CREATED_WEIGHT) * createdShare(candidate)) / (1 + ageMs / halfLifeMs)
  }
}

/** Whether it was committed after the symptom began. */
export function isAfter(commit: Commit, startUtc: string | undefined): boolean {
  return startUtc !== undefined && Date.parse(commit.committedAt) > Date.parse(startUtc)
}

function medianGapMs(newestFirst: readonly number[]): number {
  const gaps = newestFirst.slice(1).map((time, index) => (newestFirst[index] ?? time) - time)
  return gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0
}

function createdShare({ commit, created }: Candidate): number {
  const code = commit.files.filter(
    ({ path }) => !['test', 'docs', 'generated'].includes(kindOf(path)),
  )
  if (code.length === 0) return 0
  return code.filter(({ path }) => created.has(path)).length / code.length
}
