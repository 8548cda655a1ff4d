import { StringDecoder } from 'node:string_decoder'
import type { Workspace } from '../../ports.ts'

const CHUNK_BYTES = 1024 * 1024
const MAX_SCANNED_BYTES = 256 * 1024 * 1024
/** A line longer than this is cut: nobody reads it, and a file without line ends must not fill the memory. */
const MAX_KEPT_CHARACTERS = 64 * 1024
const PROBED_BYTES = 8192

export type LineScan =
  | { readonly kind: 'unreadable'; readonly problem: string }
  | { readonly kind: 'binary' }
  | {
      readonly kind: 'text'
      readonly lines: readonly string[]
      /** Undefined when the end was not reached. */
      readonly totalLines: number | undefined
    }

/** Lines of a file, counted from 1, read in chunks so that a late line of a large log costs no memory. */
export async function scanLines(
  workspace: Workspace,
  path: string,
  wanted: { readonly first: number; readonly count: number },
): Promise<LineScan> {
  const collector = new LineCollector(wanted.first, wanted.count)
  const decoder = new StringDecoder('utf8')
  for (let offset = 0; offset < MAX_SCANNED_BYTES; offset += CHUNK_BYTES) {
    const chunk = await workspace.read(path, { offset, maxBytes: CHUNK_BYTES })
    if (!chunk.ok) return { kind: 'unreadable', problem: chunk.problem }
    if (offset === 0 && chunk.value.subarray(0, PROBED_BYTES).includes(0)) return { kind: 'binary' }
    collector.add(decoder.write(Buffer.from(chunk.value)))
    if (chunk.value.length < CHUNK_BYTES) {
      collector.end(decoder.end())
      return { kind: 'text', lines: collector.lines, totalLines: collector.seen }
    }
    if (collector.full) break
  }
  return { kind: 'text', lines: collector.lines, totalLines: undefined }
}

class LineCollector {
  readonly lines: string[] = []
  /** Complete lines so far. */
  seen = 0
  #rest = ''
  readonly #first: number
  readonly #count: number

  constructor(first: number, count: number) {
    this.#first = first
    this.#count = count
  }

  get full(): boolean {
    return this.lines.length === this.#count
  }

  add(text: string): void {
    const parts = text.split('\n')
    this.#extend(parts[0] ?? '')
    for (const part of parts.slice(1)) {
      this.#finish()
      this.#extend(part)
    }
  }

  end(text: string): void {
    this.add(text)
    if (this.#rest !== '') this.#finish()
  }

  #extend(text: string): void {
    this.#rest = (this.#rest + text).slice(0, MAX_KEPT_CHARACTERS)
  }

  #finish(): void {
    this.seen += 1
    if (this.seen >= this.#first && !this.full) {
      this.lines.push(this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest)
    }
    this.#rest = ''
  }
}
