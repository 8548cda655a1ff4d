import type { Commit } from '@wave/core'
import type { ChangedLine, CommitSuspect, FileSuspect, MappedFrame } from '../findings.ts'
import { LIMITS } from '../limits.ts'
import type { Candidate } from './candidates.ts'
import { isAfter, priorFor } from './prior.ts'
import { setupLines } from './setup-lines.ts'
import { removedGuards } from './guards.ts'
import { judge, likelihoodOf } from './judge-commit.ts'
import { kindOf } from './path-kind.ts'
import { termsOf, wordsOf } from './terms.ts'
import type { Terms } from './terms.ts'
import { TextIndex } from './text-index.ts'

const FILE = 2
const LINE = 2
const TEXT = 1.5
const CODE = 1.5
const GUARD = 0.7
const SETUP = 0.4
/** Commit times are not deployment times, and starts are noticed late: a weak sign, no alibi. */
const AFTER_START = 0.3
const HARMLESS_KINDS = 0.25
const SHOWN_CHANGES = 12
/** Commits far behind the first are no suspects. */
const LEAST_SHARE = 0.4

export interface CommitEvidence {
  readonly candidates: readonly Candidate[]
  readonly files: readonly FileSuspect[]
  readonly frames: readonly MappedFrame[]
  readonly symptom: Terms
  readonly code: Terms
  readonly startUtc: string | undefined
}

/** The parts of a commit's score, each from 0 to 1. */
export interface Marks {
  readonly file: number
  readonly line: number
  readonly text: number
  readonly code: number
  /** How likely its age makes it, evidence aside. */
  readonly prior: number
  /** Removed lines that guarded or defaulted something that the failing lines name. */
  readonly guards: readonly ChangedLine[]
  /** Its changes of dependencies and configuration. */
  readonly setup: readonly ChangedLine[]
  /** Whether the start of the symptom is known. */
  readonly timed: boolean
  readonly afterStart: boolean
  readonly harmless: boolean
}

/** The most suspicious commits, best first. A rank suggests where to look; it proves nothing. */
export async function rankCommits(evidence: CommitEvidence): Promise<CommitSuspect[]> {
  const texts = await searchCommits(evidence)
  const fileScores = normalised(evidence.files)
  const prior = priorFor(evidence.candidates, evidence.startUtc)
  return evidence.candidates
    .map((candidate) => {
      const { commit } = candidate
      const marks: Marks = {
        file: fileMark(commit, fileScores),
        line: lineMark(commit, evidence.frames),
        text: texts.symptom.get(commit.id) ?? 0,
        code: texts.code.get(commit.id) ?? 0,
        prior: prior(candidate),
        guards: removedGuards(candidate.changes, evidence.code),
        setup: setupOf(candidate.changes),
        timed: evidence.startUtc !== undefined,
        afterStart: isAfter(commit, evidence.startUtc),
        harmless: commit.files.every((file) => ['test', 'docs'].includes(kindOf(file.path))),
      }
      return { candidate, marks, score: total(marks) }
    })
    .toSorted((a, b) => b.score - a.score)
    .filter(({ score }, _, [first]) => score > 0 && score >= LEAST_SHARE * (first?.score ?? 0))
    .slice(0, LIMITS.suspectCommits)
    .map(({ candidate, marks, score }) => {
      const { commit } = candidate
      const changes = tellingChanges(candidate.changes, evidence)
      const likelihood = likelihoodOf(marks)
      const { supporting, opposing } = judge({ commit, marks, changes }, evidence)
      return { commit, score, likelihood, supporting, opposing, changes, revert: undefined }
    })
}

function total(marks: Marks): number {
  const sum =
    FILE * marks.file +
    LINE * marks.line +
    TEXT * marks.text +
    CODE * marks.code +
    (marks.guards.length > 0 ? GUARD : 0) +
    (marks.setup.length > 0 ? SETUP : 0)
  const score =
    sum * marks.prior * (marks.afterStart ? AFTER_START : 1) * (marks.harmless ? HARMLESS_KINDS : 1)
  return Math.round(score * 1e6) / 1e6
}

function setupOf(changes: readonly ChangedLine[]): ChangedLine[] {
  return [...setupLines(changes, 'dependencies'), ...setupLines(changes, 'config')]
}

async function searchCommits({
  candidates,
  symptom,
  code,
}: CommitEvidence): Promise<{ symptom: Map<string, number>; code: Map<string, number> }> {
  const wanted = new Set([...symptom.keys(), ...code.keys()])
  const index = await TextIndex.create(['message', 'paths', 'diff', 'aside'], wanted)
  for (const { commit, changes } of candidates) {
    index.add(commit.id, {
      message: `${commit.subject}\n${commit.body.slice(0, 4_000)}`,
      paths: commit.files
        .slice(0, 100)
        .map((file) => file.path)
        .join('\n'),
      diff: textOfLines(changes.filter((change) => !isAside(change))),
      aside: textOfLines(changes.filter(isAside)),
    })
  }
  return {
    symptom: index.search(symptom, { message: 1.5, paths: 1, diff: 1, aside: 0.2 }),
    code: index.search(code, { diff: 1 }),
  }
}

/** Tests and documents describe code: they say less about a failure than the code does. */
function isAside(change: ChangedLine): boolean {
  return ['test', 'docs'].includes(kindOf(change.path))
}

function textOfLines(lines: readonly ChangedLine[]): string {
  return lines.map((line) => line.text).join('\n')
}

/** From 0 to 1, with the distances at the top made smaller: the file that throws is often not the one that changed. */
function normalised(files: readonly FileSuspect[]): Map<string, number> {
  const best = files[0]?.score ?? 0
  return new Map(best > 0 ? files.map((file) => [file.path, Math.sqrt(file.score / best)]) : [])
}

/** The most suspicious file counts; commits that touch everything say little. */
function fileMark(commit: Commit, scores: ReadonlyMap<string, number>): number {
  const best = commit.files.reduce((most, file) => Math.max(most, scores.get(file.path) ?? 0), 0)
  return best / Math.sqrt(1 + Math.max(0, commit.files.length - 8) / 8)
}

/** How near the commit's surviving lines are to a frame. */
function lineMark(commit: Commit, frames: readonly MappedFrame[]): number {
  const marks = frames.flatMap((frame) =>
    frame.blame
      .filter((line) => line.commit === commit.id)
      .map((line) => nearness(Math.abs(line.line - frame.line)) / (1 + 0.5 * frame.rank)),
  )
  return Math.max(0, ...marks)
}

function nearness(distance: number): number {
  if (distance === 0) return 1
  return distance <= 2 ? 0.5 : 0.2
}

/** The changed lines that share most names with the failing code and the symptom, in file order. */
function tellingChanges(
  changes: readonly ChangedLine[],
  { code, symptom }: CommitEvidence,
): ChangedLine[] {
  const weigh = (change: ChangedLine): number => {
    const terms = new Set(wordsOf(change.text).flatMap(termsOf))
    return [...terms].reduce(
      (sum, term) => sum + 2 * (code.get(term) ?? 0) + (symptom.get(term) ?? 0),
      0,
    )
  }
  return changes
    .map((change, index) => ({ change, index, weight: weigh(change) }))
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => b.weight - a.weight || a.index - b.index)
    .slice(0, SHOWN_CHANGES)
    .toSorted((a, b) => a.index - b.index)
    .map(({ change }) => change)
}
