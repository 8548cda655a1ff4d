import { hash, randomUUID } from 'node:crypto'
import { linkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { WaveError } from '../../errors.ts'
import { abandonedFile, clearFolder, createFile } from './durable-fs.ts'
import { removeFile, syncDirectory, temporaryName } from './durable-fs.ts'
import { describeProcess, isAlive, isElsewhere, parseOwner, readText } from './lock-owner.ts'
import type { Owner } from './lock-owner.ts'
import { lookAt } from './plain-file.ts'
import { hasErrorCode } from './storage-error.ts'

/**
 * One writer per run. Holds pid, process start time and boot id, so that a dead or recycled pid and a
 * reboot are recognised. There is no expiry by time: laptops sleep. `what` begins the sentence about a live owner.
 */
export function takeLock(directory: string, what = RUN_IN_USE): Disposable {
  return take(directory, what, {})
}

/** The same for the process that works on a run, and that may be told to stop when the run is to end. */
export function takeRunLock(directory: string): Disposable {
  return take(directory, RUN_IN_USE, { isRun: true })
}

const RUN_IN_USE = 'This run is in use'

function take(directory: string, what: string, about: object): Disposable {
  const path = join(directory, 'lock')
  // No two locks are alike, also not those of one process: what was seen dead never comes back.
  const mine = JSON.stringify({ ...describeProcess(process.pid), ...about, lock: randomUUID() })
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    if (tryCreate(path, mine)) {
      removeRemains(path)
      return { [Symbol.dispose]: () => release(path, mine) }
    }
    if (!clearDead(path, mine, what)) pause(Math.min(2 ** tries, MAX_PAUSE_MS))
  }
  throw new WaveError('run-locked', `The lock ${path} keeps changing hands.`, {
    hint: 'Wait until the other wave process has ended.',
  })
}

/** The live process that holds the lock. */
interface LockOwner {
  readonly pid: number
  /**
   * It is certain that this very process took it, by its start time and the boot: the file alone could name
   * any process.
   */
  readonly isCertain: boolean
  /** It works on the run: see `takeRunLock`. */
  readonly isRun: boolean
  /** It cannot be seen from here, as one in another container. */
  readonly isElsewhere: boolean
}

/** Who holds the lock now; undefined: nobody, or a process that is dead. */
export function lockOwner(directory: string): LockOwner | undefined {
  const found = readLock(join(directory, 'lock'))
  const owner = found === undefined ? undefined : parseOwner(found)
  if (owner === undefined || !isAlive(owner)) return undefined
  const now = describeProcess(owner.pid)
  const isCertain =
    owner.bootId !== undefined && owner.startTime !== undefined && now.startTime !== undefined
  const { pid, isRun } = owner
  return { pid, isCertain, isRun, isElsewhere: isElsewhere(owner) }
}

/** Nothing else is opened, where a stranger may have put it: one would wait for a pipe. */
function readLock(path: string): string | undefined {
  const found = lookAt(path)
  return found?.isFile() === true && found.size <= MAX_LOCK_BYTES ? readText(path) : undefined
}

const MAX_LOCK_BYTES = 4096
const MAX_TRIES = 60
const MAX_PAUSE_MS = 100

/** Complete from the first moment: a lock without its content cannot be seen. */
function tryCreate(path: string, content: string): boolean {
  const temporary = temporaryName(path)
  removeFile(temporary)
  createFile(temporary, Buffer.from(content))
  try {
    linkSync(temporary, path)
  } catch (error) {
    if (hasErrorCode(error, 'EEXIST')) return false
    throw hasErrorCode(error, ...NO_LINKS) ? withoutLinks(path, error) : error
  } finally {
    removeFile(temporary)
  }
  syncDirectory(dirname(path))
  return true
}

/** What file systems say that have no hard links. Nobody is refused a link to a file that they just made. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'] as const

function withoutLinks(path: string, cause: unknown): WaveError {
  const message = `${path} could not be made: its file system has no hard links, and wave locks with them.`
  return new WaveError('path-unwritable', message, {
    hint: 'Keep the project, and the data of wave, on another file system.',
    cause,
  })
}

/**
 * Removes the lock of a dead process, or says that a live one holds it. False: another process is about to
 * remove it.
 */
function clearDead(path: string, mine: string, what: string): boolean {
  const found = readLock(path)
  if (found === undefined) {
    refuseStranger(path)
    return true
  }
  const owner = parseOwner(found)
  if (owner !== undefined && isAlive(owner)) throw lockedBy(owner, what, path)
  const claims = claimDead(path, found, mine)
  if (claims === undefined) return false
  // Another process may have been here since it was read. That very lock never comes back.
  if (readLock(path) === found) removeFile(path)
  for (const claim of claims) removeFile(claim)
  return true
}

/** What no wave has made is not removed either. */
function refuseStranger(path: string): void {
  const found = lookAt(path)
  if (found === undefined || (found.isFile() && found.size <= MAX_LOCK_BYTES)) return
  throw new WaveError('path-unwritable', `${path} is in the way: it is not a lock of wave.`, {
    hint: 'See what it is, and remove it.',
  })
}

/**
 * The right to remove a dead lock, so that nobody removes the live one that follows it: a file named after what it
 * holds, which goes only once the lock is gone. The right of a process that died in between goes to whoever makes
 * the file named after both, and so on. Gives the files; undefined: a live process has the right.
 */
function claimDead(path: string, found: string, mine: string): readonly string[] | undefined {
  const claims: string[] = []
  for (let dead = found; ;) {
    const claim = `${path}${CLAIM}${hash('sha256', dead).slice(0, 32)}`
    claims.push(claim)
    if (tryCreate(claim, mine)) return claims
    const holder = readLock(claim)
    const owner = holder === undefined ? undefined : parseOwner(holder)
    if (holder === undefined || (owner !== undefined && isAlive(owner))) return undefined
    dead += holder
  }
}

const CLAIM = '.dead-'

/** Whoever has the lock may remove what is left of dead processes: all of it is about locks that are gone. */
function removeRemains(path: string): void {
  const lock = basename(path)
  const isClaim = (name: string): boolean => name.startsWith(`${lock}${CLAIM}`)
  clearFolder(dirname(path), (name) => {
    const file = abandonedFile(path, name)
    return isClaim(name) || (file !== undefined && (file === lock || isClaim(file)))
  })
}

function lockedBy(owner: Owner, what: string, path: string): WaveError {
  if (isElsewhere(owner)) {
    const who = `process ${owner.pid} in another container, or outside of this one`
    return new WaveError('run-locked', `${what} by ${who}.`, {
      hint: `Wait until it has ended, or stop it there. If it is gone with its container, remove ${path}.`,
    })
  }
  return new WaveError('run-locked', `${what} by process ${owner.pid}.`, {
    hint: 'Wait until it has ended, or stop it.',
  })
}

/** One that cannot be removed, as on a disk that became read-only, is that of a dead process soon. */
function release(path: string, mine: string): void {
  if (readLock(path) !== mine) return
  try {
    removeFile(path)
  } catch {
    // Whatever failed before is told.
  }
}

/** Taking a lock is synchronous, as everything that it guards. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
