import type { Usage } from '@wave/core'
import { asCount, asRecord, type Json } from '../json.ts'

/** Chat Completions says prompt and completion, Responses says input and output, of the same figures. */
const NAMES = {
  chat: { input: 'prompt_tokens', output: 'completion_tokens' },
  responses: { input: 'input_tokens', output: 'output_tokens' },
} as const

/** Undefined when the provider did not report it. `input` contains what the cache gave and took. */
export function openAiUsage(usage: Json, api: keyof typeof NAMES): Usage | undefined {
  const names = NAMES[api]
  const input = asCount(usage[names.input])
  const output = asCount(usage[names.output])
  if (input === undefined || output === undefined) return undefined
  const details = asRecord(usage[`${names.input}_details`])
  return {
    input,
    cacheRead: asCount(details.cached_tokens) ?? 0,
    cacheWrite5m: asCount(details.cache_write_tokens) ?? 0,
    cacheWrite1h: 0,
    output,
    reasoning: asCount(asRecord(usage[`${names.output}_details`]).reasoning_tokens) ?? 0,
  }
}
