import { auditTrail, closeFence, renderAuditSection } from '@wave/core/inspection'
import { readRunEvents } from '@wave/core/runs'

/** A report with the audit trail of its run as the last section. */
export function attachAudit(report: Uint8Array, directory: string): Uint8Array {
  const section = renderAuditSection(auditTrail(readRunEvents(directory)))
  return Buffer.from(`${closeFence(Buffer.from(report).toString('utf8'))}\n${section}`)
}
