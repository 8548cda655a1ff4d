import type { CommitSuspect, Findings } from '../findings.ts'
import type { Remedy } from '../remedy.ts'
import { METHOD } from './facts.ts'
import { block, code, document, list, short, utc } from './markdown.ts'
import { proofSection, proofSentence } from './proof-text.ts'

const SHOWN_PATCH_LINES = 160

/** `remediation.md`: what could be done, in which order, and how to undo it. */
export function renderRemediation(findings: Findings, remedy: Remedy): Uint8Array {
  const { suspect, verdict } = remedy
  return document([
    '# Remediation',
    `Verdict: ${verdict}`,
    suspect === undefined ? '' : `Proposed change: revert of commit ${suspect.commit.id}`,
    proofSentence(remedy),
    METHOD,
    '## Immediate Fix',
    immediateFix(suspect, verdict === 'confirmed'),
    '## Short-term Fix',
    shortTermFix(suspect),
    '## Long-term Improvements',
    list(improvements(findings), 'None derived from the facts.'),
    '## Rollback Procedure',
    rollback(suspect),
    '## Verification Steps',
    verification(findings),
    '## Proof',
    proofSection(remedy),
    '## Risk Assessment',
    risk(findings, suspect),
  ])
}

function immediateFix(suspect: CommitSuspect | undefined, proven: boolean): string {
  if (suspect === undefined) {
    return 'No code change is proposed. Rolling back to the release before the symptom began is the option that needs no known cause; whether there was a release is unknown here.'
  }
  const { commit } = suspect
  const state = proven ? 'proven by the reproduction' : 'proposed, unproven'
  return [
    `Revert commit ${short(commit.id)} ${code(commit.subject)} of ${utc(commit.committedAt)} (${state}). It applies cleanly to the current state. Nothing was applied to your working tree.`,
    patchBlock(suspect),
  ].join('\n\n')
}

function patchBlock({ revert }: CommitSuspect): string {
  if (revert?.applies !== true) return ''
  const { files, text } = revert.patch
  const lines = new TextDecoder().decode(text.subarray(0, 65_536)).trimEnd().split('\n')
  const summary = files.map(({ path, status, added, deleted, verdict }) => {
    const note = verdict === 'plain' ? '' : `; ${verdict}`
    return `${code(path)}: ${status}, +${added} -${deleted}${note}`
  })
  const shown = block(
    lines.slice(0, SHOWN_PATCH_LINES).map((line, index) => ({ mark: index + 1, text: line })),
  )
  const cut = lines.length > SHOWN_PATCH_LINES ? '\n\nShortened; the stored patch is complete.' : ''
  return `${list(summary, '')}\n\nThe patch, as text to read (\`wave apply\` uses the stored one):\n\n${shown}${cut}`
}

function shortTermFix(suspect: CommitSuspect | undefined): string {
  if (suspect === undefined) {
    return 'Unknown until the cause is established. Start with the first candidates of the investigation.'
  }
  return `Bring back what commit ${short(suspect.commit.id)} was for, together with a test that fails on the symptom. What exactly its change lacks is for a person to decide.`
}

function improvements({ signals, frames, start }: Findings): string[] {
  return [
    'Keep a test that reproduces this symptom.',
    ...(frames.length > 0
      ? ['Check which data reach the failing lines, and test with such data.']
      : []),
    ...(start === undefined
      ? ['Record when an alert first fired: the start of this symptom is unknown.']
      : []),
    ...(signals.frames.length === 0
      ? ['Log the stack trace of a failing request: none was available.']
      : []),
    'Record deployments where an investigation can read them: none were available.',
  ]
}

function rollback(suspect: CommitSuspect | undefined): string {
  if (suspect === undefined) return 'Nothing is proposed, so nothing has to be undone.'
  return [
    '1. Before the change is committed: `git apply --reverse` the same patch, or discard the changed files.',
    '2. After it is committed: `git revert` the commit that holds it.',
    '3. After it is deployed: deploy the release before it again.',
  ].join('\n')
}

function verification({ signals }: Findings): string {
  const endpoint = signals.endpoints[0]
  const request =
    endpoint === undefined
      ? 'Repeat what showed the symptom; it must not appear.'
      : `Request ${code(`${endpoint.method ?? 'GET'} ${endpoint.path}`)} as in the symptom; it must not answer with an error.`
  return [
    '1. Run the reproduction before the change: it must fail.',
    '2. Apply the change and run it again: it must pass, with no fewer tests.',
    `3. ${request}`,
    '4. Run the whole test suite.',
    '5. After the deployment, watch the error rate for at least as long as it took to be noticed.',
  ].join('\n')
}

function risk({ commits, source }: Findings, suspect: CommitSuspect | undefined): string {
  if (suspect === undefined)
    return 'No change is proposed, so it carries no risk; the symptom goes on.'
  const touched = suspect.commit.files.length
  const tests = suspect.commit.files.filter((file) => /test|spec/i.test(file.path)).length
  const items = [
    `The revert touches ${touched} file(s), ${tests} of them tests. It also takes back what the commit was meant to do.`,
    'Later changes may rely on it although the text applies cleanly.',
    commits.length > 1
      ? 'Other candidates remain: see the investigation.'
      : 'There is no other candidate.',
    source.dirty
      ? 'The working copy has uncommitted changes; the patch was made on top of them.'
      : 'The working copy was clean.',
  ]
  return list(items, '')
}
