import type { ArtifactRef } from '../events.ts'
import type { ArtifactStore } from '../ports.ts'
import type { Message, ModelRequest, Reply, ToolResult, ToolSpec } from './messages.ts'

/**
 * What a model was sent, as it lies in the store. Each request of a conversation holds only what the one
 * before it did not: to read one back, follow `after` up to a content without it.
 */
export interface StoredPrompt {
  /** Digest of the prompt that this one goes on from. */
  readonly after?: string
  /** Left out where it is as before, like the next two. */
  readonly system?: string
  readonly tools?: readonly ToolSpec[]
  readonly toolChoice?: ModelRequest['toolChoice']
  /** Those that are new. */
  readonly messages: readonly StoredMessage[]
}

export type StoredMessage =
  | { readonly role: 'user'; readonly results: readonly ToolResult[]; readonly text: string }
  /** A reply lies in the store already. */
  | { readonly role: 'assistant'; readonly reply: ArtifactRef | Reply }

/** Stores the prompts of one attempt. All that goes into a request was redacted before. */
export class PromptKeeper {
  readonly #store: ArtifactStore
  readonly #replies = new WeakMap<Reply, ArtifactRef>()
  #last: { readonly request: ModelRequest; readonly ref: ArtifactRef } | undefined

  constructor(store: ArtifactStore) {
    this.#store = store
  }

  /** The conversation goes on with this reply, which lies in the store. */
  know(reply: Reply, ref: ArtifactRef): void {
    this.#replies.set(reply, ref)
  }

  /** Durable when it returns. A request that is sent again is what it was. */
  put(request: ModelRequest): ArtifactRef {
    const { prompt, isAgain } = this.#describe(request)
    const ref =
      isAgain && this.#last !== undefined
        ? this.#last.ref
        : this.#store.put(Buffer.from(JSON.stringify(prompt)))
    this.#last = { request, ref }
    return ref
  }

  #describe(request: ModelRequest): { readonly prompt: StoredPrompt; readonly isAgain: boolean } {
    const { system, tools, toolChoice, messages } = request
    const before = this.#last
    if (before === undefined || !goesOn(before.request, request)) {
      const whole = { system, tools, toolChoice, messages: messages.map((one) => this.#keep(one)) }
      return { prompt: whole, isAgain: false }
    }
    const fresh = messages.slice(before.request.messages.length)
    const head = changes(before.request, request)
    const isAgain = fresh.length === 0 && Object.keys(head).length === 0
    const prompt = {
      after: before.ref.digest,
      ...head,
      messages: fresh.map((one) => this.#keep(one)),
    }
    return { prompt, isAgain }
  }

  #keep(message: Message): StoredMessage {
    if (message.role === 'user') return message
    return { role: 'assistant', reply: this.#replies.get(message.reply) ?? message.reply }
  }
}

/** Compared by identity: what a conversation holds is replaced, never changed. */
function goesOn(before: ModelRequest, now: ModelRequest): boolean {
  return before.messages.every((message, place) => isSame(message, now.messages[place]))
}

function isSame(left: Message, right: Message | undefined): boolean {
  if (left.role === 'assistant') return right?.role === 'assistant' && left.reply === right.reply
  if (right?.role !== 'user' || left.text !== right.text) return false
  return areSame(left.results, right.results)
}

function areSame(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((one, place) => one === right[place])
}

function changes(
  before: ModelRequest,
  now: ModelRequest,
): Pick<StoredPrompt, 'system' | 'tools' | 'toolChoice'> {
  const { system, tools, toolChoice } = now
  const isSameChoice = JSON.stringify(before.toolChoice) === JSON.stringify(toolChoice)
  return {
    ...(before.system !== system && { system }),
    ...(!areSame(before.tools, tools) && { tools }),
    ...(!isSameChoice && { toolChoice }),
  }
}
