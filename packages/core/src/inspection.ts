/** Judging runs after the fact: whether one is still what was recorded, what two differ in, who did what. */
export { auditTrail } from './audit/audit-trail.ts'
export type { AuditTrail } from './audit/audit-entry.ts'
export { renderAuditMarkdown } from './audit/audit-markdown.ts'
export { verifyRun } from './verify/verify-run.ts'
export type { VerifyCheck } from './verify/verify-check.ts'
export { compareRuns } from './compare/compare-runs.ts'
export { isSame } from './compare/compared.ts'
export type { Compared, ComparedStep, RunComparison } from './compare/compared.ts'
