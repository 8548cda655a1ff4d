import type { AuditEntry, AuditTrail } from './audit-entry.ts'
import { auditTable } from './audit-markdown.ts'

/**
 * The trail as the last section of a report, of bounded length: what a step asked of models and tools is one line,
 * and of very many lines the middle is left out and counted.
 */
export function renderAuditSection(trail: AuditTrail): string {
  const { run, records, chain } = trail
  const shown = within(folded(trail.entries))
  return [
    '## Audit trail',
    '',
    `Added by wave, not by a model: made from the ${records} records of the journal of this run and nothing else. ` +
      `Times are UTC. Calls of models and tools are one line for each step; all of them, with every digest: ` +
      `\`wave audit ${/^[\w-]+$/u.test(run) ? run : ''}\`.`,
    '',
    `Last record: \`${/^[0-9a-f]{64}$/u.test(chain) ? chain : ''}\``,
    '',
    ...auditTable(shown),
    '',
  ].join('\n')
}

const MAX_ROWS = 200

function within(entries: readonly AuditEntry[]): readonly AuditEntry[] {
  const left = entries.length - MAX_ROWS
  const middle = entries[MAX_ROWS / 2]
  if (left <= 0 || middle === undefined) return entries
  const note: AuditEntry = {
    ...middle,
    actor: { kind: 'wave', name: 'wave' },
    action: `${left} more entries are left out here`,
    inputs: [],
    outputs: [],
    result: '',
  }
  return [...entries.slice(0, MAX_ROWS / 2), note, ...entries.slice(-MAX_ROWS / 2)]
}

/** What happens within an attempt, many times over. */
const CALLS: ReadonlySet<AuditEntry['event']> = new Set([
  'model-request',
  'model-response',
  'model-failed',
  'tool-call',
  'tool-result',
])

/** The calls of a step, where the step says something else again. */
function folded(entries: readonly AuditEntry[]): readonly AuditEntry[] {
  const open = new Map<string, AuditEntry[]>()
  const lines: AuditEntry[] = []
  const close = (step: string): void => {
    const calls = open.get(step)
    if (calls !== undefined) lines.push(...sumUp(calls))
    open.delete(step)
  }
  for (const entry of entries) {
    const { step = '' } = entry
    // The end of a step names what it handed over.
    if (entry.event === 'artifact-stored') continue
    if (CALLS.has(entry.event)) {
      open.set(step, [...(open.get(step) ?? []), entry])
      continue
    }
    for (const each of step === '' ? [...open.keys()] : [step]) close(each)
    lines.push(entry)
  }
  for (const step of open.keys()) close(step)
  return lines
}

function sumUp(calls: readonly AuditEntry[]): readonly AuditEntry[] {
  const [first] = calls
  if (first === undefined) return []
  const of = (event: AuditEntry['event']): readonly AuditEntry[] =>
    calls.filter((entry) => entry.event === event)
  const models = tally(of('model-response').map(({ actor }) => actor.name))
  const tools = tally(of('tool-result').map(({ actor }) => actor.name))
  const asked = of('model-request').length
  const called = of('tool-call').length
  const parts = [
    ...(asked > 0 ? [`asked models ${times(asked)}`] : []),
    ...(called > 0 ? [`called tools ${times(called)}`] : []),
  ]
  const failed = of('model-failed').length
  const result = [models, tools, failed > 0 ? `calls that failed: ${failed}` : '']
  return [
    {
      ...first,
      action: parts.join(', ') || 'went on',
      inputs: [],
      outputs: [],
      result: result.filter((part) => part !== '').join('; '),
    },
  ]
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

/** `grep: 4, read_file: 2`, the most frequent first. */
function tally(names: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  const sorted = [...counts].toSorted(([, left], [, right]) => right - left).slice(0, MAX_NAMES)
  return sorted.map(([name, count]) => `${name}: ${count}`).join(', ')
}

const MAX_NAMES = 12
