import type { Commit, Snapshot } from '@wave/core'
import type { FileSuspect, Findings, SetupChange } from './findings.ts'
import { LIMITS } from './limits.ts'
import { checkReverts } from './revert.ts'
import { readSignals, startOf } from './signals/read-signals.ts'
import { unpackJson } from './signals/unpack-json.ts'
import { readCandidates } from './suspects/candidates.ts'
import type { Candidate, Candidates } from './suspects/candidates.ts'
import { gapsOf } from './suspects/gaps.ts'
import { mapFrames, PathFinder } from './suspects/map-frames.ts'
import { setupLines } from './suspects/setup-lines.ts'
import { rankCommits } from './suspects/rank-commits.ts'
import { rankFiles } from './suspects/rank-files.ts'
import { scanFiles } from './suspects/scan.ts'
import { codeTerms, symptomTerms } from './suspects/terms.ts'

const SYMPTOM_CHARS = 2_000
const RECENT_COMMITS = 10
const SETUP_CHANGES = 8
const SETUP_LINES = 6
const SIMILAR_FILES = 5
const SIMILAR_FIXES = 5
const FIX =
  /\b(?:fix(?:es|ed)?|hotfix|revert(?:s|ed)?|rollback|roll back|regression|incident|outage)\b/i

export interface Investigation {
  /** The symptom: untrusted text of up to 1 MB. */
  readonly input: string
  readonly snapshot: Snapshot
  /** Relative times are read against it. Equal input, snapshot and time give equal findings. */
  readonly nowUtc: string
}

/** Collects every fact that can be had without a model. Never throws for odd input or odd repositories. */
export async function investigate(investigation: Investigation): Promise<Findings> {
  const { snapshot, nowUtc } = investigation
  const input = unpackJson(investigation.input)
  const signals = await readSignals(input, nowUtc)
  const start = startOf(signals)
  const finder = new PathFinder(snapshot.files.map((file) => file.path))
  const frames = await mapFrames(signals.frames, finder, snapshot)
  const symptom = symptomTerms(input, signals)
  const code = codeTerms(
    frames.toSorted((a, b) => a.rank - b.rank).flatMap((frame) => frame.citation?.quote ?? []),
  )
  const wanted = new Set([...symptom.keys(), ...code.keys()])
  const [scan, found] = await Promise.all([
    scanFiles(snapshot, signals, wanted),
    readCandidates(snapshot),
  ])
  const files = await rankFiles({ snapshot, signals, finder, frames, scan, symptom, code })
  const startUtc = start?.at.utc
  const ranked = await rankCommits({
    candidates: found.candidates,
    files,
    frames,
    symptom,
    code,
    startUtc,
  })
  const facts = {
    ...describeInput(investigation, input),
    signals,
    start: start && describeStart(start),
    source: { ...describeSource(snapshot), scannedFiles: scan.scannedFiles },
    frames,
    foreignFrames: signals.frames.length - frames.length,
    endpoints: scan.endpoints,
    names: scan.names,
    files: files.slice(0, LIMITS.suspectFiles),
    commits: await checkReverts(snapshot, ranked),
    history: describeHistory(found),
    recent: recentBefore(found.candidates, startUtc),
    setupChanges: setupChanges(found.candidates),
    similar: similarFixes(found.candidates, files),
  }
  return { ...facts, gaps: gapsOf(facts) }
}

function describeInput(
  { input, nowUtc }: Investigation,
  text: string,
): Pick<Findings, 'nowUtc' | 'symptom' | 'symptomChars' | 'unpacked' | 'inputTruncated'> {
  return {
    nowUtc,
    symptom: text.slice(0, SYMPTOM_CHARS).trimEnd(),
    symptomChars: text.length,
    unpacked: text !== input,
    inputTruncated: input.length > LIMITS.inputChars,
  }
}

function describeStart({ at, basis }: NonNullable<ReturnType<typeof startOf>>): Findings['start'] {
  return { utc: at.utc, basis, line: at.line, quote: at.quote, assumptions: at.assumptions }
}

function describeSource(snapshot: Snapshot): Omit<Findings['source'], 'scannedFiles'> {
  const { tree, head, branch, dirty } = snapshot
  return {
    tree,
    head,
    branch,
    dirty,
    files: snapshot.files.length,
    // What wave itself wrote is no gap.
    dropped: snapshot.dropped.filter(({ reason }) => !/\bwave\b/.test(reason)),
  }
}

function describeHistory(found: Candidates): Findings['history'] {
  return {
    ranked: found.candidates.length,
    merges: found.merges,
    roots: found.roots,
    oldest: found.candidates.at(-1)?.commit.committedAt,
  }
}

function recentBefore(candidates: readonly Candidate[], startUtc: string | undefined): Commit[] {
  return candidates
    .map(({ commit }) => commit)
    .filter(
      (commit) => startUtc === undefined || Date.parse(commit.committedAt) <= Date.parse(startUtc),
    )
    .slice(0, RECENT_COMMITS)
}

function setupChanges(candidates: readonly Candidate[]): SetupChange[] {
  return candidates
    .flatMap(({ commit, changes }) =>
      (['dependencies', 'config'] as const).flatMap((kind): SetupChange[] => {
        const lines = setupLines(changes, kind).slice(0, SETUP_LINES)
        return lines.length === 0 ? [] : [{ commit, kind, lines }]
      }),
    )
    .slice(0, SETUP_CHANGES)
}

function similarFixes(candidates: readonly Candidate[], files: readonly FileSuspect[]): Commit[] {
  const suspects = new Set(files.slice(0, SIMILAR_FILES).map((file) => file.path))
  return candidates
    .map(({ commit }) => commit)
    .filter((commit) => FIX.test(commit.subject))
    .filter((commit) => commit.files.some((file) => suspects.has(file.path)))
    .slice(0, SIMILAR_FIXES)
}
