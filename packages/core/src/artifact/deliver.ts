import { lstatSync, readFileSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { WaveError } from '../errors.ts'
import type { ArtifactRef } from '../events.ts'
import type { ArtifactStore } from '../ports.ts'
import {
  createFile,
  ensureFile,
  makeDirectory,
  removeFile,
  removeLeftovers,
  removeLeftoversIn,
  temporaryName,
} from '../run/journal/durable-fs.ts'
import { hasErrorCode } from '../run/journal/storage-error.ts'
import { loadDeliveryRecord } from './delivery-record.ts'
import type { DeliveryRecord } from './delivery-record.ts'
import { takeDeliveryTurn } from './delivery-turn.ts'
import { artifactRef } from './store.ts'

/** An artifact of a completed step. Only those whose path starts with `output/` are delivered. */
export interface Deliverable extends ArtifactRef {
  readonly step: string
  readonly name: string
  readonly path: string
  /** No other completed step depends on its step: it stands in the summary. */
  readonly leaf: boolean
}

export interface DeliveredFile {
  readonly step: string
  readonly name: string
  /** Where it lies now, relative to the project. */
  readonly path: string
  readonly leaf: boolean
}

export interface Delivery {
  /** Leaves first, then in the order given. */
  readonly delivered: readonly DeliveredFile[]
  /** What could not be written, why, and where its bytes are. */
  readonly problems: readonly { readonly step: string; readonly message: string }[]
}

interface Target {
  readonly projectRoot: string
  /** The folder of all runs. */
  readonly runs: string
  readonly runId: string
  readonly store: ArtifactStore
}

/**
 * Writes artifacts into the project, each atomically: the only files that wave writes there by itself.
 * A file that wave did not deliver, or that was changed since, is kept; the new one goes beside it. A
 * failure is told, never thrown.
 */
export function deliver(target: Target, artifacts: readonly Deliverable[]): Delivery {
  const wanted = artifacts.filter((artifact) => artifact.path.startsWith('output/'))
  if (wanted.length === 0) return { delivered: [], problems: [] }
  using _ = takeDeliveryTurn(target.runs)
  const record = loadDeliveryRecord(target.runs)
  const cleared = new Set<string>()
  const write = (path: string, content: Uint8Array): void => {
    const folder = dirname(path)
    makeDirectory(folder, 0o755)
    if (!cleared.has(folder)) removeLeftoversIn(folder)
    cleared.add(folder)
    ensureFile(path, content, 0o644)
  }
  const results = nameFiles(wanted).map((file) => deliverOne({ ...target, write }, record, file))
  const problems = results.filter((result) => 'message' in result)
  try {
    record.save()
  } catch (error) {
    const message = `The list of delivered files in ${target.runs} could not be written: ${text(error)}.`
    problems.push({ step: wanted[0]?.step ?? '', message })
  }
  const delivered = results.filter((result) => 'path' in result)
  return { delivered: delivered.toSorted((a, b) => Number(b.leaf) - Number(a.leaf)), problems }
}

/** Finds out before a token is spent whether `output/` takes files. Leaves nothing behind. */
export function checkDeliverable(projectRoot: string): void {
  const folder = isFolder(join(projectRoot, 'output')) ? join(projectRoot, 'output') : projectRoot
  const name = join(folder, 'probe')
  const probe = temporaryName(name)
  try {
    refuseUnsafe(projectRoot, 'output/probe')
    // A run may have been killed in between.
    removeLeftovers(name)
    createFile(probe, new Uint8Array())
    removeFile(probe)
  } catch (cause) {
    throw new WaveError('path-unwritable', `The results cannot be written: ${text(cause)}.`, {
      hint: `Make ${join(projectRoot, 'output')} a folder that you may write to.`,
      cause,
    })
  }
}

/** What wave delivered before and nobody changed since, relative to the project. */
export function deliveredFiles(projectRoot: string, runs: string): readonly string[] {
  const record = loadDeliveryRecord(runs)
  return record.paths().filter((path) => {
    const isFile = stat(join(projectRoot, path))?.isFile() ?? false
    return isFile && isOurs(projectRoot, path, [record.get(path)])
  })
}

interface NamedFile {
  readonly artifact: Deliverable
  readonly path: string
}

/** Two steps with one path: the later one takes it, the earlier one's id goes into its name. */
function nameFiles(artifacts: readonly Deliverable[]): readonly NamedFile[] {
  const taken = new Set<string>()
  const named = artifacts.toReversed().map((artifact) => {
    let { path } = artifact
    while (taken.has(fold(path))) path = withMark(path, markOf(artifact.step))
    taken.add(fold(path))
    return { artifact, path }
  })
  return named.toReversed()
}

/** Some file systems do not tell these apart. */
function fold(path: string): string {
  return path.normalize('NFC').toLowerCase()
}

/** The id of a step in a loop, a fan-out or a called pipeline as a part of a file's name: `each.2.write`. */
function markOf(step: string): string {
  return step.replaceAll(/[#[/]/gu, '.').replaceAll(']', '')
}

function withMark(path: string, mark: string): string {
  const { dir, name, ext } = posix.parse(path)
  return posix.join(dir, `${name}.${mark}${ext}`)
}

type Result = DeliveredFile | { readonly step: string; readonly message: string }

interface Writing extends Target {
  /** Atomically, into a folder that is made when it is missing. */
  write(path: string, content: Uint8Array): void
}

function deliverOne(target: Writing, record: DeliveryRecord, file: NamedFile): Result {
  const { artifact } = file
  const { step, name, leaf } = artifact
  try {
    const path = choosePath(target, record, file)
    if (!isDelivered(target, record, { artifact, path })) {
      const content = target.store.get({ digest: artifact.digest, sizeBytes: artifact.sizeBytes })
      target.write(join(target.projectRoot, path), content)
    }
    record.set(path, artifact)
    return { step, name, path, leaf }
  } catch (error) {
    const kept = join(
      target.runs,
      target.runId,
      'store',
      artifact.digest.slice(0, 2),
      artifact.digest,
    )
    return {
      step,
      message: `${file.path} was not written: ${text(error)}. Its content is kept in ${kept}.`,
    }
  }
}

function choosePath(target: Target, record: DeliveryRecord, file: NamedFile): string {
  for (const path of [file.path, withMark(file.path, target.runId)]) {
    refuseUnsafe(target.projectRoot, path)
    if (isOurs(target.projectRoot, path, [record.get(path), file.artifact])) return path
  }
  throw new Error('a file that wave did not write is in the way')
}

/** By this run before it went on, say. The record is saved when the files that it names are on disk. */
function isDelivered(target: Target, record: DeliveryRecord, file: NamedFile): boolean {
  const { artifact, path } = file
  if (record.get(path)?.digest !== artifact.digest) return false
  return holds(target.projectRoot, path, [artifact]) ?? false
}

/** Missing, or exactly what wave wrote there, now or before. */
function isOurs(root: string, path: string, refs: readonly (ArtifactRef | undefined)[]): boolean {
  return holds(root, path, refs) ?? true
}

/** Whether a file has one of these contents. Undefined when there is none. */
function holds(
  root: string,
  path: string,
  refs: readonly (ArtifactRef | undefined)[],
): boolean | undefined {
  const stats = stat(join(root, path))
  if (stats === undefined) return undefined
  const likely = refs.filter((ref) => ref?.sizeBytes === stats.size)
  if (likely.length === 0) return false
  const { digest } = artifactRef(readFileSync(join(root, path)))
  return likely.some((ref) => ref?.digest === digest)
}

/** No link on the way, nothing but folders, and a file or nothing at the end. */
function refuseUnsafe(root: string, path: string): void {
  if (posix.normalize(path) !== path || path.startsWith('../') || path.includes('\0')) {
    throw new Error('the path is not a plain one')
  }
  const parts = path.split('/')
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const part = parts.slice(0, depth).join('/')
    const stats = stat(join(root, part))
    if (stats === undefined) return
    if (stats.isSymbolicLink()) throw new Error(`${part} is a symbolic link`)
    const fits = depth === parts.length ? stats.isFile() : stats.isDirectory()
    if (!fits) throw new Error(`${part} is in the way`)
  }
}

function stat(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function isFolder(path: string): boolean {
  return stat(path)?.isDirectory() ?? false
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
