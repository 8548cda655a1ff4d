import type { CommitSuspect, Findings } from '../findings.ts'
import type { Signals } from '../signals/signals.ts'
import { block, changeBlock, cite, code, list, reasonItem, short, utc } from './markdown.ts'

/** The line that every document of evidence mode carries. */
export const METHOD =
  'Method: no language model was used. wave read the symptom, the source tree and the git history, and ranked what it found by fixed rules.'

/** What the symptom says that can be checked, each with its line in the symptom. */
export function signalItems({ signals, start }: Findings): string[] {
  return [
    ...(start === undefined
      ? []
      : [
          `Start: ${utc(start.utc)}, ${start.basis} ${at(start.line)}${assumed(start.assumptions)}`,
        ]),
    ...signals.statuses.map((one) => `HTTP status: ${one.status} ${at(one.line)}`),
    ...signals.endpoints.map(
      (one) => `Endpoint: ${code(`${one.method ?? ''} ${one.path}`)} ${at(one.line)}`,
    ),
    ...signals.errors.slice(0, 5).map((one) => `Error: ${code(errorText(one))} ${at(one.line)}`),
    ...namesOf(signals).map((one) => `Name: ${code(one.name)} ${at(one.line)}`),
    ...mentionsOf(signals).map((one) => `File: ${code(one.path)} ${at(one.line)}`),
  ]
}

function at(line: number): string {
  return `(symptom line ${line})`
}

function assumed(assumptions: readonly string[]): string {
  return assumptions.length === 0 ? '' : `; assumed: ${assumptions.join(', ')}`
}

function namesOf(signals: Signals): Signals['names'] {
  return signals.names.slice(0, 10)
}

/** A file once, however many lines of it the symptom names. */
function mentionsOf({ mentions }: Signals): Signals['mentions'] {
  const byPath = new Map(mentions.toReversed().map((one) => [one.path, one]))
  return [...byPath.values()].toSorted((a, b) => a.offset - b.offset).slice(0, 10)
}

/** `TypeError: Cannot read …`. Untrusted. */
export function errorText({ name, message }: { name: string; message: string }): string {
  return message === '' ? name : `${name}: ${message}`
}

const SYMPTOM_LINES = 30
/** Blank ends of the text are no loss. */
const SYMPTOM_SLACK = 20

const MATCH_NOTES = {
  same: 'the trace prints the same line',
  unchecked: '',
  moved: 'found on another line than the trace says',
  differs: 'the trace prints other code for this line',
  'no-such-line': 'the file here has no such line',
} as const

/** Stack frames that lie in the repository, nearest to the throw first. */
export function frameItems({ frames, foreignFrames }: Findings): string[] {
  const own = frames.slice(0, 12).map((frame) => {
    // A line that the file does not have is no citation.
    const place =
      frame.citation === undefined
        ? `${code(frame.path)}, line ${frame.line} by the trace`
        : cite(frame.citation)
    const note = MATCH_NOTES[frame.match]
    const symbol = frame.frame.symbol === undefined ? '' : ` in ${code(frame.frame.symbol)}`
    return `${place}${symbol}${note === '' ? '' : ` (${note})`}`
  })
  if (foreignFrames === 0) return own
  return [...own, `${foreignFrames} more frame(s) lie outside this repository.`]
}

/** Where the endpoints and names of the symptom stand in the source. */
export function matchItems({ endpoints, names }: Findings): string[] {
  const found = [
    ...endpoints.map(({ literal, citations }) => ({ literal, citations })),
    ...names.slice(0, 6).map(({ name, citations }) => ({ literal: name, citations })),
  ]
  return found.map(({ literal, citations }) => {
    const places = citations.slice(0, 3).map((citation) => `  - ${cite(citation)}`)
    return [`${code(literal)}:`, ...places].join('\n')
  })
}

/** What a ranked commit may be called: of those with next to nothing behind them none is a suspect. */
export function suspectWord({ likelihood }: Pick<CommitSuspect, 'likelihood'>): string {
  return likelihood === 'LOW' ? 'weak candidate' : 'suspect'
}

