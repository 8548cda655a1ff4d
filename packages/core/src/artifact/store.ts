import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { WaveError } from '../errors.ts'
import type { ArtifactRef } from '../events.ts'
import type { ArtifactStore } from '../ports.ts'
import { clearFolder, ensureFile, isTemporary, makeDirectory } from '../run/journal/durable-fs.ts'
import { storageError } from '../run/journal/storage-error.ts'

/** What to do about stored content that is not as it was recorded. */
export const DAMAGED_HINT =
  'Resume the run: the step that made it runs again; in a completed run, name a step with --from-step. Where the input or the frozen files are gone, start a new run.'

/** The ref of these bytes, wherever they are stored. */
export function artifactRef(content: Uint8Array): ArtifactRef {
  return { digest: hash('sha256', content), sizeBytes: content.byteLength }
}

/** Immutable files named by digest: `<directory>/<first 2 hex>/<sha256>`, 0600. */
export class FileArtifactStore implements ArtifactStore {
  readonly #directory: string
  readonly #wasThere: boolean
  /** Digests that this process has made durable. */
  readonly #durable = new Set<string>()

  /** Removes what a crash left half-written. Throws `path-unwritable`. */
  constructor(directory: string) {
    this.#directory = directory
    this.#wasThere = existsSync(directory)
    if (this.#wasThere) removeLeftovers(directory)
  }

  put(content: Uint8Array): ArtifactRef {
    const ref = artifactRef(content)
    if (this.#durable.has(ref.digest)) return ref
    const path = this.pathOf(ref)
    try {
      // One that was moved away with its run must not begin anew where it was.
      if (this.#wasThere) statSync(this.#directory)
      makeDirectory(dirname(path))
      ensureFile(path, content)
    } catch (error) {
      throw storageError(error, path)
    }
    this.#durable.add(ref.digest)
    return ref
  }

  get(ref: ArtifactRef): Uint8Array {
    const path = this.pathOf(ref)
    const content = readIfThere(path)
    if (content === undefined) throw damaged(path, 'is missing')
    if (artifactRef(content).digest !== ref.digest) throw damaged(path, 'was changed')
    return content
  }

  /** Where these bytes lie, for a person who looks for them. */
  pathOf({ digest }: ArtifactRef): string {
    // What a record names may be anything.
    if (!/^[0-9a-f]{64}$/u.test(digest)) throw damaged(digest.slice(0, 64), 'has no valid digest')
    return join(this.#directory, digest.slice(0, 2), digest)
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

/** Where something else lies, as file managers and backups leave it, it is in nobody's way. */
function removeLeftovers(directory: string): void {
  for (const shard of shardsIn(directory)) clearFolder(join(directory, shard), isTemporary)
}

function shardsIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && /^[0-9a-f]{2}$/u.test(entry.name))
      .map(({ name }) => name)
  } catch (error) {
    throw storageError(error, directory)
  }
}

function damaged(path: string, what: string): WaveError {
  return new WaveError('journal-refused', `The stored artifact ${path} ${what}.`, {
    hint: DAMAGED_HINT,
  })
}
