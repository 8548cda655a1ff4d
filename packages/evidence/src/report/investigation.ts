import type { Findings } from '../findings.ts'
import {
  commitItems,
  frameItems,
  matchItems,
  noSuspect,
  METHOD,
  signalItems,
  suspectSection,
  symptomBlock,
} from './facts.ts'
import { changeBlock, code, document, list, reasonItem, short, utc } from './markdown.ts'

const SHOWN_CANDIDATES = 5

/** `investigation.md`: signals, suspects with what speaks for and against them, and what is missing. */
export function renderInvestigation(findings: Findings): Uint8Array {
  const { history, recent, similar } = findings
  return document([
    '# Investigation',
    METHOD,
    '## Findings',
    'What the symptom says, and where the source holds it.',
    '### The symptom',
    symptomBlock(findings),
    list(signalItems(findings), 'The text holds nothing that can be checked.'),
    '### Error logs and stack traces',
    list(frameItems(findings), 'No stack frame names a file of this repository.'),
    '### Places in the source',
    list(matchItems(findings), 'No endpoint or name of the symptom was found in the source.'),
    '### Suspect files',
    fileItems(findings),
    '## Potential Causes',
    `Ranked among ${history.ranked} commit(s); ${history.merges} merge and ${history.roots} root commit(s) were left out. A rank suggests where to look. None of these is established as the cause.`,
    candidates(findings),
    ...outside(findings),
    '## Recent Changes',
    commitItems(recent, 'No commit precedes the symptom.'),
    '## Configuration Changes',
    setupSection(findings, 'config'),
    '## Dependency Updates',
    setupSection(findings, 'dependencies'),
    '## Infrastructure Changes',
    'Unknown: infrastructure outside this repository was not available.',
    '## Similar Past Incidents',
    `Commits that call themselves a fix or a revert and touch the most suspect files:\n\n${commitItems(similar, 'None in the ranked history.')}`,
    '## Data Gaps',
    list(findings.gaps, 'None.'),
  ])
}

function fileItems({ files }: Findings): string {
  const shown = files.slice(0, 8).map((file, index) => {
    const reasons = file.reasons
      .slice(0, 4)
      .map((reason) => `   ${reasonItem(reason).replaceAll('\n', '\n   ')}`)
    return [`${index + 1}. ${code(file.path)} (${file.kind})`, ...reasons].join('\n')
  })
  return shown.join('\n') || 'No file has evidence against it.'
}

function candidates(findings: Findings): string {
  const shown = findings.commits
    .slice(0, SHOWN_CANDIDATES)
    .map((suspect, index) => suspectSection(suspect, index + 1))
  return shown.join('\n\n') || noSuspect(findings)
}

/** What the symptom blames that is not here: a hypothesis like the others, which nothing here can test. */
function outside({ signals }: Findings): string[] {
  return signals.outages.flatMap(({ provider, words, line }) => [
    `### Outside this repository: ${code(provider)}`,
    [
      `- The symptom says: ${code(words)} (symptom line ${line}). wave asked nobody whether that is so.`,
      '- An external cause is a hypothesis that can neither be confirmed nor ruled out from this repository.',
      "- To find out: the provider's own status page and the service's calls to it, at the time of the symptom.",
    ].join('\n'),
  ])
}

function setupSection({ setupChanges }: Findings, kind: 'config' | 'dependencies'): string {
  const shown = setupChanges
    .filter((change) => change.kind === kind)
    .map(({ commit, lines }) => {
      return `${short(commit.id)} at ${utc(commit.committedAt)}: ${code(commit.subject)}\n\n${changeBlock(lines)}`
    })
  return shown.join('\n\n') || 'None in the ranked history.'
}
