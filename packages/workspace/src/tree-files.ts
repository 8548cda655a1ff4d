import type { SnapshotFile } from '@wave/core'

import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'
import { splitRecords } from './snapshot-files.ts'

/** One entry of a tree that git holds. Anything may stand in it: trees come from commits of others. */
export interface TreeEntry {
  readonly path: string
  readonly mode: string
  readonly oid: string
  /** Undefined when git does not have the content, and for submodules. */
  readonly sizeBytes: number | undefined
}

export interface TreeListing {
  readonly entries: readonly TreeEntry[]
  /** Names that are not UTF-8, escaped. */
  readonly undecodable: readonly string[]
}

/** Every file of a tree, folders opened. Undefined: there is no such tree, or a part of it is missing. */
export async function listTree(
  host: HostRepository,
  tree: string,
  paths: readonly string[] = [],
): Promise<TreeListing | undefined> {
  const args = ['ls-tree', '-r', '-z', '-l', '--full-tree', tree, '--', ...paths]
  const listed = await hostGit(host, args, { answers: [128] })
  if (listed.exitCode !== 0) return undefined
  const { names, undecodable } = splitRecords(listed.stdout)
  return {
    entries: names.map(parseRecord),
    undecodable: undecodable.map((record) => record.slice(record.indexOf('\\x09') + 4)),
  }
}

/** The files of a tree that wave made; undefined when one of them is anything else, or is gone. */
export async function completeTree(
  host: HostRepository,
  tree: string,
): Promise<readonly SnapshotFile[] | undefined> {
  if (!isTreeId(tree)) return undefined
  const listing = await listTree(host, tree)
  if (listing === undefined || listing.undecodable.length > 0) return undefined
  const files = listing.entries.flatMap((entry) => asFile(entry) ?? [])
  return files.length === listing.entries.length ? files : undefined
}

/** Whether a text has the form of a full object id. */
export function isTreeId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)
}

/** Undefined: wave does not take it. */
export function asFile({ path, mode, oid, sizeBytes }: TreeEntry): SnapshotFile | undefined {
  if (sizeBytes === undefined || isUnsafe(path)) return undefined
  if (mode !== '100644' && mode !== '100755' && mode !== '120000') return undefined
  return { path, mode, oid, sizeBytes }
}

/** Names that no index of git takes, though a tree may hold them. */
export function isUnsafe(path: string): boolean {
  return /(?:^|\/)(?:\.{0,2}|\.git)(?:\/|$)/i.test(path)
}

function parseRecord(record: string): TreeEntry {
  const found = /^(\d{6}) \w+ ([0-9a-f]+) +(\d+|-|BAD)\t(.*)$/s.exec(record)
  if (found === null) throw new Error(`Internal error: unexpected tree entry ${record}`)
  const [, mode = '', oid = '', size = '', path = ''] = found
  return { path, mode, oid, sizeBytes: /^\d/.test(size) ? Number(size) : undefined }
}
