/** What five personas do in a run of `incident-response`, as a script for aimock.ts. */
import type { ScriptedAnswer, ScriptedStep, ScriptedTurn } from './aimock.ts'

/** The repository that the script works on. */
export interface IncidentPlace {
  /** The file at fault, relative to the project. */
  readonly file: string
  /** Literal text that grep finds in it. */
  readonly pattern: string
  /** The change of the craftsman: text that occurs once in the file, and what replaces it. */
  readonly edit: { readonly old: string; readonly new: string }
  /** Runs in the project's folder, before and after the change. */
  readonly testCommand: string
  readonly verdict?: 'confirmed' | 'likely' | 'inconclusive'
}

/** By artifact, as in the bundled pipeline and in the user's document. */
export type IncidentArtifact = 'triage' | 'investigation' | 'root-cause' | 'fix' | 'report'

/**
 * navigator: grep and history, then submit · auditor: read, history and a note, then submit · philosopher:
 * read, then submit · craftsman: read, bash, edit, bash, then submit · summarizer: submit. `replace` swaps
 * the turns of a step.
 */
export function incidentScript(
  place: IncidentPlace,
  replace: Partial<Record<IncidentArtifact, readonly ScriptedTurn[]>> = {},
): readonly ScriptedStep[] {
  const turns: Record<IncidentArtifact, readonly ScriptedTurn[]> = {
    triage: triageTurns(place),
    investigation: investigationTurns(place),
    'root-cause': rootCauseTurns(place),
    fix: fixTurns(place),
    report: [submit('report', reportOf(place))],
    ...replace,
  }
  return Object.entries(turns).map(([submits, steps]) => ({ submits, turns: steps }))
}

/** The call that hands over one artifact. */
export function submit(artifact: IncidentArtifact, content: string | object): ScriptedAnswer {
  return call('submit', { [artifact]: content })
}

function call(tool: string, input: Readonly<Record<string, unknown>>): ScriptedAnswer {
  return { calls: [{ tool, input }] }
}

function triageTurns({ file, pattern }: IncidentPlace): ScriptedTurn[] {
  return [
    {
      text: 'I look for the place and for what changed there.',
      calls: [
        { tool: 'grep', input: { pattern } },
        { tool: 'history', input: { kind: 'log', path: file } },
      ],
    },
    (results) =>
      submit('triage', {
        symptom: `Requests fail in ${file}.`,
        severity: 'P2',
        severity_reason: 'A main function is degraded.',
        started_at: 'unknown',
        blast_radius: { services: ['orders'], users: 'unknown', regions: 'unknown' },
        recent_changes: commitsIn(results).map((change) => ({
          change,
          when: 'see the history',
          why_relevant: `It touches ${file}.`,
        })),
        mitigation_options: [
          {
            action: 'Roll back the last change.',
            effect: 'Restores the earlier behaviour.',
            risk: 'Loses the change.',
            undo: 'Apply it again.',
          },
        ],
        open_questions: ['Which requests are affected?'],
      }),
  ]
}

/** Commit ids that the tools showed, first come first. */
function commitsIn(results: readonly string[]): string[] {
  return [...new Set(results.join('\n').match(/\b[0-9a-f]{7,40}\b/g))].slice(0, 3)
}

function investigationTurns({ file, pattern }: IncidentPlace): ScriptedTurn[] {
  return [
    {
      calls: [
        { tool: 'read', input: { path: file } },
        { tool: 'history', input: { kind: 'log', path: file, max: 5 } },
      ],
    },
    call('note', { text: `${file} holds "${pattern}".` }),
    submit(
      'investigation',
      document('Investigation', {
        Findings: `\`${file}\` holds \`${pattern}\`.`,
        'Potential Causes': `HIGH: the code at \`${pattern}\`. MEDIUM: configuration. LOW: load.`,
        'Recent Changes': `See the history of \`${file}\`.`,
        'Data Gaps': 'No logs and no metrics were available.',
      }),
    ),
  ]
}

function rootCauseTurns({ file, pattern, verdict = 'likely' }: IncidentPlace): ScriptedTurn[] {
  const sections = document('Root cause', {
    '5 Whys': `1. Requests fail because of \`${pattern}\` in \`${file}\`.`,
    'Immediate Cause': `\`${pattern}\` in \`${file}\`.`,
    'Contributing Factors': 'No test covered the case.',
    'Root Cause': 'The case was not part of the tests.',
    'Systemic Issues': 'Other handlers have no such test either.',
    'Ruled Out': 'Configuration: nothing changed there.',
    Unexplained: 'The exact time of the first failure.',
  })
  return [call('read', { path: file }), submit('root-cause', withVerdict(sections, verdict))]
}

function fixTurns({ file, edit, testCommand }: IncidentPlace): ScriptedTurn[] {
  const runTests = call('bash', { command: testCommand, why: 'To see whether the tests pass.' })
  return [
    call('read', { path: file }),
    runTests,
    call('edit', { path: file, ...edit }),
    runTests,
    submit(
      'fix',
      document('Remediation', {
        'Immediate Fix': `\`${file}\`: the faulty line was replaced.`,
        'Short-term Fix': 'The same change.',
        'Long-term Improvements': 'A test for the case.',
        'Rollback Procedure': 'Revert the patch.',
        'Verification Steps': `Run \`${testCommand}\`.`,
        'Risk Assessment': 'Low: one line.',
      }),
    ),
  ]
}

function reportOf({ file, verdict = 'likely' }: IncidentPlace): string {
  const sections = document('Incident report', {
    'Executive Summary': `Requests failed. The ${verdict} cause is in \`${file}\`. A fix is prepared.`,
    Timeline:
      '| time (UTC) | event | source |\n|---|---|---|\n| unknown | requests fail | report |',
    'Impact Assessment': 'Unknown.',
    'Root Cause Analysis': `The verdict is ${verdict}.`,
    'Resolution and Recovery': 'A patch is ready to be applied.',
    'Action Items':
      '| item | kind | owner | due |\n|---|---|---|---|\n| test | prevent | unassigned | unassigned |',
    'Lessons Learned': 'The history made the change easy to find.',
    Appendix: `\`${file}\``,
  })
  return withVerdict(sections, verdict)
}

function withVerdict(text: string, verdict: string): string {
  const [title, ...rest] = text.split('\n')
  return [title, '', `Verdict: ${verdict}`, ...rest].join('\n')
}

function document(title: string, sections: Readonly<Record<string, string>>): string {
  const parts = Object.entries(sections).map(([heading, text]) => `## ${heading}\n\n${text}\n`)
  return `# ${title}\n\n${parts.join('\n')}`
}
