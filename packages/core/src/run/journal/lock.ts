import { linkSync, readFileSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { WaveError } from '../../errors.ts'
import { createFile, hasErrorCode, removeFile, syncDirectory, temporaryName } from './durable-fs.ts'

/**
 * One writer per run. Holds pid, process start time and boot id, so that a dead or recycled pid and a
 * reboot are recognised. There is no expiry by time: laptops sleep. `what` begins the sentence about a live owner.
 */
export function takeLock(directory: string, what = 'This run is in use'): Disposable {
  const path = join(directory, 'lock')
  const mine = JSON.stringify(describeProcess(process.pid))
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    if (tryCreate(path, mine)) return { [Symbol.dispose]: () => release(path, mine) }
    clearDead(path, what)
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
}

/** Who holds the lock now; undefined: nobody, or a process that is dead. */
export function lockOwner(directory: string): LockOwner | undefined {
  const found = readText(join(directory, 'lock'))
  const owner = found === undefined ? undefined : parseOwner(found)
  if (owner === undefined || !isAlive(owner)) return undefined
  const now = describeProcess(owner.pid)
  const isCertain =
    owner.bootId !== undefined && owner.startTime !== undefined && now.startTime !== undefined
  return { pid: owner.pid, isCertain }
}

const MAX_TRIES = 10

interface Owner {
  readonly pid: number
  /** As the kernel counts it; undefined where that cannot be read. */
  readonly startTime: string | undefined
  readonly bootId: string | undefined
}

/** Complete from the first moment: a lock without its content cannot be seen. */
function tryCreate(path: string, content: string): boolean {
  const temporary = temporaryName(path)
  removeFile(temporary)
  createFile(temporary, Buffer.from(content))
  try {
    linkSync(temporary, path)
  } catch (error) {
    if (hasErrorCode(error, 'EEXIST')) return false
    throw error
  } finally {
    removeFile(temporary)
  }
  syncDirectory(dirname(path))
  return true
}

/** Removes the lock of a dead process, or says that a live one holds it. */
function clearDead(path: string, what: string): void {
  const found = readText(path)
  if (found === undefined) return
  const owner = parseOwner(found)
  if (owner !== undefined && isAlive(owner)) throw lockedBy(owner, what)
  const aside = `${path}.dead-${process.pid}`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return
    throw error
  }
  // Between reading and renaming another process may have taken the lock: give it back.
  if (readText(aside) !== found) linkSync(aside, path)
  removeFile(aside)
}

function lockedBy(owner: Owner, what: string): WaveError {
  return new WaveError('run-locked', `${what} by process ${owner.pid}.`, {
    hint: 'Wait until it has ended, or stop it.',
  })
}

function release(path: string, mine: string): void {
  if (readText(path) === mine) removeFile(path)
}

function parseOwner(text: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('pid' in value)) return undefined
    const { pid } = value
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
    return { pid, startTime: textField(value, 'startTime'), bootId: textField(value, 'bootId') }
  } catch {
    return undefined
  }
}

function textField(value: object, key: string): string | undefined {
  const field: unknown = Reflect.get(value, key)
  return typeof field === 'string' ? field : undefined
}

function isAlive(owner: Owner): boolean {
  const now = describeProcess(owner.pid)
  if (owner.bootId !== undefined && now.bootId !== undefined && owner.bootId !== now.bootId) {
    return false
  }
  if (owner.startTime !== undefined && now.bootId !== undefined) {
    return owner.startTime === now.startTime
  }
  return answersSignals(owner.pid)
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasErrorCode(error, 'EPERM')
  }
}

function describeProcess(pid: number): Owner {
  const stat = readText(`/proc/${pid}/stat`)
  // The command name in parentheses may hold spaces; the start time is the 20th field behind it.
  const startTime = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return { pid, startTime, bootId: readText('/proc/sys/kernel/random/boot_id')?.trim() }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
