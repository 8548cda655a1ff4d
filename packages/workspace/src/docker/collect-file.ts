import type { Collected } from '@wave/core'
import { posix } from 'node:path'
import { ARTIFACT_CAPS, ArchiveRefused } from '../archive.ts'
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
    `exec tar -C ${folder} --no-recursion -cf - -- ${quote(posix.basename(path))}`,
  ].join('; ')
}

export async function collectFile(path: string, reply: ChannelReply): Promise<Collected> {
  if (reply.exitCode === MISSING) {
    return { found: false, problem: 'missing', message: `${path} does not exist` }
  }
  if (reply.exitCode === THROUGH_LINK) return refused(`${path} lies behind a link`)
  if (reply.exitCode !== 0) return refused(`${path} cannot be read: ${reply.error.trim()}`)
  try {
    const rules = { caps: ARTIFACT_CAPS, kind: 'artifacts' } as const
    for await (const entry of readArchive([reply.output], rules)) {
      if (entry.kind === 'file') return { found: true, content: entry.content }
    }
  } catch (cause) {
    if (cause instanceof ArchiveRefused) return refused(cause.message)
    throw cause
  }
  return refused(`${path} is not a regular file`)
}

function refused(message: string): Collected {
  return { found: false, problem: 'refused', message }
}
