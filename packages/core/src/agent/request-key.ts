import { createHash } from 'node:crypto'
import type { Message, ModelRequest } from './messages.ts'

/**
 * SHA-256, hex, of what a request asks: model, system, messages, tools and choice. Volatile call ids and
 * the provider's own content items do not count, so equal conversations have equal keys in every run.
 */
export function requestKey(request: ModelRequest): string {
  const ids = new Map<string, string>()
  const canonical = canonicalJson({
    model: request.model,
    system: request.system,
    messages: request.messages.map((message) => canonicalMessage(message, ids)),
    tools: request.tools,
    toolChoice: request.toolChoice,
    maxOutputTokens: request.maxOutputTokens,
    effort: request.effort ?? null,
    // Only where they are set: keys of other requests stay what they were.
    ...(request.temperature !== undefined && { temperature: request.temperature }),
    ...(request.leavesLimitToProvider && { leavesLimitToProvider: true }),
  })
  return createHash('sha256').update(canonical).digest('hex')
}

/** JSON with sorted keys: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).toSorted(byKey))
      : entry,
  )
}

function byKey([left]: [string, unknown], [right]: [string, unknown]): number {
  return left < right ? -1 : Number(left > right)
}

function canonicalMessage(message: Message, ids: Map<string, string>): unknown {
  if (message.role === 'user') {
    const results = message.results.map((result) => ({ ...result, callId: ids.get(result.callId) }))
    return { role: 'user', results, text: message.text }
  }
  const calls = message.reply.toolCalls.map((call) => {
    const id = ids.get(call.id) ?? `call-${ids.size + 1}`
    ids.set(call.id, id)
    return { ...call, id }
  })
  return { role: 'assistant', text: message.reply.text, calls }
}
