import type { Readable } from 'node:stream'

import { openHostGit } from './host-git.ts'
import type { GitProcess, HostRepository } from './host-git.ts'

/** Content of objects, in the order asked; undefined for one that is missing. One git for all of them. */
export async function* readObjects(
  host: HostRepository,
  oids: readonly string[],
): AsyncGenerator<Buffer | undefined> {
  if (oids.length === 0) return
  await using git = await openHostGit(host, ['cat-file', '--batch', '--buffer'])
  git.stdin.end(oids.map((oid) => `${oid}\n`).join(''))
  yield* parseBatch(git.stdout)
  await git.ended()
}

/**
 * Reads objects one at a time through one git, which ends by itself when nothing was asked for a
 * moment: a snapshot has no end of its own.
 */
export class ObjectReader {
  readonly #host: HostRepository
  #session: Promise<Session> | undefined

  constructor(host: HostRepository) {
    this.#host = host
  }

  /** `oid` must be a full object id. Undefined: there is no such object. */
  async read(oid: string): Promise<Buffer | undefined> {
    const session = (this.#session ??= this.#open())
    return await new Promise((resolve, reject) => {
      session.then((opened) => opened.ask(oid, { resolve, reject }), reject)
    })
  }

  async #open(): Promise<Session> {
    const git = await openHostGit(this.#host, ['cat-file', '--batch'])
    const session = new Session(git, () => {
      this.#session = undefined
    })
    return session
  }
}

interface Waiting {
  readonly resolve: (content: Buffer | undefined) => void
  readonly reject: (cause: unknown) => void
}

const IDLE_MS = 50

class Session {
  readonly #git: GitProcess
  readonly #closing: () => void
  readonly #waiting: Waiting[] = []
  #idle: NodeJS.Timeout | undefined

  constructor(git: GitProcess, closing: () => void) {
    this.#git = git
    this.#closing = closing
    void this.#answer()
  }

  ask(oid: string, waiting: Waiting): void {
    clearTimeout(this.#idle)
    this.#waiting.push(waiting)
    this.#git.stdin.write(`${oid}\n`)
  }

  async #answer(): Promise<void> {
    try {
      for await (const content of parseBatch(this.#git.stdout)) {
        this.#waiting.shift()?.resolve(content)
        if (this.#waiting.length === 0) this.#idle = setTimeout(() => this.#close(), IDLE_MS)
      }
      await this.#git.ended()
      throw new Error('Internal error: git cat-file ended early')
    } catch (cause) {
      this.#closing()
      for (const waiting of this.#waiting.splice(0)) waiting.reject(cause)
    }
  }

  #close(): void {
    this.#closing()
    this.#git.stdin.end()
  }
}

/** `<oid> <type> <size>\n<bytes>\n`, or `<oid> missing\n`. */
async function* parseBatch(stdout: Readable): AsyncGenerator<Buffer | undefined> {
  const source = new ByteSource(stdout)
  for (;;) {
    const header = await source.line()
    if (header === undefined) return
    if (header.endsWith(' missing')) {
      yield undefined
      continue
    }
    const size = Number(header.slice(header.lastIndexOf(' ') + 1))
    const content = await source.take(size + 1)
    yield content.subarray(0, size)
  }
}

/** Bytes of a stream by count or by line, without copying more than a piece once. */
class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(0x0a)
      if (end !== -1) {
        const line = this.#rest.subarray(0, end).toString()
        this.#rest = this.#rest.subarray(end + 1)
        return line
      }
      const next = await this.#chunks.next()
      if (next.done === true) return undefined
      this.#rest = Buffer.concat([this.#rest, next.value])
    }
  }

  async take(count: number): Promise<Buffer> {
    const pieces = [this.#rest]
    let have = this.#rest.length
    while (have < count) {
      const next = await this.#chunks.next()
      if (next.done === true) throw new Error('Internal error: git cat-file ended in mid-object')
      pieces.push(next.value)
      have += next.value.length
    }
    const all = pieces.length === 1 ? this.#rest : Buffer.concat(pieces, have)
    this.#rest = all.subarray(count)
    return all.subarray(0, count)
  }
}
