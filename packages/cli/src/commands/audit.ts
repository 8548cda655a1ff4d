import { auditTrail, renderAuditMarkdown } from '@wave/core/inspection'
import { readRunEvents } from '@wave/core/runs'
import type { Invocation } from '../invocation.ts'
import { openRun } from '../runs/open-runs.ts'
import { escapeJson, sanitiseText } from '../sanitise.ts'

/** Who or what did what in a run, when, with what, and what came of it: made from its journal only. */
export async function audit(
  invocation: Invocation,
  _: object,
  [prefix = '']: readonly string[],
): Promise<number> {
  const { output, directory } = await openRun(invocation, prefix)
  const trail = auditTrail(readRunEvents(directory))
  const { out } = invocation.host
  if (output === 'json') out.write(`${escapeJson(JSON.stringify({ v: 1, ...trail }))}\n`)
  else out.write(sanitiseText(renderAuditMarkdown(trail)))
  return 0
}
