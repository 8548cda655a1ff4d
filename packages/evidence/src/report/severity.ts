import type { Findings } from '../findings.ts'

export interface Severity {
  readonly level: 'P1' | 'P2' | 'P3' | 'P4'
  /** Which words or signals it was derived from. */
  readonly basis: string
}

const TOTAL =
  /\b(?:outage|complete(?:ly)? down|(?:is|are|went) down|all (?:users|customers|requests|orders|regions)|everyone|data loss|lost data|corrupt(?:ed|ion)|breach|leaked)\b/i
const CRASH =
  /\b(?:crash(?:ed|es|ing|loop\w*)?|out of memory|oom(?:killed)?|segfault|panic|unavailable|cannot log ?in|payments?)\b/i
const SLOW =
  /\b(?:slow|latency|timeouts?|timed out|degraded|p9[59]|intermittent(?:ly)?|some (?:users|customers|requests))\b/i

/** What the text itself justifies. Nothing here was measured, and the basis says so. */
export function severityOf({ symptom, signals }: Findings): Severity {
  const total = TOTAL.exec(symptom)?.[0]
  if (total !== undefined) return { level: 'P1', basis: `the symptom says "${total}"` }
  const server = signals.statuses.find(({ status }) => status.startsWith('5'))
  if (server !== undefined) {
    return {
      level: 'P2',
      basis: `the symptom names HTTP ${server.status}; how many requests is unknown`,
    }
  }
  const crash = CRASH.exec(symptom)?.[0]
  if (crash !== undefined) return { level: 'P2', basis: `the symptom says "${crash}"` }
  const slow = SLOW.exec(symptom)?.[0]
  if (slow !== undefined) return { level: 'P3', basis: `the symptom says "${slow}"` }
  const errors = signals.errors.length + signals.frames.length + signals.statuses.length
  if (errors > 0) return { level: 'P3', basis: 'the symptom shows an error; its reach is unknown' }
  return {
    level: 'P4',
    basis: 'nothing in the symptom states an impact: a placeholder until somebody knows more',
  }
}
