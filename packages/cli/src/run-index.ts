import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { journalPath, makeDirectory, replaceFile, storageError, WaveError } from '@wave/core'
import { openJournalFile } from '@wave/core/runs'
import { whyUnreadable } from './why-unreadable.ts'

/**
 * Remembers in the user's own data that a run is about to be started here. A run folder can come with a repository,
 * and is then no state of ours. Call before the folder is made: a run that is killed from then on is the user's
 * own. No repository can hold a folder for a run to come: its id is of this very moment, and random.
 */
export function expectRun(dataDir: string, directory: string, root: string): void {
  writeEntry(dataDir, basename(directory), { root })
}

/** Remembers also how the journal of the run begins. Call once the first event is recorded. */
export function indexRun(dataDir: string, directory: string, root: string): void {
  writeEntry(dataDir, basename(directory), { root, first: firstDigest(directory) })
}

/**
 * The same for a run of one's own that was killed before it was done. Call with its lock, once it is known to have
 * begun.
 */
export function completeEntry(dataDir: string, directory: string, root: string): void {
  const entry = readEntry(join(indexFolder(dataDir), basename(directory)))
  if (entry !== undefined && entry.first === undefined) indexRun(dataDir, directory, root)
}

/** Whether the run was started by this user, in this project. Throws `path-unwritable` where that cannot be read. */
export function isOwnRun(dataDir: string, directory: string, root: string): boolean {
  try {
    checkOwnRun(dataDir, directory, root)
    return true
  } catch (error) {
    if (error instanceof WaveError && error.code === 'run-unknown') return false
    throw error
  }
}

/**
 * Throws `run-unknown` unless the run was started by this user, in this project; `journal-refused` and
 * `path-unwritable` where that cannot be read.
 */
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
  if (entry.first !== undefined && entry.first !== firstDigest(directory)) {
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

/** All of them. What is no entry, or cannot be read, is left out. */
export function indexedRuns(dataDir: string): readonly IndexedRun[] {
  const folder = indexFolder(dataDir)
  return namesIn(folder).flatMap((run) => {
    const file = join(folder, run)
    const entry = isTemporary(run) ? undefined : readableEntry(file)
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
  /** Of the first record of the journal; undefined: the run was cut off before that was known. */
  readonly first?: string
}

function writeEntry(dataDir: string, run: string, entry: Entry): void {
  const folder = indexFolder(dataDir)
  try {
    makeDirectory(dataDir)
    makeDirectory(folder)
    replaceFile(join(folder, run), Buffer.from(`${JSON.stringify(entry)}\n`))
  } catch (error) {
    throw storageError(error, folder)
  }
}

function readableEntry(path: string): Entry | undefined {
  try {
    return readEntry(path)
  } catch {
    return undefined
  }
}

function readEntry(path: string): Entry | undefined {
  const text = readText(path)
  try {
    const value: unknown = JSON.parse(text ?? '')
    if (typeof value !== 'object' || value === null || !('root' in value)) return undefined
    const { root } = value
    const first = 'first' in value ? value.first : undefined
    if (typeof root !== 'string') return undefined
    if (first === undefined) return { root }
    return typeof first === 'string' ? { root, first } : undefined
  } catch {
    return undefined
  }
}

/** Undefined: there is no such file. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw unreadable(error, path)
  }
}

/** SHA-256, hex, of the first record, which names everything that the run started with. */
function firstDigest(directory: string): string {
  const digest = createHash('sha256')
  try {
    using file = openJournalFile(directory)
    for (let at = 0; at < MAX_FIRST_BYTES; at += PIECE_BYTES) {
      const piece = file.read(at, PIECE_BYTES)
      const end = piece.indexOf('\n')
      digest.update(piece.subarray(0, end === -1 ? piece.length : end))
      if (end !== -1 || piece.length < PIECE_BYTES) break
    }
  } catch (error) {
    throw unreadable(error, journalPath(directory))
  }
  return digest.digest('hex')
}

const PIECE_BYTES = 64 * 1024
/** Of a longer one the beginning will do: no more of it is ever read here. */
const MAX_FIRST_BYTES = 256 * PIECE_BYTES

/** Whose disk fails, or who has too many files open, has lost no run. */
function unreadable(cause: unknown, path: string): unknown {
  if (!(cause instanceof Error) || !('errno' in cause)) return cause
  return new WaveError('path-unwritable', `${path} cannot be read: ${whyUnreadable(cause)}.`, {
    hint: 'Make it readable for you, then try again.',
    cause,
  })
}
