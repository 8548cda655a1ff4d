import type { Commit } from '@wave/core'
import type { ChangedLine, Citation, CommitSuspect, Reason } from '../findings.ts'
import { kindOf } from './path-kind.ts'
import type { CommitEvidence, Marks } from './rank-commits.ts'
import { termsOf, wordsOf } from './terms.ts'

const LEAST_PRIOR = 0.4

interface Judged {
  readonly commit: Commit
  readonly marks: Marks
  readonly changes: readonly ChangedLine[]
}

/**
 * Two signals that agree, one of them about the failing code (or, at a known time, names and setup), make
 * HIGH; any one makes MEDIUM.
 * An old commit, or one after the start, cannot be HIGH.
 */
export function likelihoodOf(marks: Marks): CommitSuspect['likelihood'] {
  const failing = [marks.line >= 0.4, marks.guards.length > 0]
  const shared = [marks.code >= 0.5, marks.setup.length > 0 && marks.text >= 0.3]
  const indirect = [marks.file >= 0.4, marks.text >= 0.5]
  const direct = marks.timed ? [...failing, ...shared] : failing
  const strong = [...failing, ...shared, ...indirect].filter(Boolean).length
  if (marks.harmless || strong === 0) return 'LOW'
  const inTime = !isOld(marks) && !marks.afterStart
  return strong >= 2 && direct.some(Boolean) && inTime ? 'HIGH' : 'MEDIUM'
}

/** What speaks for and against a commit, in words, with the lines that show it. */
export function judge(
  judged: Judged,
  evidence: CommitEvidence,
): Pick<CommitSuspect, 'supporting' | 'opposing'> {
  return {
    supporting: [
      ...forLines(judged, evidence),
      ...forGuards(judged),
      ...forFiles(judged, evidence),
      ...forNames(judged, evidence),
      ...forSetup(judged),
      ...forTime(judged, evidence),
    ],
    opposing: against(judged, evidence),
  }
}

function forLines({ commit }: Judged, { frames }: CommitEvidence): Reason[] {
  const paths = [...new Set(frames.map((frame) => frame.path))]
  return paths.flatMap((path) => {
    const near = frames.filter((frame) => frame.path === path)
    const lines = new Map(near.map((frame) => [frame.line, frame.blame]))
    const own = near.flatMap((frame) => frame.blame).filter((line) => line.commit === commit.id)
    if (own.length === 0) return []
    const exact = own.filter((line) => lines.has(line.line))
    const shown = new Map((exact.length > 0 ? exact : own).map((line) => [line.line, line]))
    const citations = [...shown.values()].slice(0, 3).map((line): Citation => {
      return { path, line: line.line, quote: line.text.trim() }
    })
    const what =
      exact.length > 0
        ? 'last changed lines of stack frames'
        : 'last changed lines near a stack frame'
    return [{ text: what, about: [path], citations }]
  })
}

function forGuards({ commit, marks }: Judged): Reason[] {
  const [first] = marks.guards
  if (first === undefined) return []
  // What a commit removes stands in its parent, and no longer in the snapshot.
  const revision = `${commit.id.slice(0, 12)}^`
  return [
    {
      text: 'removes a check or default for something that the failing lines name',
      about: [],
      citations: marks.guards
        .slice(0, 3)
        .map(({ path, line, text }) => ({ revision, path, line, quote: text.trim() })),
    },
  ]
}

function forFiles({ commit }: Judged, { files }: CommitEvidence): Reason[] {
  const touched = new Set(commit.files.map((file) => file.path))
  return files.slice(0, 10).flatMap((file, index) => {
    if (!touched.has(file.path)) return []
    const because = file.reasons[0]?.text
    const rank = `suspect file ${index + 1}`
    const text = `touches ${because === undefined ? rank : `${rank} (${because})`}`
    return [{ text, about: [file.path], citations: [] }]
  })
}

function forNames({ changes }: Judged, { code, symptom }: CommitEvidence): Reason[] {
  const names = (terms: ReadonlyMap<string, number>, least: number): string[] => {
    const changed = new Set(changes.flatMap((change) => wordsOf(change.text).flatMap(termsOf)))
    return [...terms]
      .filter(([term, weight]) => weight >= least && changed.has(term))
      .map(([term]) => term)
  }
  const inCode = names(code, 0.5)
  const inSymptom = names(symptom, 1.5).filter((name) => !inCode.includes(name))
  return [
    ...nameReason('its changed lines hold names of the failing lines', inCode),
    ...nameReason('its changed lines hold names of the symptom', inSymptom),
  ]
}

function nameReason(text: string, names: readonly string[]): Reason[] {
  if (names.length === 0) return []
  return [{ text, about: names.slice(0, 6), citations: [] }]
}

function forSetup({ marks }: Judged): Reason[] {
  return (['dependencies', 'config'] as const).flatMap((kind) => {
    const paths = marks.setup.map((line) => line.path).filter((path) => kindOf(path) === kind)
    const about = [...new Set(paths)].slice(0, 3)
    const text = kind === 'config' ? 'changes configuration' : 'changes dependencies'
    return about.length === 0 ? [] : [{ text, about, citations: [] }]
  })
}

function forTime({ commit, marks }: Judged, { startUtc }: CommitEvidence): Reason[] {
  if (startUtc === undefined || marks.afterStart || isOld(marks)) return []
  return [
    {
      text: `committed ${lead(commit, startUtc)} before the start of the symptom`,
      about: [],
      citations: [],
    },
  ]
}

/** What was there long before the start needs another reason to fail only then. */
function isOld(marks: Marks): boolean {
  return marks.prior < LEAST_PRIOR
}

function lead(commit: Commit, startUtc: string): string {
  return duration(Math.round((Date.parse(startUtc) - Date.parse(commit.committedAt)) / 60_000))
}

function duration(minutes: number): string {
  if (minutes < 120) return `${minutes} min`
  return minutes < 2_880 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`
}

function against(judged: Judged, evidence: CommitEvidence): Reason[] {
  const { commit, marks, changes } = judged
  const { frames, files, startUtc } = evidence
  const touched = new Set(commit.files.map((file) => file.path))
  const inFrames = frames.some((frame) => touched.has(frame.path))
  const claims: [boolean, string][] = [
    [marks.afterStart, 'committed after the start of the symptom'],
    [
      startUtc !== undefined && !marks.afterStart && isOld(marks),
      `in place for ${lead(commit, startUtc ?? commit.committedAt)} before the symptom began`,
    ],
    [marks.harmless, 'changes only tests or documentation'],
    [frames.length > 0 && !inFrames, 'touches no file of the stack trace'],
    [
      inFrames && !ownsFrameLine(commit, frames),
      'no line that a stack frame points at was last changed by it',
    ],
    [
      changes.length === 0,
      'none of its changed lines shares a name with the symptom or the failing code',
    ],
    [
      !files.slice(0, 10).some((file) => touched.has(file.path)),
      'touches none of the ten most suspect files',
    ],
  ]
  return claims.filter(([holds]) => holds).map(([, text]) => ({ text, about: [], citations: [] }))
}

function ownsFrameLine(commit: Commit, frames: CommitEvidence['frames']): boolean {
  return frames.some((frame) =>
    frame.blame.some((line) => line.commit === commit.id && line.line === frame.line),
  )
}
