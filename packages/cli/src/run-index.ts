import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { journalPath, makeDirectory, replaceFile, storageError, WaveError } from '@wave/core'

/**
 * Remembers in the user's own data that a run was started here. A run folder can come with a repository,
 * and is then no state of ours. Call once the first event is recorded.
 */
export function indexRun(dataDir: string, directory: string, root: string): void {
  const folder = indexFolder(dataDir)
  try {
    makeDirectory(dataDir)
    makeDirectory(folder)
    const entry = { root, first: firstDigest(directory) }
    replaceFile(join(folder, basename(directory)), Buffer.from(`${JSON.stringify(entry)}\n`))
  } catch (error) {
    throw storageError(error, folder)
  }
}

/** Throws `run-unknown` unless the run was started by this user, in this project. */
export function checkOwnRun(dataDir: string, directory: string, root: string): void {
  const run = basename(directory)
  const entry = readEntry(join(indexFolder(dataDir), run))
  if (entry === undefined) {
    throw new WaveError('run-unknown', `Run ${run} was not started here by you.`, {
      hint: 'A run folder that came with a repository, or from another machine, is only read: wave status, logs and report. To do the work, start a new run.',
    })
  }
  if (entry.root !== root) {
    throw new WaveError('run-unknown', `Run ${run} was started in ${entry.root}, not here.`, {
      hint: 'Resume it there, or start a new run.',
    })
  }
  if (entry.first !== firstDigest(directory)) {
    throw new WaveError('run-unknown', `The journal of run ${run} is not the one you started.`, {
      hint: 'Start a new run.',
    })
  }
}

/** A run that was started by this user, in whatever project. */
export interface IndexedRun {
  readonly run: string
  /** Of the project. */
  readonly root: string
  /** The file that says so. */
  readonly file: string
}

/** All of them. What is no entry is left out. */
export function indexedRuns(dataDir: string): readonly IndexedRun[] {
  const folder = indexFolder(dataDir)
  return namesIn(folder).flatMap((run) => {
    const file = join(folder, run)
    const entry = isTemporary(run) ? undefined : readEntry(file)
    return entry === undefined ? [] : [{ run, root: entry.root, file }]
  })
}

/** Call when the folder of the run does not look like one any more. */
export function forgetRun(dataDir: string, run: string): void {
  rmSync(join(indexFolder(dataDir), run), { force: true })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw storageError(error, folder)
  }
}

/** As a crash may leave one. */
function isTemporary(name: string): boolean {
  return name.startsWith('.')
}

function indexFolder(dataDir: string): string {
  return join(dataDir, 'runs')
}

interface Entry {
  readonly root: string
  readonly first: string
}

function readEntry(path: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof value !== 'object' || value === null) return undefined
    if (!('root' in value) || !('first' in value)) return undefined
    const { root, first } = value
    return typeof root === 'string' && typeof first === 'string' ? { root, first } : undefined
  } catch {
    return undefined
  }
}

/** SHA-256, hex, of the first record, which names everything that the run started with. */
function firstDigest(directory: string): string {
  const bytes = readFileSync(journalPath(directory))
  const end = bytes.indexOf('\n')
  return createHash('sha256')
    .update(bytes.subarray(0, end === -1 ? bytes.length : end))
    .digest('hex')
}
