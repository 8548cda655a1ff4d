import type { Message, Reply, ToolResult } from './messages.ts'
import type { Redactor } from '../redact.ts'
import type { CallReport } from './toolbox.ts'

type Entry =
  | { readonly role: 'assistant'; readonly reply: Reply }
  | { readonly role: 'user'; readonly results: AgentResult[]; readonly text: string }

/** A tool result in the conversation, with what is needed to leave it out later. */
export interface AgentResult {
  readonly tool: string
  readonly label: string
  result: ToolResult
  isElided: boolean
}

/** The messages of one attempt, oldest first. All text that comes in is redacted; replies were before. */
export class Conversation {
  readonly #entries: Entry[] = []

  readonly #redact: Redactor

  constructor(first: string, redact: Redactor = asItIs) {
    this.#redact = redact
    this.addText(first)
  }

  addReply(reply: Reply): void {
    this.#entries.push({ role: 'assistant', reply })
  }

  addText(text: string): void {
    this.#entries.push({ role: 'user', results: [], text: this.#redact(text) })
  }

  /**
   * Results go back in one message with no text behind them: models take such text for the end of the
   * exchange. What wave has to say stands at the end of the last result.
   */
  addResults(reports: readonly CallReport[], notice: string | undefined): void {
    const last = reports.length - 1
    const results = reports.map(({ tool, label, result }, index) => {
      const text =
        notice !== undefined && index === last ? `${result.text}\n\n[wave] ${notice}` : result.text
      return { tool, label, result: { ...result, text: this.#redact(text) }, isElided: false }
    })
    this.#entries.push({ role: 'user', results, text: '' })
  }

  /** Every tool result, oldest first; replacing one changes what later requests carry. */
  results(): AgentResult[] {
    return this.#entries.flatMap((entry) => (entry.role === 'user' ? entry.results : []))
  }

  messages(): readonly Message[] {
    return this.#entries.map((entry) =>
      entry.role === 'assistant'
        ? entry
        : { ...entry, results: entry.results.map(({ result }) => result) },
    )
  }
}

function asItIs(text: string): string {
  return text
}
