import { readFileSync, utimesSync } from 'node:fs'
import { basename, isAbsolute, join } from 'node:path'
import { WaveError } from '../../errors.ts'
import type { ArtifactRef } from '../../events.ts'
import { makeDirectory, replaceFile } from '../journal/durable-fs.ts'
import { hasErrorCode } from '../journal/storage-error.ts'
import { StoredBytes } from '../journal/stored-bytes.ts'
import { isCount, isRecord, isText, listOf, maybe, shape } from '../journal/value-checks.ts'
import { parseJson } from '../parse-json.ts'
import type { CachedStep, KeptStep, StepCache } from './step-cache.ts'

/**
 * One small file for each key in a folder of the user's, which names the run that the step succeeded in. What
 * the step left stays in the store of that run: once the folder of the run is gone, so is the entry.
 */
export class FileStepCache implements StepCache {
  readonly #directory: string
  readonly #runs: string

  /** `runs` is the folder in which the runs that keep something lie. */
  constructor(directory: string, runs: string) {
    this.#directory = directory
    this.#runs = runs
  }

  find(key: string): CachedStep | undefined {
    const entry = readEntry(this.#pathOf(key))
    if (entry === undefined) return undefined
    const { folder, ...step } = entry
    const store = new StoredBytes(folder)
    try {
      const contents = step.artifacts.map((each) => [each.name, store.get(each)] as const)
      const patchText = step.patch && store.get(step.patch)
      this.#markUsed(key)
      return { ...step, artifacts: new Map(contents), ...(patchText && { patchText }) }
    } catch (error) {
      if (error instanceof WaveError || hasErrorCode(error, ...UNREADABLE)) return undefined
      throw error
    }
  }

  keep(key: string, step: KeptStep): void {
    const path = this.#pathOf(key)
    const entry = { v: 1, folder: join(this.#runs, step.run), ...step }
    makeDirectory(join(path, '..'))
    replaceFile(path, Buffer.from(JSON.stringify(entry)))
  }

  /** What was not used for long goes first when there is too much of it. */
  #markUsed(key: string): void {
    const now = new Date()
    try {
      utimesSync(this.#pathOf(key), now, now)
    } catch {
      // Whoever may only read it, or has just lost it, can use it all the same.
    }
  }

  #pathOf(key: string): string {
    return join(this.#directory, key.slice(0, 2), key)
  }
}

const UNREADABLE = ['EACCES', 'EPERM', 'EIO', 'ENOENT', 'ENOTDIR', 'ELOOP']

interface Entry extends KeptStep {
  /** Of the run. */
  readonly folder: string
}

/** Undefined: there is none, or it is not what wave writes. */
export function readEntry(path: string): Entry | undefined {
  try {
    const read = parseJson(readFileSync(path, 'utf8'))
    return read.ok && isEntry(read.value) ? read.value : undefined
  } catch (error) {
    if (hasErrorCode(error, ...UNREADABLE)) return undefined
    throw error
  }
}

function isEntry(value: unknown): value is Entry {
  if (!isRecord(value) || value['v'] !== 1 || !isShaped(value)) return false
  const { folder, run } = value
  return isText(folder) && isText(run) && isAbsolute(folder) && basename(folder) === run
}

const REF: { readonly [name in keyof ArtifactRef]: (value: unknown) => boolean } = {
  digest: isText,
  sizeBytes: isCount,
}
const isShaped = shape({
  folder: isText,
  run: isText,
  step: isText,
  artifacts: listOf(shape({ ...REF, name: isText, path: isText, type: isText })),
  patch: maybe(
    shape({
      ...REF,
      baseTree: isText,
      tree: isText,
      files: isCount,
      added: isCount,
      deleted: isCount,
      paths: maybe(listOf(isText)),
      leftOut: maybe(listOf(shape({ path: isText, because: isText }))),
    }),
  ),
  verdict: maybe(isText),
  message: isText,
})
