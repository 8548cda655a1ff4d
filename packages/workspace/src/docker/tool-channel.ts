import { WorkspaceLost } from '@wave/core'
import {
  ChannelBroken,
  openChannel,
  type Channel,
  type ChannelReply,
  type ChannelRequest,
} from './channel.ts'
import type { HeldContainer } from './held-container.ts'

/**
 * The channel of one workspace: opened once, opened again when a sweep, a tool or a limit ended it.
 * Requests wait for each other.
 */
export class ToolChannel {
  readonly #held: HeldContainer
  #current: Promise<Channel> | undefined
  #queue: Promise<unknown> = Promise.resolve()
  /** Something may still run that a request left behind. */
  #unswept = false

  constructor(held: HeldContainer) {
    this.#held = held
    this.#current = this.#open(false)
  }

  /** Settles when the workspace's folders are there. */
  async ready(): Promise<void> {
    await this.request({ command: ':', timeoutMs: OPEN_TIMEOUT_MS, maxBytes: 0 })
  }

  /** Throws `ChannelBroken` for a limit of the request, `WorkspaceLost` when the container died. */
  request(request: ChannelRequest): Promise<ChannelReply> {
    const turn = this.#queue.then(() => this.#attempt(request, 2))
    this.#queue = turn.catch(() => {})
    return turn
  }

  /** A fresh channel, born after every other process of the tool user has been ended. */
  async sweep(): Promise<void> {
    await this.#drop()
    this.#current = this.#open(true)
    await this.ready()
  }

  async close(): Promise<void> {
    await this.#drop()
  }

  async #attempt(request: ChannelRequest, tries: number): Promise<ChannelReply> {
    try {
      this.#current ??= this.#open(this.#unswept)
      const channel = await this.#current
      return await channel.run(request)
    } catch (cause) {
      await this.#drop()
      if (!(cause instanceof ChannelBroken)) throw this.#lost(cause)
      this.#unswept = cause.reason !== 'closed'
      if (cause.reason !== 'closed') throw cause
      // A tool or a sweep killed the channel. Requests can be repeated: they are reads, or whole writes.
      if (tries > 1 && this.#held.isAlive()) return this.#attempt(request, tries - 1)
      throw this.#lost(cause)
    }
  }

  #open(sweep: boolean): Promise<Channel> {
    this.#unswept = false
    const opening = openChannel(this.#held.container, sweep)
    // Reported by the request that needs it.
    opening.catch(() => {})
    return opening
  }

  async #drop(): Promise<void> {
    const channel = this.#current
    this.#current = undefined
    try {
      ;(await channel)?.[Symbol.dispose]()
    } catch {
      // It never opened.
    }
  }

  #lost(cause: unknown): unknown {
    if (cause instanceof WorkspaceLost) return cause
    return new WorkspaceLost('workspace-lost', 'The sandbox is gone.', { cause })
  }
}

const OPEN_TIMEOUT_MS = 30_000
