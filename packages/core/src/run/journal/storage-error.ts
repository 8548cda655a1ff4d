import { constants } from 'node:os'
import { WaveError } from '../../errors.ts'

/** Whether the system answered with one of these, such as `ENOENT`. */
export function hasErrorCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code === 'string' && codes.includes(code)) return true
  // Node has no name for a quota that is used up.
  const number = error instanceof Error && 'errno' in error ? error.errno : undefined
  return codes.includes('EDQUOT') && number === -constants.errno.EDQUOT
}

/** What a failed write means to the user; a failure that nobody can fix comes back as it was. */
export function storageError(cause: unknown, path: string): unknown {
  if (hasErrorCode(cause, 'ENOSPC', 'EDQUOT')) {
    const hint = 'Make room on that disk, then run again.'
    return new WaveError('disk-full', `The disk is full: ${path} could not be written.`, {
      hint,
      cause,
    })
  }
  if (!hasErrorCode(cause, ...NOT_WRITTEN)) return cause
  const why = cause instanceof Error ? cause.message : String(cause)
  return new WaveError('path-unwritable', `${path} could not be written: ${why}.`, {
    hint: 'Check that the folder exists and that you may write to it.',
    cause,
  })
}

/** What disks, file systems, folders and limits of the user answer; any other code is a bug. */
const NOT_WRITTEN = (
  'EACCES EPERM EROFS EBUSY ETXTBSY ENOENT ENOTDIR EISDIR ENOTEMPTY ELOOP ENAMETOOLONG ' +
  'EIO ENXIO ENODEV ESTALE ENOTSUP EOPNOTSUPP ENOSYS EMLINK EMFILE ENFILE EFBIG'
).split(' ')