/** `First suspect: commit …`, as far as the ranking carries. */
export function firstSuspect({ commit, likelihood }: CommitSuspect): string {
  const word =
    likelihood === 'LOW' ? 'No suspect; the best of the weak candidates' : 'First suspect'
  return `${word}: commit ${short(commit.id)} ${code(commit.subject)}, likelihood ${likelihood}`
}

/** The sentence for an empty list of suspects. */
export function noSuspect({ history }: Findings): string {
  return history.ranked === 0
    ? 'There is no commit to rank.'
    : 'No commit of the examined history is tied to the symptom by anything that was found.'
}

/** One suspect with everything that speaks for and against it. */
export function suspectSection(suspect: CommitSuspect, rank: number): string {
  const { commit, likelihood, supporting, opposing, changes } = suspect
  return [
    `### Candidate ${rank}: commit ${short(commit.id)}`,
    `- Change: ${code(commit.subject)}\n- Committed: ${utc(commit.committedAt)}\n- Likelihood: ${likelihood} (how many signals agree; no probability, and no proof)`,
    `**Evidence for**\n\n${supporting.map(reasonItem).join('\n') || '- None beyond its age.'}`,
    `**Evidence against**\n\n${[...opposing.map(reasonItem), ...revertItem(suspect)].join('\n') || '- None found.'}`,
    changes.length === 0
      ? ''
      : `Changed lines that share names with the symptom:\n\n${changeBlock(changes)}`,
    `**Tests to confirm**\n\n${testsFor(suspect)}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function revertItem({ revert }: CommitSuspect): string[] {
  return revert === undefined || revert.applies
    ? []
    : [`- later changes build on it: its revert does not apply (${code(revert.problem)})`]
}

function testsFor({ commit, revert }: CommitSuspect): string {
  const id = short(commit.id)
  const compare = `- Run the reproduction at \`${id}\` and at \`${id}^\`: it must fail at the first and pass at the second.`
  if (revert?.applies !== true) return compare
  return `${compare}\n- Or revert \`${id}\` on the current state, where it applies cleanly, and run the reproduction before and after.`
}

/** Values of an alert that say what it is about, the best first. */
const TELLING_KEYS = ['summary', 'title', 'message', 'msg', 'description', 'error', 'alertname']
const TRACE_HEADER = /^(?:Traceback \(|goroutine \d|Stack trace)/i

/** The line of the symptom that says most about what happens. Untrusted. */
export function headline({ symptom, unpacked, signals }: Findings): string {
  const lines = symptom.split('\n').filter((line) => line.trim() !== '')
  const told = TELLING_KEYS.flatMap(
    (key) => lines.find((line) => unpacked && line.startsWith(`${key}: `)) ?? [],
  )[0]
  if (told !== undefined) return told.slice(told.indexOf(': ') + 2).trim()
  const first = lines[0]?.trim() ?? ''
  const error = signals.errors[0]
  return TRACE_HEADER.test(first) && error !== undefined ? errorText(error) : first
}

/** The beginning of the symptom as it was given, each line behind its number. */
export function symptomBlock({ symptom, symptomChars, unpacked }: Findings): string {
  const lines = symptom.split('\n')
  const shown = lines.slice(0, SYMPTOM_LINES).map((text, index) => ({ mark: index + 1, text }))
  const cut = lines.length > SYMPTOM_LINES || symptomChars - symptom.length > SYMPTOM_SLACK
  const note = unpacked ? 'Given as JSON; here with a line per value.\n\n' : ''
  return `${note}${block(shown)}${cut ? `\n\nShortened; the symptom has ${symptomChars} characters.` : ''}`
}

/** Commits as list items, without anybody's name. */
export function commitItems(commits: Findings['recent'], none: string): string {
  return list(
    commits.map(
      (commit) => `${short(commit.id)} at ${utc(commit.committedAt)}: ${code(commit.subject)}`,
    ),
    none,
  )
}
