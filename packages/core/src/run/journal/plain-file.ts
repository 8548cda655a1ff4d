import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { join } from 'node:path'
import { WaveError } from '../../errors.ts'
import { hasErrorCode } from './storage-error.ts'

/** A file that is open for reading. */
export interface PlainFile extends Disposable {
  /** When it was opened. */
  readonly openedBytes: number
  /** As it is now: it may grow. */
  sizeBytes(): number
  /** At most `length` bytes from `offset` on; fewer where the file ends. */
  read(offset: number, length: number): Buffer
}

/**
 * Opens a file below a folder that a stranger may have filled: no link is followed on the way, and nothing but
 * a regular file is opened, so that no pipe or device is waited for. Undefined: there is none such. Throws
 * `journal-refused` for one that may not be read.
 */
export function openPlainFile(folder: string, ...names: readonly string[]): PlainFile | undefined {
  const path = join(folder, ...names)
  const isDirect = names.slice(0, -1).every((_, index) => {
    return isPlainFolder(join(folder, ...names.slice(0, index + 1)))
  })
  if (!isDirect) return undefined
  const fd = openQuietly(path)
  if (fd === undefined) return undefined
  const state = fstatSync(fd)
  if (!state.isFile()) {
    closeSync(fd)
    return undefined
  }
  return {
    openedBytes: state.size,
    sizeBytes: () => fstatSync(fd).size,
    read: (offset, length) => readAt(fd, offset, length),
    [Symbol.dispose]: () => closeSync(fd),
  }
}

/** Whether this is a folder, and no link to one. */
export function isPlainFolder(path: string): boolean {
  return lookAt(path)?.isDirectory() ?? false
}

/** What is there, links not followed; undefined: nothing, or nothing that may be looked at. */
export function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if (hasErrorCode(error, 'EACCES', 'EPERM')) return undefined
    throw error
  }
}

function openQuietly(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EISDIR')) return undefined
    if (!hasErrorCode(error, 'EACCES', 'EPERM')) throw error
    throw new WaveError('journal-refused', `You may not read ${path}.`, {
      hint: 'Make it readable for you.',
      cause: error,
    })
  }
}

function readAt(fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length)
  let size = 0
  for (let read = -1; read !== 0 && size < length; size += read) {
    read = readSync(fd, buffer, size, length - size, offset + size)
  }
  return buffer.subarray(0, size)
}
