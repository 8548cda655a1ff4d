import { join } from 'node:path'
import { FileArtifactStore } from '../../artifact/store.ts'
import { WaveError } from '../../errors.ts'
import { isRecord } from '../../contract/schema-fields.ts'
import type { ArtifactRef } from '../../events.ts'
import { parseJson } from '../parse-json.ts'
import { makeDirectory } from './durable-fs.ts'
import { storageError } from './storage-error.ts'

/** A file of the project that a run uses: a pipeline, a persona, a schema, the configuration. */
export interface FrozenFile {
  /** As the project names it: `.wave/pipelines/audit.yaml`. */
  readonly path: string
  readonly content: Uint8Array
}

/**
 * Keeps project files in the folder of a run, so that it goes on with them whatever becomes of the originals.
 * Call before `run-started`, which names what comes back; the same files again are fine. Throws `disk-full`,
 * `path-unwritable`.
 */
export function freezeFiles(directory: string, files: readonly FrozenFile[]): ArtifactRef {
  const folder = frozenFolder(directory)
  try {
    makeDirectory(folder)
    const store = new FileArtifactStore(folder)
    const entries = files.map(({ path, content }) => [path, store.put(content)] as const)
    return store.put(Buffer.from(`${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`))
  } catch (error) {
    throw storageError(error, folder)
  }
}

/**
 * What `freezeFiles` kept, by path. `frozen` is what `run-started` names: files that were damaged or exchanged
 * since are refused with `journal-refused`.
 */
export function readFrozen(
  directory: string,
  frozen: ArtifactRef,
): ReadonlyMap<string, Uint8Array> {
  const folder = frozenFolder(directory)
  const store = new FileArtifactStore(folder)
  const read = parseJson(new TextDecoder().decode(store.get(frozen)))
  const list = read.ok && isRecord(read.value) ? Object.entries(read.value) : undefined
  if (list?.every(isEntry) !== true) throw refused(folder)
  return new Map(list.map(([path, ref]) => [path, store.get(ref)]))
}

function frozenFolder(directory: string): string {
  return join(directory, 'frozen')
}

function isEntry(entry: [string, unknown]): entry is [string, ArtifactRef] {
  return isRef(entry[1])
}

function isRef(value: unknown): value is ArtifactRef {
  if (typeof value !== 'object' || value === null) return false
  if (!('digest' in value) || !('sizeBytes' in value)) return false
  const { digest, sizeBytes } = value
  // It becomes a part of a path.
  return (
    typeof digest === 'string' && /^[0-9a-f]{64}$/u.test(digest) && typeof sizeBytes === 'number'
  )
}

function refused(folder: string): WaveError {
  const message = `The frozen files in ${folder} cannot be read.`
  return new WaveError('journal-refused', message, { hint: 'Start a new run.' })
}
