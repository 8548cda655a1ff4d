import { join } from 'node:path'
import { isRecord } from '../contract/schema-fields.ts'
import type { ArtifactRef } from '../events.ts'
import { parseYaml } from '../pipeline/yaml/yaml-file.ts'
import { openPlainFile } from '../run/journal/plain-file.ts'
import { parseJson } from '../run/parse-json.ts'

/** The files of the start by path, as `freezeFiles` listed them; undefined: it is no such list. */
export function readFrozenList(
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

/** How a step may have seen the files. */
export interface FrozenMount {
  readonly source: string
  readonly target: string
}

/**
 * Every mount that the frozen pipelines name, other than that of the whole project where it always is: documents
 * name files as their step saw them, and the journal does not say how that was.
 */
export function frozenMounts(directory: string, frozen: ArtifactRef): readonly FrozenMount[] {
  const folder = join(directory, 'frozen')
  const files = readFrozenList(folder, frozen) ?? []
  const mounts = files.flatMap(([path, ref]) => {
    const text = /\.ya?ml$/u.test(path) ? readText(folder, ref) : undefined
    const parsed = text === undefined ? undefined : parseYaml({ file: path, text, code: CODE })
    return parsed?.ok === true ? mountsIn(parsed.value.toJs(parsed.value.root)) : []
  })
  const known = new Map(mounts.map((mount) => [`${mount.source}\0${mount.target}`, mount]))
  return [...known.values()].slice(0, MAX_MOUNTS)
}

const CODE = 'pipeline-invalid'
const MAX_MOUNTS = 50
const MAX_FILE_BYTES = 2 ** 20

function readText(folder: string, { digest, sizeBytes }: ArtifactRef): string | undefined {
  if (!/^[0-9a-f]{64}$/u.test(digest) || sizeBytes > MAX_FILE_BYTES) return undefined
  using file = openPlainFile(folder, digest.slice(0, 2), digest)
  return file?.read(0, sizeBytes).toString()
}

/** Whatever is called `mount`, however deep. */
function mountsIn(value: unknown): readonly FrozenMount[] {
  if (Array.isArray(value)) return value.flatMap(mountsIn)
  if (!isRecord(value)) return []
  const own = Array.isArray(value['mount']) ? value['mount'].flatMap(mountOf) : []
  return [...own, ...Object.values(value).flatMap(mountsIn)]
}

function mountOf(value: unknown): readonly FrozenMount[] {
  if (!isRecord(value)) return []
  const { source, target = '/src' } = value
  if (typeof source !== 'string' || typeof target !== 'string') return []
  return [{ source: plain(source) || '.', target: plain(target) }]
}

/** Without `./` at its start and `/` at its end. */
function plain(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  return (path.startsWith('/') ? '/' : '') + parts.join('/')
}
