import type { AgentResult, Conversation } from './conversation.ts'

/** Share of the window from which old results are left out. */
export const FULL_SHARE = 0.7

const KEPT_RESULTS = 3
const MIN_ELIDED_BYTES = 2000
const KEPT_TOOLS = new Set(['note', 'history', 'submit'])

/**
 * Replaces old, large tool results by stubs, all that may go, if at least `minBytes` are gained. Which
 * ones go depends on the conversation only, so a replay leaves out the same. Gives the bytes gained.
 */
export function elideResults(conversation: Conversation, minBytes: number): number {
  const results = conversation.results()
  const old = results.slice(0, -KEPT_RESULTS).filter(mayGo)
  const stubbed = old.map((entry) => ({ entry, stub: stubFor(entry) }))
  const gained = stubbed.reduce(
    (sum, { entry, stub }) => sum + byteLength(entry) - Buffer.byteLength(stub),
    0,
  )
  if (gained <= 0 || gained < minBytes) return 0
  for (const { entry, stub } of stubbed) {
    entry.result = { ...entry.result, text: stub }
    entry.isElided = true
  }
  return gained
}

function mayGo(entry: AgentResult): boolean {
  return !entry.isElided && !KEPT_TOOLS.has(entry.tool) && byteLength(entry) >= MIN_ELIDED_BYTES
}

function byteLength({ result }: AgentResult): number {
  return Buffer.byteLength(result.text)
}

function stubFor(entry: AgentResult): string {
  const label = JSON.stringify(entry.label.slice(0, 200))
  return `[wave] Left out to save room: ${label}, ${byteLength(entry)} bytes. Call ${entry.tool} again if you need it.`
}
