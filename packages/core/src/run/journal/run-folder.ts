import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FileArtifactStore } from '../../artifact/store.ts'
import type { Clock } from '../../ports.ts'
import { makeDirectory, removeLeftoversIn, replaceFile } from './durable-fs.ts'
import { storageError } from './storage-error.ts'
import { openJournal } from './journal.ts'
import type { FileJournal } from './journal.ts'
import { takeRunLock } from './lock.ts'

export { findRun, runsFolder } from './run-list.ts'

/** The folder of one run, locked for this process until disposed. */
export interface RunFolder extends Disposable {
  readonly directory: string
  readonly journal: FileJournal
  readonly store: FileArtifactStore
}

/**
 * Creates or opens `<runs>/<run id>` with its lock, journal and store.
 * Throws `WaveError`: `run-locked`, `journal-refused`, `disk-full`, `path-unwritable`.
 */
export function openRunFolder(runs: string, runId: string, clock: Clock): RunFolder {
  const directory = join(runs, runId)
  try {
    makeRunsFolder(runs)
    makeDirectory(directory)
    return openLocked(directory, clock)
  } catch (error) {
    throw storageError(error, directory)
  }
}

function openLocked(directory: string, clock: Clock): RunFolder {
  const lock = takeRunLock(directory)
  try {
    return openFiles(directory, clock, lock)
  } catch (error) {
    lock[Symbol.dispose]()
    throw error
  }
}

/** The journal first: where it is refused, nothing else is touched. */
function openFiles(directory: string, clock: Clock, lock: Disposable): RunFolder {
  const journal = openJournal(directory, clock)
  try {
    removeLeftoversIn(directory)
    makeDirectory(join(directory, 'store'))
    const store = new FileArtifactStore(join(directory, 'store'))
    const close = (): void => {
      journal[Symbol.dispose]()
      lock[Symbol.dispose]()
    }
    return { directory, journal, store, [Symbol.dispose]: close }
  } catch (error) {
    journal[Symbol.dispose]()
    throw error
  }
}

/** Ignores itself, so that a run never shows up in the project's `git status`. */
function makeRunsFolder(runs: string): void {
  // `.wave` itself is the project's, like any other folder in it.
  makeDirectory(dirname(runs), 0o777)
  makeDirectory(runs)
  const ignore = join(runs, '.gitignore')
  // An empty one is what a full disk may have left.
  const isWritten = (statSync(ignore, { throwIfNoEntry: false })?.size ?? 0) > 0
  if (!isWritten) replaceFile(ignore, Buffer.from('*\n'), 0o644)
}
