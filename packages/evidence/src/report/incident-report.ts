import type { Findings } from '../findings.ts'
import type { Remedy } from '../remedy.ts'
import {
  errorText,
  firstSuspect,
  noSuspect,
  headline,
  frameItems,
  matchItems,
  METHOD,
  signalItems,
  symptomBlock,
} from './facts.ts'
import { code, document, list, reasonItem, short, utc } from './markdown.ts'
import { proofSection, proofSentence } from './proof-text.ts'
import { whys } from './root-cause.ts'
import { severityOf } from './severity.ts'
import { renderTimeline } from './timeline.ts'

/** Where a report comes from. */
export interface Provenance {
  readonly run: string
  readonly startedAt: string
  readonly inputs: readonly {
    readonly as: string
    readonly origin: string
    readonly digest: string
  }[]
}

/** `incident-report.md`: the blameless report of what is known, what is proven, and what is not. */
export function renderIncidentReport(
  findings: Findings,
  remedy: Remedy,
  provenance: Provenance,
): Uint8Array {
  return document([
    `# Incident Report: ${title(findings)}`,
    `Verdict: ${remedy.verdict}`,
    header(findings, provenance),
    '## Executive Summary',
    summary(findings, remedy),
    '## Detection',
    detection(findings),
    '## Timeline',
    renderTimeline(findings, remedy),
    '## Impact Assessment',
    impact(findings),
    '## Root Cause Analysis',
    causeSection(findings, remedy),
    '### 5 Whys',
    whys(findings),
    '### Contributing Factors',
    'Not established.',
    '### Ruled Out',
    ruledOut(remedy),
    '## Data Gaps',
    list(findings.gaps, 'None.'),
    '## Resolution and Recovery',
    resolution(remedy),
    '## Action Items',
    actionItems(findings, remedy),
    '## Lessons Learned',
    lessons(findings, remedy),
    '## Appendix',
    appendix(findings, provenance),
  ])
}

function title(findings: Findings): string {
  const { signals } = findings
  const status = signals.statuses[0]?.status
  const endpoint = signals.endpoints[0]?.path
  if (endpoint !== undefined)
    return `${status === undefined ? 'errors' : `HTTP ${status}`} on ${code(endpoint)}`
  const error = signals.errors[0]
  return code(error === undefined ? headline(findings) : errorText(error), 80)
}

function header(findings: Findings, { run }: Provenance): string {
  const severity = severityOf(findings)
  const start = findings.start === undefined ? 'unknown' : startText(findings.start)
  return [
    `- **Severity**: ${severity.level} (${severity.basis})`,
    '- **Status**: open; wave changed nothing outside its own copy',
    `- **Started**: ${start}`,
    '- **Ended**: unknown',
    `- **Run**: ${run}`,
  ].join('\n')
}

/** The instant with what it rests on: the first line of a log is no more than that. */
function startText({ utc: at, basis, assumptions }: NonNullable<Findings['start']>): string {
  return `${utc(at)} (${[basis, ...assumptions].join('; ')})`
}

function summary(findings: Findings, remedy: Remedy): string {
  const began =
    findings.start === undefined
      ? 'When it began is unknown.'
      : `It began at ${startText(findings.start)}.`
  const first = findings.commits[0]
  const suspicion =
    remedy.verdict === 'confirmed' || first === undefined
      ? ''
      : ` Of ${findings.history.ranked} commits, ${short(first.commit.id)} ${code(first.commit.subject)} matches the symptom best, which suggests where to look and proves nothing.`
  const cause =
    remedy.verdict === 'confirmed'
      ? 'The change that causes it is confirmed.'
      : 'Its cause is not established.'
  return `${symptomSentence(findings)} ${began} ${cause}${suspicion} ${proofSentence(remedy)}`
}

function symptomSentence(findings: Findings): string {
  return `The symptom as reported: ${code(headline(findings), 160)}.`
}

function detection({ start }: Findings): string {
  const basis =
    start === undefined
      ? 'The symptom names no time.'
      : `The start was taken from the symptom, line ${start.line}: ${start.basis}.`
  return `Reported to wave as text; by whom or by which alert it was noticed is unknown. ${basis}`
}

function impact({ signals }: Findings): string {
  const endpoints = signals.endpoints.map(({ path }) => code(path)).join(', ')
  return [
    '- **Users affected**: unknown',
    '- **Failed requests**: unknown',
    '- **Revenue and service levels**: unknown',
    `- **Regions named in the symptom**: ${signals.regions.map(({ name }) => name).join(', ') || 'none'}`,
    `- **Endpoints named in the symptom**: ${endpoints || 'none'}`,
    `- **Statuses named in the symptom**: ${signals.statuses.map(({ status }) => status).join(', ') || 'none'}`,
  ].join('\n')
}

