import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { WaveError } from '../../errors.ts'
import { hasErrorCode } from './storage-error.ts'
import { journalPath } from './journal.ts'
import { isPlainFolder } from './plain-file.ts'

/** Where the runs of a project lie. */
export function runsFolder(projectRoot: string): string {
  return join(projectRoot, '.wave', 'runs')
}

/** The ids of all runs in this folder, newest first. What is a link, or holds no journal, is no run. */
export function listRuns(runs: string): readonly string[] {
  if (!isPlainFolder(runs)) return []
  return readFolders(runs)
    .filter((id) => holdsJournal(join(runs, id)))
    .toSorted((left, right) => (left < right ? 1 : -1))
}

/** One that may not be looked into is listed, so that it is told. */
function holdsJournal(directory: string): boolean {
  try {
    const state = lstatSync(journalPath(directory), { throwIfNoEntry: false })
    return state?.isFile() ?? false
  } catch (error) {
    if (hasErrorCode(error, 'EACCES', 'EPERM')) return true
    throw error
  }
}

function readFolders(runs: string): readonly string[] {
  try {
    const entries = readdirSync(runs, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory() && RUN_ID.test(entry.name))
      .map(({ name }) => name)
  } catch (cause) {
    if (!hasErrorCode(cause, 'EACCES', 'EPERM')) throw cause
    throw new WaveError('path-unwritable', `You may not read ${runs}.`, { cause })
  }
}

/** As wave names them, and not like an option or a path. */
const RUN_ID = /^[A-Za-z0-9][\w.-]{0,63}$/

/** The folder of the one run whose id starts with `prefix`; of the newest for `last`. Throws `run-unknown`. */
export function findRun(runs: string, prefix: string): string {
  const ids = listRuns(runs)
  const found = prefix === 'last' ? ids.slice(0, 1) : startingWith(prefix, ids)
  const exact = found.find((id) => id === prefix)
  const [only] = exact === undefined ? found : [exact]
  if (only !== undefined && (exact !== undefined || found.length === 1)) return join(runs, only)
  if (ids.length === 0) {
    throw new WaveError('run-unknown', 'There are no runs yet.', {
      hint: 'Start one with: wave run',
    })
  }
  const several = `Several runs start with "${prefix}": ${found.toReversed().slice(0, 5).join(', ')}.`
  const message = only === undefined ? `No run starts with "${prefix}".` : several
  const hint = `The newest runs: ${ids.slice(0, 5).join(', ')}.`
  throw new WaveError('run-unknown', message, { hint })
}

/** An empty prefix, such as that of an unset variable, names no run. */
function startingWith(prefix: string, ids: readonly string[]): readonly string[] {
  return prefix === '' ? [] : ids.filter((id) => id.startsWith(prefix))
}
