/**
 * Collects output. Pieces are copied together: a Buffer costs more than the byte that a hostile writer
 * puts into it, and keeps alive what it was cut from.
 */
export class Gathered {
  readonly #full: Buffer[] = []
  #open = Buffer.alloc(0)
  #used = 0
  sizeBytes = 0

  add(bytes: Uint8Array): void {
    this.sizeBytes += bytes.length
    for (let rest = bytes; rest.length > 0;) {
      if (this.#used === this.#open.length) this.#grow(rest.length)
      const part = rest.subarray(0, this.#open.length - this.#used)
      this.#open.set(part, this.#used)
      this.#used += part.length
      rest = rest.subarray(part.length)
    }
  }

  toBuffer(): Buffer {
    const last = this.#open.subarray(0, this.#used)
    return this.#full.length === 0 ? last : Buffer.concat([...this.#full, last])
  }

  #grow(neededBytes: number): void {
    if (this.#used > 0) this.#full.push(this.#open)
    const next = Math.max(MIN_BLOCK_BYTES, neededBytes, 2 * this.#open.length)
    this.#open = Buffer.allocUnsafeSlow(Math.min(MAX_BLOCK_BYTES, next))
    this.#used = 0
  }
}

const MIN_BLOCK_BYTES = 4096
const MAX_BLOCK_BYTES = 2 ** 20