function causeSection(findings: Findings, { verdict, suspect }: Remedy): string {
  const shown = verdict === 'confirmed' ? suspect : findings.commits[0]
  if (shown === undefined) return `Class: inconclusive. ${noSuspect(findings)}`
  const { commit, supporting, opposing } = shown
  const claim =
    verdict === 'confirmed'
      ? `Class: confirmed. Commit ${short(commit.id)} ${code(commit.subject)} causes the symptom: the reproduction fails with it and passes without it.`
      : `Class: inconclusive. ${firstSuspect(shown)}; it is not established as the cause.`
  const against = opposing.map(reasonItem).join('\n') || '- None found.'
  return `${claim}\n\nEvidence for:\n\n${supporting.map(reasonItem).join('\n')}\n\nEvidence against:\n\n${against}`
}

function ruledOut({ proof }: Remedy): string {
  if (proof.kind !== 'not-proven') return 'Nothing was ruled out by a test.'
  return list(
    proof.tried.map(
      ({ suspect, because }) => `The revert of ${short(suspect.commit.id)} alone: ${because}`,
    ),
    'No suspect could be tested.',
  )
}

function resolution(remedy: Remedy): string {
  return `Not resolved as far as wave knows. ${proofSentence(remedy)}\n\n${proofSection(remedy)}${remedy.suspect === undefined ? '' : '\n\nTo undo a revert, revert it; details stand in the remediation.'}`
}

function actionItems({ start, signals }: Findings, { suspect, verdict }: Remedy): string {
  const mitigate =
    suspect === undefined
      ? 'Decide about rolling back to the release before the symptom began'
      : `Review and ${verdict === 'confirmed' ? 'apply' : 'test'} the revert of ${short(suspect.commit.id)}`
  const actions = [
    ['mitigate', mitigate],
    ['prevent', 'Keep a test that reproduces this symptom'],
    ...(start === undefined ? [['detect', 'Record when the alert first fired']] : []),
    ...(signals.frames.length === 0 ? [['detect', 'Log stack traces of failing requests']] : []),
    ['detect', 'Add the number of affected users and requests to this report'],
  ]
  const rows = actions.map(
    ([kind, action], index) =>
      `| ${index + 1} | ${kind} | ${action} | unassigned | unassigned | open |`,
  )
  return [
    '| ID | Kind | Action | Owner | Due Date | Status |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function lessons({ signals, frames }: Findings, { proof }: Remedy): string {
  const well = [
    ...(frames.length > 0
      ? ['The report held a stack trace that leads to lines of this repository.']
      : []),
    ...(signals.times.length > 0
      ? ['The report held a time, so that changes could be placed before or after it.']
      : []),
    ...(proof.kind === 'proven' ? ['A test reproduces the symptom.'] : []),
  ]
  const improve = [
    ...(proof.kind === 'not-reproduced'
      ? ['The test command passes although the symptom is there: the tests do not cover it.']
      : []),
    ...(frames.length === 0
      ? ['Without a stack trace of this repository the search stays broad.']
      : []),
    'Deployments and metrics were not at hand.',
  ]
  return `About the system and the material, not about people.\n\n### What Went Well\n\n${list(well, 'Unknown.')}\n\n### What Could Improve\n\n${list(improve, 'Unknown.')}`
}

function appendix(findings: Findings, { run, startedAt, inputs }: Provenance): string {
  const { source, history } = findings
  return [
    'The evidence in full. Quoted text stands as it was found.',
    '### The symptom',
    symptomBlock(findings),
    '### Signals',
    list(signalItems(findings), 'None.'),
    '### Stack frames in this repository',
    list(frameItems(findings), 'None.'),
    '### Places in the source',
    list(matchItems(findings), 'None.'),
    '### Provenance',
    list(
      [
        `Run ${run}, started ${utc(startedAt)}.`,
        `Source tree ${source.tree}; HEAD ${source.head ?? 'none'}; working copy ${source.dirty ? 'with uncommitted changes' : 'clean'}.`,
        `${source.scannedFiles} of ${source.files} files searched; ${history.ranked} commits ranked, ${history.merges} merge and ${history.roots} root commits left out.`,
        ...inputs.map(
          ({ as, origin, digest }) =>
            `Input ${code(as)} of step ${code(origin)}, sha256 ${digest}.`,
        ),
        'Cost: none.',
      ],
      '',
    ),
    METHOD,
  ].join('\n\n')
}
