import { join } from 'node:path'
import { artifactRef, DAMAGED_HINT } from '../../artifact/store.ts'
import { WaveError } from '../../errors.ts'
import type { ArtifactRef } from '../../events.ts'
import type { ArtifactStore } from '../../ports.ts'
import { openPlainFile } from './plain-file.ts'

/**
 * The store of a run for whoever only looks, also while the run is under way: it writes nothing and removes
 * nothing, follows no link, and reads no more than what is said to be there. Every digest is verified;
 * `journal-refused` tells what is not as it was recorded.
 */
export class StoredBytes implements ArtifactStore {
  readonly #directory: string

  /** `directory` is the folder of the run. */
  constructor(directory: string) {
    this.#directory = directory
  }

  get(ref: ArtifactRef): Uint8Array {
    const { digest, sizeBytes } = ref
    // It becomes a part of a path.
    if (!/^[0-9a-f]{64}$/u.test(digest)) throw damaged(digest.slice(0, 64), 'has no valid digest')
    const path = join(this.#directory, 'store', digest.slice(0, 2), digest)
    using file = openPlainFile(this.#directory, 'store', digest.slice(0, 2), digest)
    if (file === undefined) throw damaged(path, 'is missing')
    if (sizeBytes > MAX_BYTES) throw damaged(path, `is too large to be read (${sizeBytes} bytes)`)
    const hasSize = file.openedBytes === sizeBytes
    const content = hasSize ? file.read(0, sizeBytes) : undefined
    if (content === undefined || artifactRef(content).digest !== digest) {
      throw damaged(path, 'was changed')
    }
    return content
  }

  put(): never {
    throw new Error('Internal error: looking at a run stores nothing')
  }
}

const MAX_BYTES = 512 * 2 ** 20

function damaged(path: string, what: string): WaveError {
  return new WaveError('journal-refused', `The stored content ${path} ${what}.`, {
    hint: DAMAGED_HINT,
  })
}
