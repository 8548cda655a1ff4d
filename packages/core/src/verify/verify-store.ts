import { join } from 'node:path'
import { isRecord } from '../contract/schema-fields.ts'
import type { ArtifactRef } from '../events.ts'
import { openPlainFile } from '../run/journal/plain-file.ts'
import { parseJson } from '../run/parse-json.ts'
import { checkContent } from './check-content.ts'
import { namedContents } from './named-contents.ts'
import { count, several } from './verify-check.ts'
import type { RecordedRun, VerifyCheck } from './verify-check.ts'

/** Every content that an event names is in the store, as it was. */
export function verifyStore({ directory, events }: RecordedRun): VerifyCheck {
  const named = namedContents(events)
  const problems = named.flatMap(({ where, ...ref }) => {
    const problem = checkContent(join(directory, 'store'), ref)
    return problem === undefined
      ? []
      : [`${ref.digest.slice(0, 12)}, named by ${where}, ${problem}`]
  })
  const message =
    problems.length === 0
      ? `${count(named.length, 'content')} that the journal names, each as it was stored.`
      : `${problems.length} of ${count(named.length, 'content')}: ${several(problems)}.`
  return { name: 'store', level: problems.length === 0 ? 'ok' : 'error', message }
}

/** The files of `.wave/` that the run was started with are there, as they were. */
export function verifyFrozen({ directory, state }: RecordedRun): readonly VerifyCheck[] {
  const frozen = state.started?.frozen
  if (frozen === undefined) return []
  const folder = join(directory, 'frozen')
  const problem = checkContent(folder, frozen)
  if (problem !== undefined) {
    return [{ name: 'frozen', level: 'error', message: `The list of frozen files ${problem}.` }]
  }
  const files = readList(folder, frozen)
  if (files === undefined) {
    return [{ name: 'frozen', level: 'error', message: 'The list of frozen files is not one.' }]
  }
  const problems = files.flatMap(([path, ref]) => {
    const found = checkContent(folder, ref)
    return found === undefined ? [] : [`${path} ${found}`]
  })
  const message =
    problems.length === 0
      ? `${count(files.length, 'file')} of the start, as they were.`
      : `${problems.length} of ${count(files.length, 'file')}: ${several(problems)}.`
  return [{ name: 'frozen', level: problems.length === 0 ? 'ok' : 'error', message }]
}

/** As `freezeFiles` wrote it; the digest was verified before. */
function readList(
  folder: string,
  { digest, sizeBytes }: ArtifactRef,
): readonly (readonly [string, ArtifactRef])[] | undefined {
  using file = openPlainFile(folder, digest.slice(0, 2), digest)
  if (file === undefined || sizeBytes > MAX_LIST_BYTES) return undefined
  const read = parseJson(file.read(0, sizeBytes).toString())
  if (!read.ok || !isRecord(read.value)) return undefined
  const files: (readonly [string, ArtifactRef])[] = []
  for (const [path, ref] of Object.entries(read.value)) {
    if (!isRecord(ref)) return undefined
    const { digest: of, sizeBytes: size } = ref
    if (typeof of !== 'string' || typeof size !== 'number') return undefined
    files.push([path, { digest: of, sizeBytes: size }])
  }
  return files
}

const MAX_LIST_BYTES = 64 * 2 ** 20
