import { Agent, get, type AgentOptions, type ClientRequestArgs } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Dial } from './engine-dial.ts'

/** How long an engine may be silent. */
export interface Patience {
  readonly pingEveryMs: number
  readonly pingTimeoutMs: number
}

/** Until a frozen engine is given up: one interval and two silences, less than a minute. */
const PATIENCE: Patience = { pingEveryMs: 10_000, pingTimeoutMs: 20_000 }

/** The engine accepts connections, but has stopped working. */
class EngineFrozen extends Error {
  override readonly name = 'EngineFrozen'
  readonly code = 'ETIMEDOUT'
}

/**
 * All connections to one engine. While any is in use the engine must answer pings; one that does not is
 * given up with all its connections. So every request has an end, also one that may take its time.
 */
export class EngineAgent extends Agent {
  readonly #dial: Dial
  readonly #patience: Patience
  readonly #open = new Set<Duplex>()
  #pings: NodeJS.Timeout | undefined
  #isPinging = false
  #isFrozen = false

  constructor(dial: Dial, patience: Patience = PATIENCE) {
    super(KEPT)
    this.#dial = dial
    this.#patience = patience
  }

  override createConnection(
    _options: ClientRequestArgs,
    done?: (error: Error | null, connection: Duplex) => void,
  ): Duplex | undefined {
    if (this.#isFrozen && done !== undefined) {
      // @ts-expect-error: with an error there is no connection
      done(frozen())
      return undefined
    }
    const connection = this.#dial()
    this.#open.add(connection)
    connection.once('close', () => this.#open.delete(connection))
    this.#pings ??= setInterval(() => void this.#watch(), this.#patience.pingEveryMs).unref()
    return connection
  }

  async #watch(): Promise<void> {
    if (this.#isPinging) return
    if (this.#isIdle() && !this.#isFrozen) {
      clearInterval(this.#pings)
      this.#pings = undefined
      return
    }
    this.#isPinging = true
    // Twice: to a machine that slept, time has passed in which no engine could have answered.
    const answers = (await this.#answers()) || (await this.#answers())
    this.#isPinging = false
    this.#isFrozen = !answers
    if (this.#isFrozen) this.giveUp()
  }

  #isIdle(): boolean {
    const kept = Object.values(this.freeSockets).reduce((sum, list) => sum + (list?.length ?? 0), 0)
    return this.#open.size <= kept
  }

  #answers(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const through = this.#isFrozen ? { createConnection: this.#dial } : { agent: this }
    const request = get({ ...through, host: 'docker', path: '/_ping' }, (response) => {
      response.resume()
      resolve(true)
    })
    const timer = setTimeout(() => request.destroy(), this.#patience.pingTimeoutMs)
    request.on('close', () => {
      clearTimeout(timer)
      resolve(false)
    })
    // One that is gone has closed its connections: nobody waits for it.
    request.on('error', (cause) => resolve('code' in cause && cause.code === 'ECONNREFUSED'))
    return promise
  }

  /** Ends every connection; requests under way fail. */
  giveUp(): void {
    for (const connection of this.#open) connection.destroy(frozen())
  }
}

const KEPT: AgentOptions = { keepAlive: true }

const frozen = () => new EngineFrozen('The engine does not answer.')
