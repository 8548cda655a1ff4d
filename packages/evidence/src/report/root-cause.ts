import type { Findings, MappedFrame } from '../findings.ts'
import type { ErrorSignal, Signals } from '../signals/signals.ts'
import { errorText, firstSuspect, headline, frameItems, METHOD } from './facts.ts'
import { changeBlock, cite, code, document, list, reasonItem, short, utc } from './markdown.ts'

/** `root-cause.md`: the five questions, as far as facts carry. It names no cause: nothing is proven here. */
export function renderRootCause(findings: Findings): Uint8Array {
  return document([
    '# Root Cause Analysis',
    'Verdict: inconclusive',
    'No cause is proven at this point: only a reproduction that fails with a commit and passes without it is proof. The suspects below are ranked, not convicted.',
    METHOD,
    '## 5 Whys',
    whys(findings),
    '## Immediate Cause',
    immediateCause(findings),
    '## Contributing Factors',
    contributing(findings),
    '## Root Cause',
    rootCause(findings),
    '## Systemic Issues',
    'Not established. One incident shows no pattern; the open questions below are where one would start.',
    '## Data Gaps',
    list(findings.gaps, 'None.'),
  ])
}

/** The five questions and what the facts answer. */
export function whys(findings: Findings): string {
  const answers = [answerWhat(findings), answerHow(findings), answerChange(findings)]
  const questions = [
    `Why is ${code(headline(findings), 120)} happening?`,
    'Why did that happen?',
    'Why did that happen?',
    'Why did that happen?',
    'Why did that happen?',
  ]
  return questions
    .map(
      (question, index) =>
        `${index + 1}. **${question}**\n   ${answers[index] ?? 'Unknown: the facts do not reach this far.'}`,
    )
    .join('\n')
}

function answerWhat({ frames, signals }: Findings): string {
  const thrown = frames.find((frame) => frame.rank === 0 && frame.citation !== undefined)
  const error = errorOf(signals, thrown)
  if (thrown?.citation !== undefined) {
    const what =
      error === undefined
        ? 'The trace ends'
        : `By the trace, the program throws ${code(errorText(error))}`
    const where = thrown.frame.depth === 0 ? 'at' : 'in other code, reached from'
    return `${what} ${where} ${cite(thrown.citation)}.`
  }
  if (error !== undefined)
    return `The program reports ${code(errorText(error))}; from which line is unknown.`
  return 'Not established: the symptom names no exception and holds no stack trace.'
}

/** The error of a stated cause stands above its frames; otherwise the first one leads. */
function errorOf({ errors }: Signals, thrown: MappedFrame | undefined): ErrorSignal | undefined {
  if (thrown?.frame.causedBy !== true) return errors[0]
  return errors.findLast((error) => error.offset < thrown.frame.offset)
}

function answerHow({ frames }: Findings): string {
  const thrown = frames.find((frame) => frame.rank === 0)
  const callers = frames.filter(
    (frame) => frame.rank > 0 && frame.frame.trace === thrown?.frame.trace,
  )
  const places = callers.flatMap(({ citation }) => (citation === undefined ? [] : [cite(citation)]))
  const shown = [...new Set(places)].slice(0, 4)
  if (shown.length === 0) return 'Unknown: no caller of the failing line is known.'
  return `The line was reached through ${shown.join(', then ')}. Which of these, or what they call, supplied what the line does not accept is not established.`
}

function answerChange({ commits }: Findings): string {
  const first = commits[0]
  if (first === undefined) return 'Unknown: no commit is tied to the symptom.'
  const { commit } = first
  return `Not established. The most suspicious change is ${short(commit.id)} ${code(commit.subject)} (${utc(commit.committedAt)}); whether it is the reason is open.`
}

function immediateCause(findings: Findings): string {
  const frames = frameItems(findings)
  if (frames.length === 0) return answerWhat(findings)
  return `${answerWhat(findings)}\n\nThe stack, nearest to the throw first:\n\n${list(frames, '')}`
}

function contributing({ setupChanges, start }: Findings): string {
  const before = setupChanges.filter(
    ({ commit }) => start === undefined || commit.committedAt <= start.utc,
  )
  const items = before
    .slice(0, 4)
    .map(
      ({ commit, kind }) =>
        `${short(commit.id)} changed ${kind === 'config' ? 'configuration' : 'dependencies'} (${utc(commit.committedAt)}): ${code(commit.subject)}. Whether it contributed is not established.`,
    )
  return list(items, 'Not established.')
}

function rootCause({ commits }: Findings): string {
  const first = commits[0]
  if (first === undefined) return 'Unknown.'
  const { supporting, changes } = first
  return [
    `Not established. ${firstSuspect(first)}.`,
    supporting.map(reasonItem).join('\n'),
    changes.length === 0 ? '' : changeBlock(changes),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}
