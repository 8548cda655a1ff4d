import { WorkspaceLost } from '@wave/core'
import { setTimeout as delay } from 'node:timers/promises'
import {
  ChannelBroken,
  SWEEP_REQUEST,
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
  readonly #held: Pick<HeldContainer, 'isAlive' | 'release'>
  readonly #openChannel: (sweep: boolean) => Promise<Channel>
  #current: Promise<Channel> | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #waiting = 0
  /** Something may still run that a request left behind, until a channel that began with a sweep has answered. */
  #unswept = false
  #gone: WorkspaceLost | undefined

  constructor(
    held: Pick<HeldContainer, 'isAlive' | 'release'>,
    open: (sweep: boolean) => Promise<Channel>,
  ) {
    this.#held = held
    this.#openChannel = open
    this.#current = this.#open(false)
  }

  /** Settles when the workspace's folders are there and something answers. Throws `WorkspaceLost`. */
  async ready(): Promise<void> {
    try {
      await this.request(NOTHING)
    } catch (cause) {
      if (!(cause instanceof ChannelBroken)) throw cause
      // Somebody stopped the channel: the next one begins with a sweep.
      await this.request(NOTHING).catch((again: unknown) => {
        throw this.#lost(again)
      })
    }
  }

  /** Throws `ChannelBroken` for a limit of the request, `WorkspaceLost` when the container died. */
  request(request: ChannelRequest): Promise<ChannelReply> {
    return this.#inTurn(() => this.#attempt(request, 2))
  }

  /** A fresh channel, born after every other process of the tool user has been ended. */
  async sweep(): Promise<void> {
    await this.#askToSweep()
    this.#drop()
    this.#unswept = true
    await this.ready()
  }

  close(): void {
    this.#drop()
  }

  /**
   * The old channel may have been told by anybody what to say. But it needs no new process, which takes
   * seconds, or cannot be had at all, beside many that are busy.
   */
  async #askToSweep(): Promise<void> {
    const channel = this.#current
    if (channel === undefined || this.#waiting > 0) return
    const asked = async () => (await channel).run({ ...NOTHING, command: SWEEP_REQUEST })
    await this.#inTurn(() => within(asked(), SWEEP_PATIENCE_MS)).catch(() => {})
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1
    const turn = this.#queue.then(work).finally(() => {
      this.#waiting -= 1
    })
    this.#queue = turn.catch(() => {})
    return turn
  }

  async #attempt(request: ChannelRequest, tries: number): Promise<ChannelReply> {
    if (this.#gone !== undefined) throw this.#gone
    try {
      const current = (this.#current ??= this.#open(this.#unswept))
      const channel = await within(current, OPEN_TIMEOUT_MS)
      const reply = await channel.run(request)
      if (this.#current === current) this.#unswept = false
      return reply
    } catch (cause) {
      this.#drop()
      if (!(cause instanceof ChannelBroken)) throw this.#lost(cause)
      if (cause.reason !== 'closed') {
        this.#unswept = true
        throw cause
      }
      // A tool or a sweep killed the channel. Requests can be repeated: they are reads, or whole writes.
      if (tries > 1 && this.#held.isAlive()) return this.#attempt(request, tries - 1)
      throw this.#lost(cause)
    }
  }

  #open(sweep: boolean): Promise<Channel> {
    const opening = this.#openChannel(sweep)
    // Reported by the request that needs it.
    opening.catch(() => {})
    return opening
  }

  /** Nobody waits for one that may never open: what runs in the sandbox can hold that up. */
  #drop(): void {
    const channel = this.#current
    this.#current = undefined
    channel?.then(
      (open) => open[Symbol.dispose](),
      () => {},
    )
  }

  /** What cannot be asked any more cannot be trusted to end by itself either. */
  #lost(cause: unknown): WorkspaceLost {
    this.#gone ??=
      cause instanceof WorkspaceLost
        ? cause
        : new WorkspaceLost('workspace-lost', 'The sandbox is gone.', { cause })
    void this.#held.release()
    return this.#gone
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const patience = new AbortController()
  const late = delay(ms, undefined, { signal: patience.signal }).then(() => {
    throw new Error(`nothing happened for ${ms} ms`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    patience.abort()
  }
}

/** Long enough for an engine that is busy. */
const OPEN_TIMEOUT_MS = 10_000
const SWEEP_PATIENCE_MS = 1000
const NOTHING: ChannelRequest = { command: ':', timeoutMs: 5000, maxBytes: 0 }
