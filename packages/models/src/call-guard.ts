import { isNeverSent, RedirectRefused } from './failure.ts'

/** Timers and caps of one model call. */
export interface CallLimits {
  /** From the request to the headers of the answer. */
  readonly headersMs: number
  /** Between two bytes. */
  readonly idleMs: number
  /** Between two pieces of content: keep-alives do not count. */
  readonly progressMs: number
  readonly totalMs: number
  /** How long a finished reply waits for the server to end the stream. */
  readonly lingerMs: number
  /** Text, thinking and tool arguments of one reply. */
  readonly maxReplyBytes: number
}

export const CALL_LIMITS: CallLimits = {
  headersMs: 30_000,
  idleMs: 60_000,
  progressMs: 300_000,
  totalMs: 900_000,
  lingerMs: 5_000,
  maxReplyBytes: 16 * 1024 * 1024,
}

type Timer = 'headers' | 'idle' | 'progress' | 'total' | 'linger'

/** Why the guard ended a call. */
export type Trip = Timer | 'bytes'

/** Every event carries an envelope, in the worst case around a few characters. */
const RAW_FACTOR = 8

/** Watches one call. When a timer runs out or the caller aborts, `signal` fires and everything below it ends. */
export class CallGuard implements Disposable {
  readonly #limits: CallLimits
  readonly #caller: AbortSignal
  readonly #controller = new AbortController()
  readonly #timers = new Map<Timer, NodeJS.Timeout>()
  readonly #onAbort = (): void => this.#controller.abort()
  #rawBytes = 0
  trip: Trip | undefined
  /** The request may have reached the provider, which has not refused it. */
  mayBeBilled = false

  constructor(limits: CallLimits, caller: AbortSignal) {
    this.#limits = limits
    this.#caller = caller
    caller.addEventListener('abort', this.#onAbort, { once: true })
    this.#arm('total', limits.totalMs)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  requestSent(): void {
    this.mayBeBilled = true
    this.#arm('headers', this.#limits.headersMs)
  }

  requestRefused(): void {
    this.mayBeBilled = false
  }

  headersArrived(): void {
    this.#disarm('headers')
    this.#arm('idle', this.#limits.idleMs)
    this.#arm('progress', this.#limits.progressMs)
  }

  bytesArrived(count: number): void {
    this.#timers.get('idle')?.refresh()
    this.#rawBytes += count
    if (this.#rawBytes > RAW_FACTOR * this.#limits.maxReplyBytes) this.#end('bytes')
  }

  contentArrived(): void {
    this.#timers.get('progress')?.refresh()
  }

  /** The reply is whole. Usage may still follow, and a stream read to its end keeps the connection. */
  replyFinished(): void {
    if (!this.#timers.has('linger')) this.#arm('linger', this.#limits.lingerMs)
  }

  [Symbol.dispose](): void {
    this.#caller.removeEventListener('abort', this.#onAbort)
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #arm(timer: Timer, ms: number): void {
    this.#timers.set(
      timer,
      setTimeout(() => this.#end(timer), ms),
    )
  }

  #disarm(timer: Timer): void {
    clearTimeout(this.#timers.get(timer))
    this.#timers.delete(timer)
  }

  #end(trip: Trip): void {
    this.trip ??= trip
    this.#controller.abort()
  }
}

/** Headers that the SDKs set themselves. Anything else came from an environment variable and stays here. */
const OWN_HEADERS = new Set([
  'accept',
  'anthropic-version',
  'authorization',
  'content-type',
  'idempotency-key',
  'user-agent',
])

/**
 * A `fetch` for an SDK: follows no redirect, sends the configured key and no header from the environment,
 * and reports headers and bytes to the guard.
 */
export function guardedFetch(guard: CallGuard, apiKey: string): typeof fetch {
  return async (input, init) => {
    const headers = ownHeaders(new Headers(init?.headers), apiKey)
    guard.requestSent()
    // `manual`, not `error`: that one looks like a broken connection, which is worth another try.
    const response = await fetch(input, { ...init, headers, redirect: 'manual' }).catch(
      (error: unknown) => {
        if (isNeverSent(error)) guard.requestRefused()
        throw error
      },
    )
    guard.headersArrived()
    if (!response.ok) guard.requestRefused()
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      throw new RedirectRefused('The provider answered with a redirect.')
    }
    // The SDKs take a missing body for a mistake of ours.
    if (!response.body) return new Response('', { headers: response.headers })
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          guard.bytesArrived(chunk.byteLength)
          controller.enqueue(chunk)
        },
      }),
    )
    return new Response(counted, { status: response.status, headers: response.headers })
  }
}

function ownHeaders(sent: Headers, apiKey: string): Headers {
  const own = new Headers()
  for (const [name, value] of sent)
    if (OWN_HEADERS.has(name) || name.startsWith('x-stainless-')) own.set(name, value)
  own.set('authorization', `Bearer ${apiKey}`)
  return own
}
