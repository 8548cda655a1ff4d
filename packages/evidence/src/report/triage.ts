import type { Findings } from '../findings.ts'
import { errorText, headline, suspectWord } from './facts.ts'
import { plain, short } from './markdown.ts'
import { kindOf } from '../suspects/path-kind.ts'
import { severityOf } from './severity.ts'

/** `triage.json`: the first facts. What nobody knows says "unknown". */
export function renderTriage(findings: Findings): Uint8Array {
  const { signals, start, files, gaps } = findings
  const severity = severityOf(findings)
  const triage = {
    symptom: plain(headline(findings).slice(0, 500)) || '(empty)',
    severity: severity.level,
    severity_reason: plain(severity.basis),
    started_at: start?.utc ?? 'unknown',
    started_at_basis: startBasis(findings),
    blast_radius: {
      users: 'unknown',
      services: [],
      regions: regionsNamed(findings),
      endpoints: signals.endpoints.map((endpoint) => plain(endpoint.path)),
      http_statuses: signals.statuses.map(({ status }) => status),
      errors: signals.errors.slice(0, 5).map((error) => plain(errorText(error))),
      suspect_files: files.slice(0, 10).map((file) => plain(file.path)),
    },
    recent_changes: recentChanges(findings),
    mitigation_options: mitigations(findings),
    open_questions: [...questions(findings), ...gaps],
    method: 'No language model was used. Ranks suggest where to look; they prove nothing.',
  }
  return new TextEncoder().encode(`${JSON.stringify(triage, null, 2)}\n`)
}

function startBasis({ start }: Findings): string {
  if (start === undefined) return 'the symptom names no time'
  return [`${start.basis}, line ${start.line}: ${plain(start.quote)}`, ...start.assumptions].join(
    '; ',
  )
}

/** What the symptom names is no measurement of what is affected. */
function regionsNamed({ signals }: Findings): string {
  const names = signals.regions.map(({ name }) => name)
  return names.length === 0
    ? 'unknown'
    : `${names.join(', ')} (named in the symptom; others unknown)`
}

function recentChanges(findings: Findings): object[] {
  const { recent, setupChanges } = findings
  const setup = new Map(setupChanges.map((change) => [change.commit.id, change.kind]))
  return recent.map((commit) => ({
    change: `${short(commit.id)} ${plain(commit.subject)}`,
    when: commit.committedAt,
    why_relevant: relevance(commit, findings),
    kind: setup.get(commit.id) ?? kindOfChange(commit),
    files: commit.files.slice(0, 10).map((file) => plain(file.path)),
  }))
}

function relevance({ id }: Findings['recent'][number], { commits, start }: Findings): string {
  const index = commits.findIndex(({ commit }) => commit.id === id)
  const suspect = commits[index]
  if (suspect === undefined) {
    return start === undefined
      ? 'among the newest changes; when the symptom began is unknown, and nothing else connects it to the symptom'
      : 'near the start in time; nothing else connects it to the symptom'
  }
  const { likelihood } = suspect
  const name = `${suspectWord(suspect)} ${index + 1}, likelihood ${likelihood}`
  return likelihood === 'LOW'
    ? `${name}: no suspect; the investigation says how little speaks for it`
    : `${name}; the investigation gives the reasons`
}

function kindOfChange(commit: Findings['recent'][number]): string {
  const kinds = new Set(commit.files.map((file) => kindOf(file.path)))
  if (kinds.size === 1 && kinds.has('docs')) return 'documentation'
  return kinds.size === 1 && kinds.has('test') ? 'tests' : 'code'
}

function mitigations({ commits }: Findings): object[] {
  const reverts = commits.flatMap((suspect, index) => {
    const { commit, revert, likelihood } = suspect
    if (revert?.applies !== true) return []
    return [
      {
        action: `Revert commit ${short(commit.id)} (${plain(commit.subject)})`,
        effect: `removes ${suspectWord(suspect)} ${index + 1}, likelihood ${likelihood}; the revert applies cleanly to the current state`,
        risk: 'it may not be the cause, and what came with the commit is lost too',
        undo: 'Revert the revert.',
        status: 'proposed, unproven',
      },
    ]
  })
  const rollback = {
    action: 'Roll back to the release before the symptom began, if there was one',
    effect: 'restores what ran before; deployments were not available to wave',
    risk: 'later fixes and migrations may depend on the current release',
    undo: 'Deploy the current release again.',
    status: 'proposed, unproven',
  }
  return [...reverts, rollback]
}

function questions({ start, signals }: Findings): string[] {
  return [
    'How many users, requests and regions are affected?',
    'What was deployed or configured outside this repository before the start?',
    ...signals.outages.map(
      ({ provider, line }) =>
        `Is ${plain(provider)} in trouble, as the symptom says (line ${line})? Nothing in this repository can tell.`,
    ),
    ...(start === undefined ? ['When did it start?'] : []),
    ...(signals.frames.length === 0
      ? ['Is there a stack trace or a log line of one failing request?']
      : []),
  ]
}
