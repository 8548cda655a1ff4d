import type { ArtifactRef } from '../events.ts'
import type { ArtifactStore } from '../ports.ts'
import { isBoolean, isRecord, isText, listOf, maybe, shape } from '../run/journal/value-checks.ts'
import type { StoredPrompt } from './stored-prompt.ts'
import { readStoredJson } from './stored-reply.ts'

/** A prompt as it was stored; undefined when it is damaged. */
export function readPrompt(
  store: Pick<ArtifactStore, 'get'>,
  ref: ArtifactRef,
): StoredPrompt | undefined {
  const value = readStoredJson(store, ref)
  return isPrompt(value) ? value : undefined
}

const isResult = shape({ callId: isText, text: isText, isError: isBoolean })
const isUserMessage = shape({ results: listOf(isResult), text: isText })
const isOwnMessage = shape({ reply: isRecord })
const isTool = shape({ name: isText, description: isText, inputSchema: isRecord })
const isWhole = shape({
  after: maybe(isText),
  system: maybe(isText),
  tools: maybe(listOf(isTool)),
  messages: listOf(isMessage),
})

function isMessage(value: unknown): boolean {
  if (!isRecord(value)) return false
  if (value['role'] === 'user') return isUserMessage(value)
  return value['role'] === 'assistant' && isOwnMessage(value)
}

function isPrompt(value: unknown): value is StoredPrompt {
  return isWhole(value)
}
