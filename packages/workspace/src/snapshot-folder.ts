import { posix } from 'node:path'

import { WaveError } from '@wave/core'
import type { Location, Snapshot } from '@wave/core'

/**
 * The folder of a snapshot that a mount names, in plain form; `.` for all of it. Throws
 * `pipeline-invalid` when the snapshot has no such folder: it may be a file, a link, ignored, or missing.
 */
export function snapshotFolder(
  snapshot: Pick<Snapshot, 'files'>,
  source: string,
  location?: Location,
): string {
  const folder = posix.normalize(source).replace(/\/$/, '')
  const isInside = folder !== '..' && !folder.startsWith('../') && !posix.isAbsolute(folder)
  const exists = folder === '.' || snapshot.files.some((file) => isBelow(file.path, folder))
  if (isInside && exists && !MOUNT_SYNTAX.test(folder)) return folder
  throw new WaveError('pipeline-invalid', `The project has no folder ${JSON.stringify(source)}.`, {
    ...(location !== undefined && { location }),
    hint: 'Let "workspace.mount.source" name a folder that git does not ignore, or "./" for the project.',
  })
}

/** Whether a path lies in a folder; `.` holds every path. */
export function isBelow(path: string, folder: string): boolean {
  return folder === '.' || path.startsWith(`${folder}/`)
}

/** In the options of an overlay these begin another folder, or another option: any folder of the host. */
const MOUNT_SYNTAX = /[:,\\\p{Cc}]/u
