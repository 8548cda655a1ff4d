import { hash } from 'node:crypto'
import type { Snapshot } from '../../ports.ts'

/** Digests of what many steps of a run share: each is computed once. */
export class Digests {
  readonly #texts = new Map<string, string>()
  readonly #folders = new Map<string, string>()

  /** Of a text that many steps have. */
  shared(text: string): string {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    const digest = digestOf(text)
    this.#texts.set(text, digest)
    return digest
  }

  /** Of the files in a folder of a snapshot: their paths, modes and contents, and nothing beside it. */
  folder({ tree, files }: Snapshot, source: string): string {
    const key = `${tree}\0${source}`
    const known = this.#folders.get(key)
    if (known !== undefined) return known
    const within = files.filter(({ path }) => path === source || path.startsWith(`${source}/`))
    const lines = within.map(({ path, mode, oid }) => `${mode} ${oid} ${path}`)
    const digest = digestOf(lines.toSorted().join('\n'))
    this.#folders.set(key, digest)
    return digest
  }
}

/** SHA-256, hex. */
export function digestOf(text: string): string {
  return hash('sha256', text)
}
