import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'

/** A file below `.git/`. */
export interface GitDirEntry {
  readonly path: string
  readonly content: Uint8Array
}

/** Names of files in `objects/pack`, by what is in them. */
export interface PackNames {
  /** Whatever HEAD leads to. */
  readonly history: readonly string[]
  /** What only the frozen tree leads to. */
  readonly tree: readonly string[]
}

/** Two sets of packs: another snapshot may share the history and never what was not committed. */
export interface Packed {
  readonly names: PackNames
  entries(): AsyncGenerator<GitDirEntry>
}

/** What git is asked to pack: revisions, as `rev-list` takes them. */
export interface PackRequest {
  readonly history: readonly string[]
  readonly tree: readonly string[]
}

/** Packs into a private folder, from which the entries are read. */
export async function packRevisions(
  host: HostRepository,
  scratch: string,
  request: PackRequest,
): Promise<Packed> {
  const folders = { history: join(scratch, 'history'), tree: join(scratch, 'tree') }
  const names = {
    history: await packObjects(host, folders.history, request.history),
    tree: await packObjects(host, folders.tree, request.tree),
  }
  return {
    names,
    async *entries() {
      for (const part of ['history', 'tree'] as const)
        for (const name of names[part])
          yield {
            path: `${PACK_FOLDER}/${name}`,
            content: await readFile(join(folders[part], name)),
          }
    },
  }
}

export const PACK_FOLDER = 'objects/pack'

const MAX_PACK = '64m'

/** In pieces, so that no file is too large to hold in memory. */
async function packObjects(
  host: HostRepository,
  folder: string,
  revisions: readonly string[],
): Promise<readonly string[]> {
  if (revisions.length === 0) return []
  await mkdir(folder)
  // Deltas that exist are kept; searching for new ones would cost more than it saves.
  const effort = ['--window=0', `--max-pack-size=${MAX_PACK}`, '--delta-base-offset']
  // What a partial clone never fetched cannot be packed; git inside then says which object is missing.
  const what = ['--revs', '--non-empty', '--missing=allow-any']
  const args = ['pack-objects', '--quiet', ...what, ...effort, join(folder, 'pack')]
  await hostGit(host, args, { input: `${revisions.join('\n')}\n` })
  return await readdir(folder)
}

/** The list of packs as it lies in a volume, beside them. */
export const PACK_LIST = 'wave-packs'

/** Undefined: it is not what wave writes. */
export function parsePackList(text: string): PackNames | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const history = 'history' in value ? namesOf(value.history) : undefined
    const tree = 'tree' in value ? namesOf(value.tree) : undefined
    return history && tree && { history, tree }
  } catch {
    return undefined
  }
}

function namesOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined
  const names = value.filter((name): name is string => typeof name === 'string')
  const arePlain = names.every((name) => /^pack-[0-9a-f]{40,64}\.[a-z]+$/.test(name))
  return names.length === value.length && arePlain ? names : undefined
}
