/**
 * Files that survive a power cut: every function returns after the bytes and the directory entry are
 * on disk. Journal, store, lock and delivery share it. Not promised: network file systems, Windows.
 */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { hasErrorCode } from './storage-error.ts'

/** Creates a directory and its missing parents, each durable before the next. An existing one is fine. */
export function makeDirectory(path: string, mode = 0o700): void {
  const parent = dirname(path)
  if (existsSync(path)) {
    syncEntries(parent)
    return
  }
  makeDirectory(parent, mode)
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    if (!hasErrorCode(error, 'EEXIST')) throw error
  }
  syncDirectory(path)
  syncDirectory(parent)
  syncedParents.add(parent)
}

/**
 * Whoever made a folder that is there may have died before it was on the disk. Once for each process: each sync of
 * a folder waits for the disk.
 */
function syncEntries(parent: string): void {
  if (syncedParents.has(parent)) return
  try {
    syncDirectory(parent)
  } catch (error) {
    // A folder of somebody else: who may make nothing in it has made nothing in it.
    if (!hasErrorCode(error, 'EACCES', 'EPERM', 'EINVAL', 'ENOTSUP')) throw error
  }
  syncedParents.add(parent)
}

const syncedParents = new Set<string>()

/** Creates a file that must not exist yet. One that cannot be written to the end is not left behind. */
export function createFile(path: string, content: Uint8Array, mode = 0o600): void {
  writeNew(path, content, mode)
  try {
    syncDirectory(dirname(path))
  } catch (error) {
    removeQuietly(path)
    throw error
  }
}

/**
 * Replaces or creates a file in one step: a reader sees the old bytes or the new ones, never a mix. Removes what
 * processes left that died at the same.
 */
export function replaceFile(path: string, content: Uint8Array, mode = 0o600): void {
  removeLeftovers(path)
  replace(path, content, mode)
}

function replace(path: string, content: Uint8Array, mode: number): void {
  const temporary = temporaryName(path)
  removeFile(temporary)
  writeNew(temporary, content, mode)
  try {
    renameSync(temporary, path)
  } catch (error) {
    removeQuietly(temporary)
    throw error
  }
  syncDirectory(dirname(path))
}

/**
 * Makes a file hold this. One that does already, as after a crash, may not be on disk yet: it is then. For many
 * files: whoever makes them removes once what a crash left in their folder.
 */
export function ensureFile(path: string, content: Uint8Array, mode = 0o600): void {
  if (!holds(path, content)) {
    replace(path, content, mode)
    return
  }
  syncFile(path)
  syncDirectory(dirname(path))
}

/** Makes what a file holds durable, whoever wrote it. */
export function syncFile(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Makes the entries of a directory durable. */
export function syncDirectory(path: string): void {
  syncFile(path)
}

/** Loops over short writes; a write that makes no progress is an error. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    const written = writeSync(fd, bytes, done)
    if (written <= 0) throw new Error('short write')
    done += written
  }
}

/** Removes a file; a missing one is fine. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (!hasErrorCode(error, 'ENOENT')) throw error
  }
}

/** Names that a crash may leave behind start with this; see `isTemporary`. */
export function temporaryName(path: string): string {
  const slash = path.lastIndexOf('/')
  const namespace = pidNamespace()
  const owner = namespace === undefined ? process.pid : `${process.pid}@${namespace}`
  return `${path.slice(0, slash + 1)}.wave-tmp-${path.slice(slash + 1)}-${owner}`
}

/** The number of the namespace in which a pid means this process: containers have their own. Undefined: not Linux. */
export function pidNamespace(): string | undefined {
  namespace ??= { number: readNamespace() }
  return namespace.number
}

let namespace: { readonly number: string | undefined } | undefined

function readNamespace(): string | undefined {
  try {
    return /\d+/u.exec(readlinkSync('/proc/self/ns/pid'))?.[0]
  } catch {
    return undefined
  }
}

/** Removes what processes left that died while they wrote this file under its `temporaryName`. */
export function removeLeftovers(path: string): void {
  const file = basename(path)
  clearFolder(dirname(path), (name) => abandonedFile(path, name) === file)
}

/** The same for every file of a folder. */
export function removeLeftoversIn(folder: string): void {
  clearFolder(folder, (name) => abandonedFile(join(folder, name), name) !== undefined)
}

/**
 * The file beside `path` that a process was writing under this `temporaryName` when it died; undefined: none was, as
 * far as can be seen.
 */
export function abandonedFile(path: string, temporary: string): string | undefined {
  const [, name, pid, its] = TEMPORARY.exec(temporary) ?? []
  if (name === undefined) return undefined
  const isHere = its === undefined || its === pidNamespace()
  const isLeft = isHere ? isDead(Number(pid)) : isOld(join(dirname(path), temporary))
  return isLeft ? name : undefined
}

/**
 * Removes the files of a folder that are of no use. Never fails: what stays is in nobody's way, or whatever it is
 * in the way of tells.
 */
export function clearFolder(folder: string, isUseless: (name: string) => boolean): void {
  for (const name of namesIn(folder)) {
    try {
      if (isUseless(name)) removeFile(join(folder, name))
    } catch {
      // The others may go.
    }
  }
}

export function isTemporary(name: string): boolean {
  return name.startsWith('.wave-tmp-')
}

function holds(path: string, content: Uint8Array): boolean {
  try {
    return statSync(path).size === content.byteLength && readFileSync(path).equals(content)
  } catch {
    return false
  }
}

const TEMPORARY = /^\.wave-tmp-(.*)-(\d+)(?:@(\d+))?$/su

/** A folder may take files and not show them. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function isDead(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return hasErrorCode(error, 'ESRCH')
  }
}

/** No write takes a day. */
function isOld(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found !== undefined && found.mtimeMs < Date.now() - DAY_MS
}

const DAY_MS = 24 * 60 * 60 * 1000

function writeNew(path: string, content: Uint8Array, mode: number): void {
  const fd = openSync(path, 'wx', mode)
  try {
    fill(fd, content, mode)
  } catch (error) {
    removeQuietly(path)
    throw error
  }
}

function fill(fd: number, content: Uint8Array, mode: number): void {
  try {
    // The umask may have taken bits away; the caller's mode is meant exactly.
    fchmodSync(fd, mode)
    writeAll(fd, content)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** After a failure: that is what is told. */
function removeQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // A disk that takes nothing may give nothing up either.
  }
}
