import { NO_USAGE } from './messages.ts'
import type { Message, ModelRequest, Usage } from './messages.ts'

/** Code and JSON have about 3.5 bytes per token; providers correct this with their first report. */
const FIRST_GUESS = 1 / 3.5
/** No real text is outside these; a test server's round numbers are. */
const MIN_RATIO = 1 / 8
const MAX_RATIO = 1
/** Too little text says nothing about the ratio. */
const MIN_LEARNED_BYTES = 2000
/** A guess that came out too low would reserve too little. */
const SAFETY = 1.15

/** How many tokens a request has, by its size and by what the provider counted for earlier ones. */
export class TokenEstimate {
  tokensPerByte = FIRST_GUESS

  learn(request: ModelRequest, usage: Usage): void {
    const bytes = requestBytes(request)
    if (bytes < MIN_LEARNED_BYTES || usage.input === 0) return
    this.tokensPerByte = Math.min(MAX_RATIO, Math.max(MIN_RATIO, usage.input / bytes))
  }

  input(request: ModelRequest): number {
    return this.ofBytes(requestBytes(request))
  }

  ofBytes(bytes: number): number {
    return Math.ceil(bytes * this.tokensPerByte)
  }

  /** What a call can use at most. */
  worstCase(request: ModelRequest): Usage {
    const input = Math.ceil(this.input(request) * SAFETY)
    return { ...NO_USAGE, input, output: request.maxOutputTokens }
  }

  /** What a call without a report has used, as far as one can tell. */
  used(request: ModelRequest, receivedCharacters: number): Usage {
    return { ...NO_USAGE, input: this.input(request), output: this.ofBytes(receivedCharacters) }
  }
}

function requestBytes(request: ModelRequest): number {
  let bytes = Buffer.byteLength(request.system) + Buffer.byteLength(JSON.stringify(request.tools))
  for (const message of request.messages) bytes += messageBytes(message)
  return bytes
}

function messageBytes(message: Message): number {
  if (message.role === 'assistant') {
    const { text, toolCalls } = message.reply
    return Buffer.byteLength(text) + Buffer.byteLength(JSON.stringify(toolCalls))
  }
  const results = message.results.reduce((sum, result) => sum + Buffer.byteLength(result.text), 0)
  return results + Buffer.byteLength(message.text)
}
