import type { ToolCall } from './messages.ts'
import type { CallReport, Toolbox } from './toolbox.ts'

/** Runs one call; the loop decides which tools are on offer. */
export type RunCall = (call: ToolCall) => Promise<CallReport>

const MAX_PARALLEL = 8

/**
 * Answers every call of a turn exactly once, in order. Neighbouring read-only calls run side by side;
 * a write waits for those before it and holds up those behind it.
 */
export async function runCalls(
  calls: readonly ToolCall[],
  toolbox: Toolbox,
  run: RunCall,
): Promise<readonly CallReport[]> {
  const repeated = repeatedIds(calls)
  const answer = (call: ToolCall): Promise<CallReport> =>
    repeated.has(call.id) ? Promise.resolve(toolbox.reject(call, 'malformed', SAME_ID)) : run(call)
  const reports: CallReport[] = []
  for (const batch of batchesOf(calls, toolbox)) {
    reports.push(...(await Promise.all(batch.map(answer))))
  }
  return reports
}

const SAME_ID = 'Two calls of this reply have the same id; none of them was run.'

function repeatedIds(calls: readonly ToolCall[]): ReadonlySet<string> {
  const ids = calls.map(({ id }) => id)
  return new Set(ids.filter((id, index) => ids.indexOf(id) !== index))
}

function batchesOf(calls: readonly ToolCall[], toolbox: Toolbox): ToolCall[][] {
  const batches: ToolCall[][] = []
  let open: ToolCall[] | undefined
  for (const call of calls) {
    if (!toolbox.isReadOnly(call.name)) {
      batches.push([call])
      open = undefined
    } else if (open === undefined || open.length === MAX_PARALLEL) {
      open = [call]
      batches.push(open)
    } else {
      open.push(call)
    }
  }
  return batches
}
