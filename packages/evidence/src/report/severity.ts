import type { Findings } from '../findings.ts'

const LEVELS = ['P1', 'P2', 'P3', 'P4'] as const

export interface Severity {
  readonly level: (typeof LEVELS)[number]
  /** Which words or signals it was derived from. */
  readonly basis: string
}

const TOTAL =
  /\b(?:outage|complete(?:ly)? down|(?:is|are|went) down|all (?:users|customers|requests|orders|regions)|everyone|every (?:user|customer|request|order)|nobody|no ?one can|no (?:users?|customers?) can|data loss|lost data|corrupt(?:ed|ion)|breach|leaked)\b/i
/** The level that people or an alert gave it. */
const STATED = /\b(?:P|SEV[- ]?)([1-4])\b/
const CRITICAL = /\bseverity: ?critical\b/i
const CRASH =
  /\b(?:crash(?:ed|es|ing|loop\w*)?|out of memory|oom(?:killed)?|segfault|panic|unavailable|(?:cannot|can't|unable to) (?:log|sign) ?in|payments?)\b/i
const SLOW =
  /\b(?:slow|latency|timeouts?|timed out|degraded|p9[59]|intermittent(?:ly)?|some (?:users|customers|requests))\b/i

/** What the text itself justifies. Nothing here was measured, and the basis says so. */
export function severityOf(findings: Findings): Severity {
  const { symptom, signals } = findings
  const stated = STATED.exec(symptom)
  const level = LEVELS.find((one) => one === `P${stated?.[1] ?? ''}`)
  if (level !== undefined) return { level, basis: `the symptom says "${stated?.[0] ?? ''}"` }
  const total = said('P1', symptom, TOTAL)
  if (total !== undefined) return total
  const server = signals.statuses.find(({ status }) => status.startsWith('5'))
  if (server !== undefined) {
    return {
      level: 'P2',
      basis: `the symptom names HTTP ${server.status}; how many requests is unknown`,
    }
  }
  return (
    said('P2', symptom, CRITICAL) ??
    said('P2', symptom, CRASH) ??
    said('P3', symptom, SLOW) ??
    withoutWords(findings)
  )
}

function said(level: Severity['level'], symptom: string, words: RegExp): Severity | undefined {
  const found = words.exec(symptom)?.[0]
  return found === undefined ? undefined : { level, basis: `the symptom says "${found}"` }
}

function withoutWords({ signals }: Findings): Severity {
  const errors = signals.errors.length + signals.frames.length + signals.statuses.length
  if (errors > 0) return { level: 'P3', basis: 'the symptom shows an error; its reach is unknown' }
  return {
    level: 'P4',
    basis:
      'no word of the symptom that wave knows states an impact: a placeholder until somebody knows more',
  }
}
