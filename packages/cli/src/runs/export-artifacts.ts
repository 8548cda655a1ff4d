import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import { WaveError } from '@wave/core/language'
import { StoredBytes } from '@wave/core/runs'
import { escapeName } from '../sanitise.ts'
import type { ListedArtifact } from './artifact-list.ts'

/** A file that an artifact was written to. */
export interface ExportedFile {
  readonly step: string
  readonly name: string
  /** Relative to the folder of the export. */
  readonly path: string
  /** It was there already, with these bytes. */
  readonly wasThere: boolean
}

/**
 * Writes each artifact to `<folder>/<step>/<its path>`. Nothing is written before it is certain that nothing is
 * in the way: no file with other bytes, no link. Throws `path-unwritable`, `journal-refused`.
 */
export function exportArtifacts(
  directory: string,
  artifacts: readonly ListedArtifact[],
  folder: string,
): readonly ExportedFile[] {
  const store = new StoredBytes(directory)
  const files = placeAll(artifacts).map(({ artifact, path }) => {
    const wasThere = checkPlace(folder, path, store.get(artifact))
    return { artifact, file: { step: artifact.step, name: artifact.name, path, wasThere } }
  })
  for (const { artifact, file } of files) {
    if (!file.wasThere) write(folder, file.path, store.get(artifact))
  }
  return files.map(({ file }) => file)
}

interface Placed {
  readonly artifact: ListedArtifact
  readonly path: string
}

/** Two with the same bytes and path are one. Refused where one would be in the way of another. */
function placeAll(artifacts: readonly ListedArtifact[]): readonly Placed[] {
  const placed = new Map<string, Placed>()
  const folders = new Set<string>()
  for (const artifact of artifacts) {
    const path = placeOf(artifact)
    // Some file systems do not tell these apart.
    const key = path.normalize('NFC').toLowerCase()
    const before = placed.get(key)
    const parents = parentsOf(key)
    const isCovered = folders.has(key) || parents.some((parent) => placed.has(parent))
    const isOther = before !== undefined && before.artifact.digest !== artifact.digest
    if (isCovered || isOther) throw inTheWay(path, 'another artifact is to be written there')
    for (const parent of parents) folders.add(parent)
    if (before === undefined) placed.set(key, { artifact, path })
  }
  return [...placed.values()]
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, depth) => parts.slice(0, depth + 1).join('/'))
}

/** The step and the path as folders and a name that lead nowhere else. */
function placeOf({ step, path, name }: ListedArtifact): string {
  const place = path === '' ? name : path
  return `${safePath(step.replaceAll(/[[\]#]+/gu, '/'))}/${safePath(place)}`
}

function safePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  return parts.length === 0 ? '_' : parts.map(safeName).join('/')
}

function safeName(part: string): string {
  if (part === '..') return '_'
  return escapeName(part).replaceAll('\\', '_').slice(0, MAX_NAME_CHARACTERS)
}

/** Of up to four bytes each. */
const MAX_NAME_CHARACTERS = 60

/** Whether exactly these bytes are there already. */
function checkPlace(folder: string, path: string, content: Uint8Array): boolean {
  const parts = path.split('/')
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const part = parts.slice(0, depth).join('/')
    const state = lstatSync(join(folder, part), { throwIfNoEntry: false })
    if (state === undefined) return false
    refuseOther(state, part, depth === parts.length)
    if (depth === parts.length && !holds(join(folder, path), state, content)) {
      throw inTheWay(part, 'a file with other content is there')
    }
  }
  return true
}

function refuseOther(state: Stats, part: string, isLast: boolean): void {
  if (state.isSymbolicLink()) throw inTheWay(part, 'a link is there')
  if (isLast ? !state.isFile() : !state.isDirectory()) throw inTheWay(part, 'something is there')
}

function holds(path: string, { size }: Stats, content: Uint8Array): boolean {
  return size === content.byteLength && Buffer.compare(readFileSync(path), content) === 0
}

function write(folder: string, path: string, content: Uint8Array): void {
  const target = join(folder, path)
  try {
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, content, { flag: 'wx' })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WaveError('path-unwritable', `${target} could not be written: ${why}.`, {
      hint: 'Name a folder that you may write to.',
      cause,
    })
  }
}

function inTheWay(path: string, why: string): WaveError {
  return new WaveError('path-unwritable', `"${path}" is not written: ${why}.`, {
    hint: 'Nothing was written. Name an empty folder.',
  })
}
