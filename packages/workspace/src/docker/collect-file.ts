import type { Collected } from '@wave/core'
import { posix } from 'node:path'
import { ARTIFACT_CAPS, ArchiveRefused } from '../archive.ts'
import { printable } from '../archive-names.ts'
import { readArchive } from '../collect.ts'
import type { ChannelReply } from './channel.ts'
import { quote } from './quote.ts'

/** One file of the greatest size as an archive. */
export const COLLECT_MAX_BYTES = ARTIFACT_CAPS.maxFileBytes + 65_536

const MISSING = 40
const THROUGH_LINK = 41

/** Writes the file as an archive: opening it could block on a pipe, and a link would be followed. */
export function collectCommand(path: string): string {
  const file = quote(path)
  const folder = quote(posix.dirname(path))
  return [
    `[ -e ${file} ] || [ -L ${file} ] || exit ${MISSING}`,
    `[ "$(realpath -- ${folder})" = ${folder} ] || exit ${THROUGH_LINK}`,
    `exec tar -C ${folder} --no-recursion --no-unquote -cf - -- ${quote(posix.basename(path))}`,
  ].join('; ')
}

export async function collectFile(path: string, reply: ChannelReply): Promise<Collected> {
  const shown = shownPath(path)
  if (reply.exitCode === MISSING) {
    return { found: false, problem: 'missing', message: `${shown} does not exist` }
  }
  if (reply.exitCode === THROUGH_LINK) return refused(`${shown} lies behind a link`)
  if (reply.exitCode !== 0) {
    const [why = ''] = reply.error.trim().split('\n')
    return refused(`${shown} cannot be read: ${printable(why)}`)
  }
  try {
    const rules = { caps: ARTIFACT_CAPS, kind: 'artifacts' } as const
    for await (const entry of readArchive([reply.output], rules)) {
      if (entry.kind === 'file') return { found: true, content: entry.content }
    }
  } catch (cause) {
    if (cause instanceof ArchiveRefused) return refused(cause.message)
    throw cause
  }
  return refused(`${shown} is not a regular file`)
}

/** As it is, where nothing in it needs an escape. */
export function shownPath(path: string): string {
  const quoted = printable(path)
  return quoted === `"${path}"` ? path : quoted
}

function refused(message: string): Collected {
  return { found: false, problem: 'refused', message }
}
