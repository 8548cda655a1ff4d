/**
 * The conversation between the agent loop and a model, in our own words. Adapters in `@wave/models`
 * translate it to a provider's wire format and back.
 */

/** One tool as the model sees it. `inputSchema` is JSON Schema 2020-12 of an object. */
export interface ToolSpec {
  readonly name: string
  readonly description: string
  readonly inputSchema: Readonly<Record<string, unknown>>
}

/** A model's request to run a tool. `input` is the raw JSON text as received: never repaired. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly input: string
}

export interface ToolResult {
  readonly callId: string
  readonly text: string
  readonly isError: boolean
}

/** One complete reply of a model. */
export interface Reply {
  /** The visible text, all text blocks joined. */
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  /**
   * The provider's own content items, unchanged and JSON-serialisable: sent back verbatim on the next
   * turn (signatures, encrypted reasoning). Only the adapter that made it reads it.
   */
  readonly wire: unknown
}

/** A user message carries tool results first, then text. Either part may be empty, not both. */
export type Message =
  | { readonly role: 'user'; readonly results: readonly ToolResult[]; readonly text: string }
  | { readonly role: 'assistant'; readonly reply: Reply }

export type Effort = 'low' | 'medium' | 'high' | 'max'

/** What a step may set about a call, and a model may not take. */
export type ModelParameter = 'temperature' | 'effort' | 'maxOutputTokens'

/** Those of a call as it is sent: without what the model does not take. */
export interface SentParameters {
  readonly maxOutputTokens?: number
  readonly temperature?: number
  readonly effort?: Effort
}

export interface ModelRequest {
  /** The provider's model id, for example `claude-sonnet-5-5`. */
  readonly model: string
  readonly system: string
  readonly messages: readonly Message[]
  readonly tools: readonly ToolSpec[]
  /** `auto`: the model decides. A name: it must call that tool. */
  readonly toolChoice: 'auto' | { readonly name: string }
  readonly maxOutputTokens: number
  /** Not sent: the provider refuses to be told a limit, and its own holds. */
  readonly leavesLimitToProvider?: true
  readonly effort?: Effort
  /** 0 to 2. Undefined: as the provider does without it. */
  readonly temperature?: number
  /** Requests with equal keys share a prefix: a cache hint, nothing else. */
  readonly cacheKey?: string
}

/** Tokens of one model call. `input` is everything sent, cached or not; `output` includes reasoning. */
export interface Usage {
  readonly input: number
  readonly cacheRead: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
  readonly output: number
  readonly reasoning: number
}

export const NO_USAGE: Usage = {
  input: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  output: 0,
  reasoning: 0,
}

export function addUsage(left: Usage, right: Usage): Usage {
  return {
    input: left.input + right.input,
    cacheRead: left.cacheRead + right.cacheRead,
    cacheWrite5m: left.cacheWrite5m + right.cacheWrite5m,
    cacheWrite1h: left.cacheWrite1h + right.cacheWrite1h,
    output: left.output + right.output,
    reasoning: left.reasoning + right.reasoning,
  }
}

/** Why a model call failed. Decided by status and type, never by message text. */
export type FailureClass = 'retryable' | 'auth' | 'quota' | 'overflow' | 'refusal' | 'request'

/** Why a complete reply ended. Tools run only for `tools`. */
export type StopKind = 'end' | 'tools' | 'length' | 'pause' | 'unknown'

export type ModelEvent =
  | { readonly type: 'text' | 'thinking'; readonly delta: string }
  /** So much more came that is not shown, such as arguments of tools. */
  | { readonly type: 'progress'; readonly characters: number }
  /** So much is known before the end: the input, as a rule. */
  | { readonly type: 'usage'; readonly usage: Usage }
  | {
      readonly type: 'done'
      readonly stop: StopKind
      readonly reply: Reply
      /** Undefined when the provider did not report it: unknown, never zero. */
      readonly usage: Usage | undefined
    }
  | {
      readonly type: 'failed'
      readonly class: FailureClass
      readonly message: string
      readonly retryAfterMs?: number
      /** The parameter that the provider refuses. `unnamed`: it does not say what is wrong with the request. */
      readonly refuses?: ModelParameter | 'unnamed'
      readonly usage?: Usage
      /** The provider ended the reply itself: what it reported is all there is. */
      readonly isWhole?: true
      /** The provider refused the request or was not reached. Left out: it may bill for it, answered or not. */
      readonly isUnbilled?: true
    }
