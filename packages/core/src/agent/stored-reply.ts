import { WaveError } from '../errors.ts'
import type { ArtifactRef } from '../events.ts'
import type { ArtifactStore } from '../ports.ts'
import type { Reply, ToolCall } from './messages.ts'

/** A reply as it was stored; undefined when it is damaged. */
export function readReply(store: ArtifactStore, ref: ArtifactRef): Reply | undefined {
  const value = readStoredJson(store, ref)
  if (typeof value !== 'object' || value === null) return undefined
  if (!('text' in value) || typeof value.text !== 'string') return undefined
  if (!('toolCalls' in value) || !Array.isArray(value.toolCalls)) return undefined
  const calls: readonly unknown[] = value.toolCalls
  const toolCalls = calls.filter(isToolCall)
  if (toolCalls.length !== calls.length) return undefined
  return { text: value.text, toolCalls, wire: 'wire' in value ? value.wire : undefined }
}

/** What was stored as JSON; undefined when it is damaged. */
export function readStoredJson(store: Pick<ArtifactStore, 'get'>, ref: ArtifactRef): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(store.get(ref)))
  } catch (error) {
    if (error instanceof WaveError || error instanceof SyntaxError) return undefined
    throw error
  }
}

function isToolCall(value: unknown): value is ToolCall {
  if (typeof value !== 'object' || value === null) return false
  const fields = ['id', 'name', 'input'] as const
  return fields.every((field) => typeof Reflect.get(value, field) === 'string')
}
