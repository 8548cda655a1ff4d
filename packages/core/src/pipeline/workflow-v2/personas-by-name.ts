/** The persona that the words of a step's name speak of: `technical_analysis` is the auditor's. */
export function personaFor(name: string): string {
  const words = new Set(name.split(/[_-]/u))
  const found = PERSONAS.find(([, hints]) => hints.some((hint) => words.has(hint)))
  return found?.[0] ?? 'generalist'
}

/** The first match counts. */
const PERSONAS: readonly (readonly [string, readonly string[]])[] = [
  ['navigator', ['triage']],
  ['craftsman', ['remediation', 'remediate', 'fix']],
  ['philosopher', ['cause']],
  ['summarizer', ['document', 'documentation', 'report', 'summary', 'postmortem']],
  ['auditor', ['analysis', 'analyze', 'investigate', 'audit', 'review', 'assessment']],
]
